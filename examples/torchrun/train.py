"""Trains a model of this project with PyTorch, in one process or many, on CPUs or GPUs:

    torchrun --nproc-per-node 2 train.py FOLDER --steps 2000 --batch 128 --learning-rate 1e-3

FOLDER is what `npm run torchrun -- write` wrote: examples.safetensors and model.safetensors. The transformer is defined
below and trained by DistributedDataParallel; any other model comes as the two halves of its training step, gradients.onnx
and update.onnx, which run in ONNX Runtime. Writes trained.safetensors, which this project loads, state.safetensors, from
which the same command goes on, and history.json.
"""

import argparse
import functools
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F

DTYPES = {"F32": np.float32, "I32": np.int32, "U8": np.uint8}


def read_safetensors(path):
    """Arrays by name, mapped from the file rather than read, and the metadata."""
    if not path.exists():
        sys.exit(f"{path} is missing: write it with `npm run torchrun -- write`.")
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    metadata = header.pop("__metadata__", {})
    data = np.memmap(path, np.uint8, "r", 8 + size) if header else b""
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        arrays[name] = data[start:end].view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays, metadata


def write_safetensors(path, arrays, metadata):
    """The whole file or none: what was there before stays until it is replaced."""
    header, parts, offset = {"__metadata__": metadata}, [], 0
    codes = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
    for name, array in arrays.items():
        array = np.asarray(array, order="C")
        entry = {"dtype": codes[array.dtype], "shape": list(array.shape)}
        header[name] = {**entry, "data_offsets": [offset, offset + array.nbytes]}
        parts.append(array)
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in parts:
            file.write(array.tobytes())
    os.replace(unfinished, path)


class Group:
    """The processes that torchrun started: Gloo between CPUs, NCCL between GPUs. Without torchrun, this process alone."""

    def __init__(self):
        self.rank, self.size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.local = int(os.environ.get("LOCAL_RANK", 0))
        self.on_gpu = torch.cuda.is_available()
        self.device = torch.device("cuda", self.local) if self.on_gpu else torch.device("cpu")
        if self.on_gpu:
            torch.cuda.set_device(self.device)
        if self.size > 1:
            dist.init_process_group("nccl" if self.on_gpu else "gloo")

    def sum(self, values):
        """Adds up float32 or float64 numbers over all processes: an array of NumPy."""
        if self.size == 1:
            return values
        tensor = torch.from_numpy(values).to(self.device)
        dist.all_reduce(tensor)
        return tensor.cpu().numpy()

    def close(self):
        if self.size > 1:
            dist.destroy_process_group()


