"""Files that PyTorch writes and reads, for the tests of loading weights trained elsewhere.

`python interchange.py write` writes the fixtures of tiny-transformer and vqvae anew; `python interchange.py check FOLDER`
loads what `bench/interchange/run.mjs` saved there and compares PyTorch's results. Needs torch and safetensors.
"""

import sys
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

sys.path.append(str(Path(__file__).resolve().parents[1] / "speed"))
from models import ImageVqVae  # noqa: E402

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
TOLERANCE = 1e-5  # float32 of different order of sums


class Attention(nn.Module):
    def __init__(self, width, heads, length, linear, masked):
        super().__init__()
        self.heads = heads
        self.c_attn, self.c_proj = linear(width, 3 * width), linear(width, width)
        if masked:
            self.register_buffer("bias", torch.tril(torch.ones(length, length)).view(1, 1, length, length))

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.c_attn(x).split(width, 2)
        )
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(seen.transpose(1, 2).reshape(batch, length, width))


class FeedForward(nn.Module):
    def __init__(self, width, linear, approximate):
        super().__init__()
        self.c_fc, self.c_proj = linear(width, 4 * width), linear(4 * width, width)
        self.approximate = approximate

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate=self.approximate))


class Block(nn.Module):
    def __init__(self, width, heads, length, linear, norm, approximate, masked):
        super().__init__()
        self.ln_1, self.attn = norm(width), Attention(width, heads, length, linear, masked)
        self.ln_2, self.mlp = norm(width), FeedForward(width, linear, approximate)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Conv1D(nn.Module):
    """GPT-2's linear layer: the weight is [in, out]."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(inputs, outputs)), nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Gpt(nn.Module):
    """The names of nanoGPT's and GPT-2's modules: output layer and token embedding are one.

    `masked`: the state holds causal masks, as that of older versions of both does.
    """

    def __init__(self, linear, bias, approximate, masked, vocabulary=11, length=6, width=12, heads=3, layers=2):
        super().__init__()
        norm = lambda size: nn.LayerNorm(size, bias=bias)
        block = lambda: Block(width, heads, length, linear, norm, approximate, masked)
        self.transformer = nn.ModuleDict(
            dict(
                wte=nn.Embedding(vocabulary, width),
                wpe=nn.Embedding(length, width),
                h=nn.ModuleList(block() for _ in range(layers)),
                ln_f=norm(width),
            )
        )
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.transformer.wte.weight
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3)

    def forward(self, ids):
        x = self.transformer.wte(ids) + self.transformer.wpe.weight[: ids.shape[1]]
        for block in self.transformer.h:
            x = block(x)
        return self.lm_head(self.transformer.ln_f(x))


def nanogpt(bias, masked=False):
    return Gpt(lambda inputs, outputs: nn.Linear(inputs, outputs, bias=bias), bias, "none", masked)


def gpt2(masked=False):
    return Gpt(Conv1D, True, "tanh", masked)


class Layers(nn.Module):
    """Two linear layers under the names of the encoder and decoder of mnist-vlm."""

    def __init__(self, inputs, hidden, outputs, last):
        super().__init__()
        self.fc1, self.fc2, self.last = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs), last

    def forward(self, x):
        return self.last(self.fc2(F.relu(self.fc1(x))))


class Quantizer(nn.Module):
    def __init__(self, codes, dimension):
        super().__init__()
        self.embedding = nn.Embedding(codes, dimension)

    def forward(self, z):
        return torch.cdist(z.view(len(z), -1, self.embedding.embedding_dim), self.embedding.weight).argmin(2)


class LetterVqVae(nn.Module):
    """The autoencoder of mnist-vlm by its published names, small: chunks of a vector, one codebook for all."""

    def __init__(self, side=6, hidden=10, chunks=4, dimension=3, codes=5):
        super().__init__()
        self.encoder = Layers(side * side, hidden, chunks * dimension, torch.relu)
        self.quantizer = Quantizer(codes, dimension)
        self.decoder = Layers(chunks * dimension, hidden, side * side, torch.sigmoid)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.5)

    def forward(self, pixels):
        codes = self.quantizer(self.encoder(pixels))
        return codes, self.decoder(self.quantizer.embedding(codes).flatten(1))


class SmallImageVqVae(ImageVqVae):
    """The network for real images, small, with the codebook under its name in this project's files."""

    def __init__(self):
        super().__init__(levels=(8, 16), dimension=4, codes=8, level_blocks=1, blocks=0)
        del self.counts, self.sums
        self.quantizer = nn.Module()
        self.quantizer.register_buffer("codebook", torch.randn(8, 4))
        del self.codebook
        for parameter in self.parameters():
            nn.init.normal_(parameter, mean=0.1, std=0.2)

    @property
    def codebook(self):
        return self.quantizer.codebook

    def forward(self, pixels):
        latents = self.latents(pixels)
        codes = self.codes(latents.reshape(-1, 4)).view(latents.shape[:3])
        decoded = self.decoder(self.codebook[codes].permute(0, 3, 1, 2))
        return latents, codes, decoded.permute(0, 2, 3, 1)


