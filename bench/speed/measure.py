"""Measures one piece of work in PyTorch: `python measure.py NAME [--compile] [--cuda]` prints a line of JSON."""

import json
import resource
import statistics
import sys
import time

import torch
from torch.utils.flop_counter import FlopCounterMode
from models import ImageVqVae, Transformer, VqVae

THREADS = 2
DEVICE = "cuda" if "--cuda" in sys.argv else "cpu"


# Of weights and, after the first convolution, of activations.
memory_format = torch.contiguous_format


def training_step(model, draw, clip):
    model = model.to(memory_format=memory_format)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    model.train()
    batch = draw()
    loss_of = torch.compile(model.loss) if "--compile" in sys.argv else model.loss

    def step():
        loss = loss_of(*batch)
        optimizer.zero_grad()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    step.parameters = sum(parameter.numel() for parameter in model.parameters())
    return step


def transformer_step(batch, length, vocabulary, width, heads, layers, dropout):
    ids = lambda: torch.randint(vocabulary, (batch, length))
    model = Transformer(vocabulary, length, width, heads, layers, dropout)
    return training_step(model, lambda: (ids(), ids()), clip=True)


def vqvae_step(batch, channels):
    return training_step(VqVae(channels), lambda: (torch.randint(4, (batch, 3, 28, 28)),), clip=False)


def image_vqvae_step(batch):
    return training_step(ImageVqVae(), lambda: (torch.randint(256, (batch, 3, 64, 64)),), clip=False)


def diffusion_round(batch, length=64):
    model = Transformer(170, length, 128, 4, 4, causal=False).eval()
    forward = torch.compile(model) if "--compile" in sys.argv else model
    ids = torch.randint(170, (batch, length))
    return torch.inference_mode()(lambda: forward(ids).cpu())


def generation(batch, length=58):
    model = Transformer(170, length, 128, 4, 4).eval()
    forward = torch.compile(model) if "--compile" in sys.argv else model

    @torch.inference_mode()
    def generate():
        caches = model.caches(batch)
        ids = torch.zeros(batch, 1, dtype=torch.long)
        for position in range(length - 1):
            shares = forward(ids, caches, position)[:, -1].softmax(-1)
            ids = torch.multinomial(shares, 1)
        return ids

    return generate


def decoding(images=512, batch=128):
    model = VqVae(256).eval().to(memory_format=memory_format)
    decode = torch.compile(model.decode) if "--compile" in sys.argv else model.decode
    codes = torch.randint(128, (images, 7, 7))

    @torch.inference_mode()
    def run():
        return [decode(part).mul(1.5).add(1.5).round().clamp(0, 3).to(torch.uint8) for part in codes.split(batch)]

    return run


def encoding(images=512, batch=128):
    model = VqVae(256).eval().to(memory_format=memory_format)
    encode = torch.compile(model.encode) if "--compile" in sys.argv else model.encode
    levels = torch.randint(4, (images, 3, 28, 28))

    @torch.inference_mode()
    def run():
        return [encode(part.float() / 1.5 - 1) for part in levels.split(batch)]

    return run


WORK = {
    "igpt": lambda: transformer_step(128, 57, 170, 128, 4, 4, 0.1),
    "igpt-no-dropout": lambda: transformer_step(128, 57, 170, 128, 4, 4, 0.0),
    "vqvae-256": lambda: vqvae_step(32, 256),
    "vqvae-64": lambda: vqvae_step(128, 64),
    "vqvae-images": lambda: image_vqvae_step(32),
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


def measure(name):
    torch.manual_seed(1)
    work = WORK[name]()

    def run():
        work()
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        run()
    times = []
    while len(times) < 9:
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    # After the measured runs: counting changes what is compiled.
    with FlopCounterMode(display=False) as counter:
        run()
    result = {"ms": statistics.median(times), "peakMiB": peak, "format": str(memory_format)}
    return {**result, "flops": counter.get_total_flops(), "parameters": getattr(work, "parameters", None)}


def main():
    """Convolutions are measured in both memory formats, of which the faster one counts."""
    global memory_format
    torch.set_num_threads(THREADS)
    torch.set_default_device(DEVICE)
    name = sys.argv[1]
    results = [measure(name)]
    if name.startswith(("vqvae", "encode", "decode")):
        memory_format = torch.channels_last
        results.append(measure(name))
    best = min(results, key=lambda result: result["ms"])
    print(json.dumps({**best, "peakMiB": results[0]["peakMiB"], "version": torch.__version__}))


main()
