"""Measures one piece of work in PyTorch: `python measure.py NAME [--compile | --capture] [--cuda]` prints a line of JSON.

Each run takes a batch from the host and reads its result there. With `--cuda` a work is measured in fp32 and in TF32, and
where it has convolutions in both memory formats; the fastest one counts. `--capture` replays the whole run, of a training
step forward, backward, clip and optimizer, as one CUDA graph. What fails prints `{"error": …}`.
"""

import gc
import itertools
import json
import resource
import statistics
import sys
import time
import traceback

import torch
from torch.utils.flop_counter import FlopCounterMode
from models import ImageVqVae, Transformer, VqVae

THREADS = 2
NAME, FLAGS = sys.argv[1], sys.argv[2:]
COMPILE, CAPTURE, CUDA = (flag in FLAGS for flag in ("--compile", "--capture", "--cuda"))
DEVICE = "cuda" if CUDA else "cpu"

# Of weights and, after the first convolution, of activations.
memory_format = torch.contiguous_format


class Work:
    """Computes from batches on the host, which were drawn beforehand and take turns, and reads the result there."""

    def __init__(self, compute, draw, prepare=None, parameters=None):
        self.compute, self.prepare, self.parameters = compute, prepare, parameters
        parts = [draw() for _ in range(4)]
        self.batches = [[part.pin_memory() if CUDA else part for part in batch] for batch in parts]
        self.taken = 0
        self.run = self.captured() if CAPTURE else self.uncaptured

    def next_batch(self):
        self.taken += 1
        if self.prepare is not None:
            self.prepare(self.taken)
        return self.batches[self.taken % len(self.batches)]

    def uncaptured(self):
        return read(self.compute(*(part.to(DEVICE, non_blocking=True) for part in self.next_batch())))

    def captured(self):
        static = [part.to(DEVICE) for part in self.batches[0]]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.compute(*static)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self.compute(*static)

        def run():
            for part, fresh in zip(static, self.next_batch()):
                part.copy_(fresh, non_blocking=True)
            graph.replay()
            return read(result)

        return run


def read(result):
    return [part.cpu() for part in result] if isinstance(result, list) else result.cpu()


def compiled(function):
    return torch.compile(function) if COMPILE else function


def training_step(model, draw, clip):
    model = model.to(DEVICE, memory_format=memory_format).train()
    # A graph reads its rate on the device.
    rate = torch.tensor(1e-3, device=DEVICE) if CAPTURE else 1e-3
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.01, fused=True, capturable=CAPTURE)
    loss_of = compiled(model.loss)

    def step(*batch):
        optimizer.zero_grad()
        loss = loss_of(*batch)
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        return loss.detach()

    def set_rate(taken):
        if CAPTURE:
            rate.fill_(1e-3 / taken)
        else:
            optimizer.param_groups[0]["lr"] = 1e-3 / taken

    return Work(step, draw, set_rate, sum(weight.numel() for weight in weights))


def transformer_step(batch, length, vocabulary, width, heads, layers, dropout):
    ids = lambda: torch.randint(vocabulary, (batch, length))
    model = Transformer(vocabulary, length, width, heads, layers, dropout)
    return training_step(model, lambda: (ids(), ids()), clip=True)


def images(count, side=28, levels=4):
    return torch.randint(levels, (count, 3, side, side), dtype=torch.uint8)


def vqvae_step(batch, channels):
    return training_step(VqVae(channels), lambda: (images(batch),), clip=False)


def plain_image_vqvae_step(batch, channels):
    model = VqVae(channels, stages=3, codes=512, dimension=32, max_value=255)
    return training_step(model, lambda: (images(batch, 64, 256),), clip=False)


def image_vqvae_step(batch):
    return training_step(ImageVqVae(), lambda: (images(batch, 64, 256),), clip=False)


def inference(model):
    return model.to(DEVICE, memory_format=memory_format).eval()


def diffusion_round(batch, length=64):
    forward = compiled(inference(Transformer(170, length, 128, 4, 4, causal=False)))

    @torch.inference_mode()
    def run(ids):
        return forward(ids)

    return Work(run, lambda: (torch.randint(170, (batch, length)),))