def save(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, path)


def write():
    torch.manual_seed(1)
    ids = torch.randint(11, (2, 6))
    transformers = PACKAGES / "tiny-transformer/fixtures/pytorch"
    # As a compiled nanoGPT without biases saves itself, masks and both names of the tied weight included.
    model = nanogpt(bias=False, masked=True)
    state = {f"_orig_mod.{name}": tensor for name, tensor in model.state_dict().items()}
    save(transformers / "nanogpt.safetensors", state)
    save(transformers / "nanogpt-expected.safetensors", {"ids": ids, "logits": model(ids)})
    # As GPT-2 is published: no leading "transformer.", the output layer left out; in half precision.
    model = gpt2(masked=True).half().float()
    halves = {name.removeprefix("transformer."): tensor.half() for name, tensor in model.state_dict().items()}
    del halves["lm_head.weight"]
    save(transformers / "gpt2.safetensors", halves)
    save(transformers / "gpt2-expected.safetensors", {"ids": ids, "logits": model(ids)})
    # Whole levels, which both sides hold exactly.
    levels = torch.randint(256, (7, 36), dtype=torch.uint8)
    model = LetterVqVae()
    codes, pixels = model(levels / 255)
    autoencoders = PACKAGES / "vqvae/fixtures/pytorch"
    save(autoencoders / "letters.safetensors", model.state_dict())
    save(autoencoders / "letters-expected.safetensors", {"levels": levels, "codes": codes, "pixels": pixels})
    levels = torch.randint(256, (3, 8, 8, 3), dtype=torch.uint8)
    model = SmallImageVqVae()
    images = levels.permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        model.codebook.copy_(model.latents(images).reshape(-1, 4)[:8] + 0.01 * torch.randn(8, 4))
    latents, codes, pixels = model(images)
    save(autoencoders / "images.safetensors", model.state_dict())
    expected = {"levels": levels, "latents": latents, "codes": codes, "pixels": pixels}
    save(autoencoders / "images-expected.safetensors", expected)


def check(folder):
    def expect(title, name, model, inputs, *expected):
        model.load_state_dict(load_file(folder / f"{name}.safetensors"), strict=True)
        with torch.no_grad():
            outputs = model(inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        gap = max((ours - theirs).abs().max().item() for ours, theirs in zip(outputs, expected))
        print(f"{title}: greatest difference {gap:.1e}")
        return gap <= TOLERANCE

    transformers = PACKAGES / "tiny-transformer/fixtures/pytorch"
    first, second = (load_file(transformers / f"{name}-expected.safetensors") for name in ("nanogpt", "gpt2"))
    letters, images = (
        load_file(PACKAGES / f"vqvae/fixtures/pytorch/{name}-expected.safetensors") for name in ("letters", "images")
    )
    fits = [
        expect("nanoGPT", "nanogpt", nanogpt(bias=False), first["ids"], first["logits"]),
        expect("nanoGPT with biases", "nanogpt-biases", nanogpt(bias=True), first["ids"], first["logits"]),
        expect("GPT-2", "gpt2", gpt2(), second["ids"], second["logits"]),
        expect(
            "VQ-VAE of letters", "letters", LetterVqVae(), letters["levels"] / 255, letters["codes"], letters["pixels"]
        ),
        expect(
            "VQ-VAE of images",
            "images",
            SmallImageVqVae(),
            images["levels"].permute(0, 3, 1, 2) / 127.5 - 1,
            *(images[name] for name in ("latents", "codes", "pixels")),
        ),
    ]
    sys.exit(0 if all(fits) else 1)


if sys.argv[1:] == ["write"]:
    write()
elif len(sys.argv) == 3 and sys.argv[1] == "check":
    check(Path(sys.argv[2]))
else:
    sys.exit(__doc__)