class Norm(nn.Module):
    def __init__(self, width, bias=True, rms=False):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias and not rms else None
        self.rms = rms

    def forward(self, x):
        if self.rms:
            return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.weight
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, self.heads, self.causal, self.rate = c["width"], c["heads"], c["causal"], c["dropout"]
        self.c_attn = nn.Linear(width, 3 * width, bias=c["bias"])
        self.c_proj = nn.Linear(width, width, bias=c["bias"])
        if c["queryKeyNorm"]:
            self.q_norm, self.k_norm = (Norm(width // self.heads, rms=True) for _ in range(2))

    def forward(self, x, turn):
        batch, time, width = x.shape
        heads = (batch, time, self.heads, width // self.heads)
        q, k, v = (part.view(heads).transpose(1, 2) for part in self.c_attn(x).split(width, 2))
        if hasattr(self, "q_norm"):
            q, k = self.q_norm(q), self.k_norm(k)
        rate = self.rate if self.training else 0.0
        seen = F.scaled_dot_product_attention(turn(q), turn(k), v, dropout_p=rate, is_causal=self.causal)
        return self.c_proj(seen.transpose(1, 2).reshape(batch, time, width))


class FeedForward(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, inner, bias = c["width"], c["feedForwardWidth"], c["bias"]
        self.swiglu, self.approximate = c["feedForward"] == "swiglu", "tanh" if c["gelu"] == "tanh" else "none"
        if self.swiglu:
            self.gate_proj, self.up_proj = nn.Linear(width, inner, bias=bias), nn.Linear(width, inner, bias=bias)
            self.down_proj = nn.Linear(inner, width, bias=bias)
        else:
            self.c_fc, self.c_proj = nn.Linear(width, inner, bias=bias), nn.Linear(inner, width, bias=bias)

    def forward(self, x):
        if self.swiglu:
            return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return self.c_proj(F.gelu(self.c_fc(x), approximate=self.approximate))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        norm = lambda: Norm(c["width"], c["bias"], c["normalization"] == "rms")
        self.ln_1, self.attn, self.ln_2, self.mlp = norm(), Attention(c), norm(), FeedForward(c)
        self.drop = nn.Dropout(c["dropout"])

    def forward(self, x, turn):
        x = x + self.drop(self.attn(self.ln_1(x), turn))
        return x + self.drop(self.mlp(self.ln_2(x)))


class Transformer(nn.Module):
    """The model that `TinyTransformer` is, its parameters under the same names."""

    def __init__(self, c):
        super().__init__()
        width, length, positions = c["width"], c["contextLength"], c["positions"]
        parts = {"wte": nn.Embedding(c["vocabularySize"], width)}
        if positions == "learned" or c["learnedPositions"]:
            parts["wpe"] = nn.Embedding(length, width)
        parts["h"] = nn.ModuleList(Block(c) for _ in range(c["layers"]))
        parts["ln_f"] = Norm(width, c["bias"], c["normalization"] == "rms")
        self.transformer = nn.ModuleDict(parts)
        self.lm_head = nn.Linear(width, c["vocabularySize"], bias=False)
        if c["tiedWeights"]:
            self.lm_head.weight = parts["wte"].weight
        self.drop = nn.Dropout(c["dropout"])
        angles = position_angles(c)
        waves = None if angles is None else torch.cat([angles.sin(), angles.cos()], 1).float()
        self.register_buffer("waves", waves, persistent=False)
        self.rotary = positions.startswith("rotary")

    def forward(self, ids):
        parts, time = self.transformer, ids.shape[1]
        x = parts["wte"](ids)
        if "wpe" in parts:
            x = x + parts["wpe"].weight[:time]
        if self.waves is not None and not self.rotary:
            x = x + self.waves[:time]
        x = self.drop(x)
        for block in parts["h"]:
            x = block(x, self.turn)
        return self.lm_head(parts["ln_f"](x))

    def turn(self, x):
        if not self.rotary:
            return x
        sin, cos = self.waves[: x.shape[2]].chunk(2, 1)
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def position_angles(c):
    """[contextLength, pairs], float64; none for learned positions alone."""
    kind, places = c["positions"], torch.arange(c["contextLength"], dtype=torch.float64)
    if kind == "learned":
        return None
    frequencies = lambda pairs: 10_000 ** -(torch.arange(pairs, dtype=torch.float64) / pairs)
    head = c["width"] // c["heads"]
    if kind != "rotary-2d":
        return torch.outer(places, frequencies((c["width"] if kind == "sinusoidal" else head) // 2))
    height, width, start = c["grid"]["height"], c["grid"]["width"], c["grid"]["start"]
    code = places - start
    after = places - height * width + max(height, width)
    place = lambda inside: torch.where(code < 0, places, torch.where(code < height * width, start + inside, after))
    rows, columns = place((code / width).floor()), place(code.remainder(width))
    return torch.cat([torch.outer(each, frequencies(head // 4)) for each in (rows, columns)], 1)


class TorchTraining:
    """The transformer above, its gradients averaged by DistributedDataParallel."""

    def __init__(self, arrays, metadata, options, group):
        if metadata.get("kind") != "mmgen.tiny-transformer":
            sys.exit(f"{metadata.get('kind')} is trained by its exported step: write it with --exported.")
        self.options, self.group, self.steps = options, group, 0
        self.model = Transformer(json.loads(metadata["config"])).to(group.device)
        self.named = dict(self.model.named_parameters())
        if set(self.named) != set(arrays):
            sys.exit(f"model.safetensors has other weights than its configuration: {set(self.named) ^ set(arrays)}")
        self.assign(arrays)
        matrices = [each for each in self.named.values() if each.ndim >= 2]
        vectors = [each for each in self.named.values() if each.ndim < 2]
        groups = [{"params": matrices, "weight_decay": options.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=options.learning_rate)
        device_ids = [group.local] if group.on_gpu else None
        self.parallel = (
            nn.parallel.DistributedDataParallel(self.model, device_ids=device_ids) if group.size > 1 else self.model
        )

    def assign(self, arrays):
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(torch.from_numpy(np.array(arrays[name])))

    def losses(self, model, batch):
        """Sum of the targets' losses, and of their weights."""
        tensors = {name: torch.from_numpy(values).to(self.group.device) for name, values in batch.items()}
        with torch.autocast(self.group.device.type, torch.bfloat16, enabled=self.options.bfloat16):
            logits = model(tensors["inputs"].long())
        losses = F.cross_entropy(logits.float().flatten(0, 1), tensors["targets"].long().flatten(), reduction="none")
        weights = tensors["weights"].flatten() if "weights" in tensors else torch.ones_like(losses)
        return (losses * weights).sum(), weights.sum().item()

    def step(self, batch, rate):
        self.model.train()
        # A resumed run draws the same masks; each process its own.
        torch.manual_seed((self.options.seed * 1_000_003 + self.steps) * self.group.size + self.group.rank)
        loss, weight = self.losses(self.parallel, batch)
        total, weights = self.group.sum(np.array([loss.item(), weight]))
        self.optimizer.zero_grad()
        (loss * self.group.size / max(weights, 1e-30)).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip)
        for each in self.optimizer.param_groups:
            each["lr"] = rate
        self.optimizer.step()
        self.steps += 1
        return total / weights

    def evaluate(self, examples, count, rows):
        """Loss over the first examples, without dropout."""
        self.model.eval()
        sums = np.zeros(2)
        with torch.no_grad():
            for start in range(self.group.rank * rows, count, self.group.size * rows):
                loss, weight = self.losses(self.model, take(examples, slice(start, min(start + rows, count))))
                sums += [loss.item(), weight]
        total, weights = self.group.sum(sums)
        return total / weights

    def weights(self):
        return {name: parameter.detach().cpu().numpy() for name, parameter in self.named.items()}

    def state(self):
        moments = {"firstMoment": "exp_avg", "secondMoment": "exp_avg_sq"}
        states = [(name, self.optimizer.state[parameter]) for name, parameter in self.named.items()]
        kept = {f"{ours}.{name}": held[theirs].cpu().numpy() for ours, theirs in moments.items() for name, held in states}
        return {**self.weights(), **kept}

    def restore(self, arrays, steps):
        self.assign(arrays)
        self.steps = steps
        for name, parameter in self.named.items():
            moment = lambda kind: torch.from_numpy(np.array(arrays[f"{kind}.{name}"])).to(self.group.device)
            held = {"exp_avg": moment("firstMoment"), "exp_avg_sq": moment("secondMoment")}
            self.optimizer.state[parameter] = {"step": torch.tensor(float(steps)), **held}


class ExportedTraining:
    """Any model, as `exportableStepParts` wrote its step: gradients of a part, the sum over all processes, the update."""

    def __init__(self, folder, arrays, group):
        import onnxruntime

        known = onnxruntime.get_available_providers()
        providers = ["CPUExecutionProvider"]
        if group.on_gpu and "CUDAExecutionProvider" in known:
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": group.local}))
        load = lambda name: onnxruntime.InferenceSession(str(folder / name), providers=providers)
        self.group, self.steps, self.names = group, 0, list(arrays)
        self.gradients, self.update, first = load("gradients.onnx"), load("update.onnx"), load("state.onnx")
        parts = int(self.update.get_modelmeta().custom_metadata_map["parts"])
        if parts != group.size:
            sys.exit(f"The step was exported for {parts} processes, and there are {group.size}: --processes {group.size}.")
        # The order of axes in a file, where it is another than in the step.
        self.layouts = json.loads(first.get_modelmeta().custom_metadata_map["layouts"])
        self.held = dict(zip([each.name for each in first.get_outputs()], first.run(None, {})))

    def run(self, session, values, names):
        feeds = {each.name: np.asarray(values[each.name]) for each in session.get_inputs()}
        return dict(zip(names, session.run(names, feeds)))

    def step(self, batch, rate):
        wanted = [each.name for each in self.gradients.get_outputs() if not each.name.startswith("next.")]
        found = self.run(self.gradients, {**batch, **self.held}, wanted)
        weight = float(batch["weights"].sum()) if "weights" in batch else 1.0
        means = lambda name: not name.startswith("sum.")
        parts = [np.ravel(values) * np.float32(weight if means(name) else 1) for name, values in found.items()]
        sums = self.group.sum(np.concatenate([*parts, [weight]]).astype(np.float32))
        total, at = sums[-1], 0
        for name, values in found.items():
            of_all = sums[at : at + np.size(values)].reshape(np.shape(values))
            found[name] = of_all / total if means(name) else of_all
            at += np.size(values)
        changed = [each.name for each in self.update.get_outputs() if each.name.startswith("next.")]
        values = {**found, **self.held, "learningRate": np.array(rate, np.float32)}
        self.held = {name[5:]: value for name, value in self.run(self.update, values, changed).items()}
        self.steps += 1
        return float(found["loss"])

    def evaluate(self, examples, count, rows):
        return None  # The file computes a training step's loss alone.

    def weights(self):
        held = {name: self.held[name] for name in self.names}
        return {name: each.transpose(self.layouts.get(name, range(each.ndim))) for name, each in held.items()}

    def state(self):
        return self.held

    def restore(self, arrays, steps):
        self.held, self.steps = {name: np.array(arrays[name]) for name in self.held}, steps


def count_of(examples):
    return len(next(iter(examples.values())))


def take(examples, rows):
    """A batch: images, kept as bytes, are levels as int32."""
    batch = {name: np.array(values[rows]) for name, values in examples.items()}
    return {name: each.astype(np.int32) if each.dtype == np.uint8 else each for name, each in batch.items()}


@functools.lru_cache(maxsize=1)
def order_of(epoch, count, seed):
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def own_rows(step, count, options, group):
    """This process's share of a step's batch: every epoch has an order of its own, and whole batches alone."""
    epoch, batch = divmod(step, count // options.batch)
    order, share = order_of(epoch, count, options.seed), options.batch // group.size
    start = batch * options.batch + group.rank * share
    return order[start : start + share].sort().values.numpy()


def learning_rate(step, options):
    """A linear rise, then half a cosine."""
    if step < options.warm_up:
        return options.learning_rate * (step + 1) / options.warm_up
    progress = (step - options.warm_up) / max(1, options.steps - options.warm_up)
    height = options.learning_rate - options.final_learning_rate
    return options.final_learning_rate + height * (1 + math.cos(math.pi * progress)) / 2


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, required=True, help="of the whole run, those before a stop included")
    parser.add_argument("--batch", type=int, required=True, help="examples of a step, over all processes")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--final-learning-rate", type=float, default=0.0)
    parser.add_argument("--warm-up", type=int, default=0, help="steps")
    parser.add_argument("--weight-decay", type=float, default=0.01, help="of matrices; an exported step has its own")
    parser.add_argument("--clip", type=float, default=1.0, help="norm of all gradients; an exported step has its own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bfloat16", action="store_true", help="products of matrices in bfloat16")
    parser.add_argument("--save-every", type=int, default=500, help="steps")
    parser.add_argument("--evaluate-on", type=int, default=10_000, help="examples, the first ones, at the end")
    parser.add_argument("--stop-after", type=int, help="steps, less than --steps: leaves the rest to another call")
    return parser.parse_args()


def main():
    options, group = parse(), Group()
    folder = options.folder
    examples, _ = read_safetensors(folder / "examples.safetensors")
    arrays, metadata = read_safetensors(folder / "model.safetensors")
    count = count_of(examples)
    if options.batch % group.size != 0 or not 0 < options.batch <= count:
        sys.exit(f"--batch {options.batch} has to be divisible by {group.size} processes, and at most {count}.")
    if (folder / "gradients.onnx").exists():
        training = ExportedTraining(folder, arrays, group)
    else:
        training = TorchTraining(arrays, metadata, options, group)
    settings = {k: v for k, v in vars(options).items() if k not in ("folder", "save_every", "stop_after")}
    losses = resume(folder, training, settings)
    started, first = time.time(), training.steps
    save = lambda: group.rank == 0 and write_safetensors(
        folder / "state.safetensors",
        training.state(),
        {"step": str(training.steps), "settings": json.dumps(settings), "losses": json.dumps(losses)},
    )
    for step in range(first, min(options.steps, options.stop_after or options.steps)):
        loss = training.step(take(examples, own_rows(step, count, options, group)), learning_rate(step, options))
        losses.append(loss)
        if not math.isfinite(loss):
            sys.exit(f"Training diverged at step {step + 1}: loss {loss}. Lower the learning rate.")
        if training.steps % options.save_every == 0:
            save()
        if group.rank == 0 and (training.steps % 50 == 0 or training.steps == options.steps):
            pace = (time.time() - started) / (training.steps - first)
            print(f"step {training.steps} of {options.steps}: loss {loss:.4f}, {pace:.3f} s a step", flush=True)
    save()
    if training.steps == options.steps:
        evaluated = min(count, options.evaluate_on)
        evaluation = training.evaluate(examples, evaluated, options.batch // group.size)
        if group.rank == 0:
            write_safetensors(folder / "trained.safetensors", training.weights(), metadata)
            history = {"losses": losses, "evaluation": evaluation, "evaluated": evaluated, "processes": group.size}
            (folder / "history.json").write_text(json.dumps(history))
    group.close()


def resume(folder, training, settings):
    """Goes on from the state in the folder; gives the losses of the steps before."""
    path = folder / "state.safetensors"
    if not path.exists():
        return []
    arrays, metadata = read_safetensors(path)
    if json.loads(metadata["settings"]) != settings:
        sys.exit(f"{path} is of a run with other settings: {metadata['settings']}. Delete it to start anew.")
    training.restore(arrays, int(metadata["step"]))
    return json.loads(metadata["losses"])


if __name__ == "__main__":
    main()
