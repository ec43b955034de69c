"""Compares what train.py makes: `logits FOLDER`, transformers of every kind; `runs FOLDER`, pairs of runs."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "torchrun"))
from train import Transformer, read_safetensors


def logits(folder):
    for path in sorted(Path(folder).glob("*.safetensors")):
        arrays, metadata = read_safetensors(path)
        expected, _ = read_safetensors(path.with_suffix(".expected"))
        model = Transformer(json.loads(metadata["config"])).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(torch.from_numpy(np.array(arrays[name])))
            found = model(torch.from_numpy(np.array(expected["ids"])).long()).numpy()
        size = np.abs(expected["logits"]).max()
        gap = np.abs(found - expected["logits"]).max()
        assert size > 1, f"{path.stem}: logits of at most {size} show nothing"
        assert gap < 1e-5 * max(1, size), f"{path.stem}: logits differ by {gap}, and are up to {size}"
        print(f"{path.stem}: logits of up to {size:.1f} differ by {gap:.1e}")


def run(folder):
    arrays, metadata = read_safetensors(folder / "trained.safetensors")
    return arrays, metadata, json.loads((folder / "history.json").read_text())["losses"]


def compare(one, other):
    (arrays, metadata, losses), (arrays2, metadata2, losses2) = run(one), run(other)
    assert metadata == metadata2 and list(arrays) == list(arrays2) and len(losses) == len(losses2) > 0
    weights = max(np.abs(arrays[name] - arrays2[name]).max() for name in arrays)
    gap = max(abs(a - b) for a, b in zip(losses, losses2))
    start, _ = read_safetensors(one / "model.safetensors")
    moved = max(np.abs(arrays[name] - start[name]).max() for name in arrays)
    print(f"{one.name}, {other.name}: weights differ by {weights:.1e}, losses by {gap:.1e}; training moved {moved:.1e}")
    return max(weights, gap), moved


def runs():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--equal", nargs="+")
    parser.add_argument("--other", nargs="+")
    options = parser.parse_args(sys.argv[2:])
    for pair in options.equal:
        gap, moved = compare(*(options.folder / name for name in pair.split(",")))
        # Float32: sums in another order.
        assert gap <= 2e-5 < moved / 100, f"{pair} differ"
    for pair in options.other:
        gap, _ = compare(*(options.folder / name for name in pair.split(",")))
        assert gap > 1e-3, f"{pair} do not differ"


if sys.argv[1] == "logits":
    logits(sys.argv[2])
else:
    runs()
