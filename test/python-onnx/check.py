"""Runs the models that write-models.ts wrote, and compares with its results."""

import json
import sys
from pathlib import Path

import numpy
import onnxruntime

folder = Path(sys.argv[1])
expected = json.loads((folder / "expected.json").read_text())


def tensor(written):
    return numpy.array(written["data"], dtype=written["dtype"]).reshape(written["shape"])


def tensors(written):
    return {name: tensor(each) for name, each in written.items()}


def session(name):
    return onnxruntime.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"])


print(f"onnxruntime {onnxruntime.__version__}, Python {sys.version.split()[0]}")
generation = expected["generation"]
for name in ["generation.onnx", "parts.onnx"]:
    model = session(name)
    [ids] = model.run(["ids"], tensors(generation["feeds"]))
    wanted = tensor(generation["ids"])
    assert ids.dtype == numpy.int32 and ids.shape == wanted.shape, (ids.dtype, ids.shape)
    assert (ids == wanted).all(), f"{name}: {(ids != wanted).sum()} of {ids.size} ids differ"
    metadata = model.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["config"])["contextLength"] == wanted.shape[1]
    print(f"{name}: {ids.size} ids equal, {(folder / name).stat().st_size} bytes")

training = expected["training"]
step = session("step.onnx")
first = session("state.onnx")
state = dict(zip([output.name for output in first.get_outputs()], first.run(None, {})))
names = [output.name for output in step.get_outputs()]
for i, (batch, loss) in enumerate(zip(training["batches"], training["losses"])):
    rate = numpy.array(training["learningRate"], dtype="float32")
    found = dict(zip(names, step.run(names, {**tensors(batch), "learningRate": rate, **state})))
    state = {name.removeprefix("next."): value for name, value in found.items() if name.startswith("next.")}
    difference = abs(float(found["loss"]) - loss)
    assert difference < 1e-5, f"step {i + 1}: loss {found['loss']}, expected {loss}"
    print(f"step.onnx, step {i + 1}: loss {float(found['loss']):.6f}, differs by {difference:.1e}")
assert int(state["step"]) == len(training["losses"])