def generation(batch, length=58):
    model = inference(Transformer(170, length, 128, 4, 4))
    forward = compiled(model)

    @torch.inference_mode()
    def generate(ids):
        caches = model.caches(batch)
        rows = [ids]
        for position in range(length - 1):
            shares = forward(rows[-1], caches, position)[:, -1].softmax(-1)
            # As torch.multinomial draws one id, without its checks, which wait for the device.
            rows.append((shares / torch.empty_like(shares).exponential_()).argmax(-1, keepdim=True))
        return torch.cat(rows, 1)

    return Work(generate, lambda: (torch.zeros(batch, 1, dtype=torch.long),))


def decoding(count=512, batch=128):
    decode = compiled(inference(VqVae(256)).decode)

    @torch.inference_mode()
    def run(codes):
        return [decode(part).mul(1.5).add(1.5).round().clamp(0, 3).to(torch.uint8) for part in codes.split(batch)]

    return Work(run, lambda: (torch.randint(128, (count, 7, 7)),))


def encoding(count=512, batch=128):
    encode = compiled(inference(VqVae(256)).encode)

    @torch.inference_mode()
    def run(levels):
        return [encode(part.float() / 1.5 - 1) for part in levels.split(batch)]

    return Work(run, lambda: (images(count),))


WORK = {
    "igpt": lambda: transformer_step(128, 57, 170, 128, 4, 4, 0.1),
    "igpt-no-dropout": lambda: transformer_step(128, 57, 170, 128, 4, 4, 0.0),
    "vqvae-256": lambda: vqvae_step(32, 256),
    "vqvae-64": lambda: vqvae_step(128, 64),
    "vqvae-images": lambda: image_vqvae_step(32),
    "vqvae-images-64": lambda: plain_image_vqvae_step(32, 64),
    "vqvae-images-256": lambda: plain_image_vqvae_step(32, 256),
    "gpt-d": lambda: transformer_step(64, 32, 50, 384, 8, 8, 0.1),
    "gpt-86m": lambda: transformer_step(4, 256, 1024, 768, 12, 12, 0.1),
    "image-transformer": lambda: transformer_step(32, 256, 512, 256, 8, 6, 0.1),
    "diffusion-64": lambda: diffusion_round(64),
    "generate-1": lambda: generation(1),
    "generate-64": lambda: generation(64),
    "generate-1024": lambda: generation(1024),
    "encode": lambda: encoding(),
    "decode": lambda: decoding(),
}


def measure(precision, layout):
    global memory_format
    memory_format = layout
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "TF32"
    torch.manual_seed(1)
    work = WORK[NAME]()
    for _ in range(3):
        work.run()
    times = []
    while len(times) < 9:
        start = time.perf_counter()
        work.run()
        times.append(1000 * (time.perf_counter() - start))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result = {"ms": statistics.median(times), "precision": precision, "format": str(layout), "peakMiB": peak}
    return {**result, "flops": None if COMPILE or CAPTURE else flops(work), "parameters": work.parameters}


def flops(work):
    """To be called after the measured runs: counting changes how the work is computed."""
    with FlopCounterMode(display=False) as counter:
        work.run()
    return counter.get_total_flops()


def measure_fastest():
    if CAPTURE and not CUDA:
        raise ValueError("only CUDA captures a graph")
    torch.set_num_threads(THREADS)
    torch.backends.cudnn.benchmark = True
    has_convolutions = NAME.startswith(("vqvae", "encode", "decode"))
    layouts = [torch.contiguous_format, torch.channels_last] if has_convolutions else [torch.contiguous_format]
    results = []
    for variant in itertools.product(["fp32", "TF32"] if CUDA else ["fp32"], layouts):
        results.append(measure(*variant))
        # The next one compiles for itself, and has the memory of this one.
        if COMPILE:
            torch.compiler.reset()
        gc.collect()
        torch.cuda.empty_cache()
    of = lambda precision: [result["ms"] for result in results if result["precision"] == precision]
    fastest = min(results, key=lambda result: result["ms"])
    by_precision = {precision: min(of(precision)) for precision in ("fp32", "TF32") if of(precision)}
    return {**fastest, "peakMiB": results[0]["peakMiB"], "msByPrecision": by_precision, "version": torch.__version__}


def main():
    try:
        result = measure_fastest()
    except Exception as error:
        traceback.print_exc()
        # What fails within a capture fails once more at the capture's end.
        reason = CAPTURE and error.__context__ or error
        result = {"error": f"{type(reason).__name__}: {reason}".split("\n")[0]}
    print(json.dumps(result))


main()
