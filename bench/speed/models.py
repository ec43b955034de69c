"""PyTorch twins of the models that the bench measures: the same layers, shapes and sizes, written as PyTorch users would."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, width, heads, dropout, causal=True):
        super().__init__()
        self.heads, self.dropout, self.causal = heads, dropout, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, cache=None, position=0):
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.attention(self.norm1(x)).split(width, 2)
        )
        if cache is not None:
            keys, values = cache
            keys[:, :, position : position + length] = k
            values[:, :, position : position + length] = v
            k, v = keys[:, :, : position + length], values[:, :, : position + length]
        rate = self.dropout if self.training else 0.0
        seen = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=self.causal and length > 1)
        seen = self.projection(seen.transpose(1, 2).reshape(batch, length, width))
        x = x + F.dropout(seen, rate)
        return x + F.dropout(self.down(F.gelu(self.up(self.norm2(x)))), rate)


class Transformer(nn.Module):
    def __init__(self, vocabulary, length, width, heads, layers, dropout=0.0, causal=True):
        super().__init__()
        self.dropout, self.heads, self.length = dropout, heads, length
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, causal) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids, caches=None, position=0):
        x = self.tokens(ids) + self.positions.weight[position : position + ids.shape[1]]
        x = F.dropout(x, self.dropout, self.training)
        for i, block in enumerate(self.blocks):
            x = block(x, None if caches is None else caches[i], position)
        return self.head(self.norm(x))

    def loss(self, ids, targets):
        logits = self(ids)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))

    def caches(self, batch):
        width = self.tokens.weight.shape[1]
        shape = (batch, self.heads, self.length, width // self.heads)
        zeros = lambda: torch.zeros(shape, device=self.tokens.weight.device)
        return [(zeros(), zeros()) for _ in self.blocks]


def after_norm(channels, conv):
    return [nn.BatchNorm2d(channels), nn.ReLU(), conv]


class Residual(nn.Sequential):
    def __init__(self, channels):
        super().__init__(
            *after_norm(channels, nn.Conv2d(channels, channels, 3, padding=1)),
            *after_norm(channels, nn.Conv2d(channels, channels, 1)),
        )

    def forward(self, x):
        return x + super().forward(x)


class VqVae(nn.Module):
    """Batch norm and transposed convolutions: `stages` halvings, two residual blocks each side, EMA codebook."""

    def __init__(self, channels, stages=2, codes=128, dimension=None, max_value=3, decay=0.99):
        super().__init__()
        dimension = dimension or channels
        project = lambda inputs, outputs: [nn.Conv2d(inputs, outputs, 1)] if inputs != outputs else []
        self.half_range = max_value / 2
        self.encoder = nn.Sequential(
            nn.Conv2d(3, channels, 4, 2, 1),
            *(part for _ in range(stages - 1) for part in after_norm(channels, nn.Conv2d(channels, channels, 4, 2, 1))),
            Residual(channels),
            Residual(channels),
            *project(channels, dimension),
        )
        ends = [channels] * (stages - 1) + [3]
        self.decoder = nn.Sequential(
            *project(dimension, channels),
            Residual(channels),
            Residual(channels),
            *(part for end in ends for part in after_norm(channels, nn.ConvTranspose2d(channels, end, 4, 2, 1))),
        )
        self.start_codebook(codes, dimension, decay)

    def start_codebook(self, codes, dimension, decay):
        self.decay = decay
        start = (torch.rand(codes, dimension) * 2 - 1) / codes
        self.register_buffer("codebook", start)
        self.register_buffer("counts", torch.ones(codes))
        self.register_buffer("sums", start.clone())

    def latents(self, pixels):
        return self.encoder(pixels).permute(0, 2, 3, 1)

    def codes(self, flat):
        return (self.codebook.pow(2).sum(1) - 2 * flat @ self.codebook.t()).argmin(1)

    def encode(self, pixels):
        latents = self.latents(pixels)
        return self.codes(latents.reshape(-1, latents.shape[-1]))

    def decode(self, codes):
        return self.decoder(self.codebook[codes].permute(0, 3, 1, 2))

    def loss(self, levels):
        pixels = levels.float() / self.half_range - 1
        latents = self.latents(pixels)
        flat = latents.reshape(-1, latents.shape[-1])
        with torch.no_grad():
            codes = self.codes(flat)
            rows = self.codebook[codes]
            self.update(flat, codes)
        commitment = F.mse_loss(flat, rows)
        quantized = (flat + (rows - flat).detach()).view(latents.shape).permute(0, 3, 1, 2)
        return F.mse_loss(self.decoder(quantized), pixels) + 0.25 * commitment

    def update(self, flat, codes):
        """EMA, and random latents in place of codes under three tenths of an equal share."""
        size = len(self.counts)
        # As torch.bincount counts, which waits for the device.
        counts = torch.zeros_like(self.counts).index_add_(0, codes, torch.ones_like(codes, dtype=torch.float))
        sums = torch.zeros_like(self.sums).index_add_(0, codes, flat)
        self.counts.mul_(self.decay).add_(counts, alpha=1 - self.decay)
        self.sums.mul_(self.decay).add_(sums, alpha=1 - self.decay)
        threshold = 0.3 * len(flat) / size
        dead = self.counts < threshold
        drawn = flat[torch.randint(len(flat), (size,), device=flat.device)]
        self.counts.copy_(torch.where(dead, threshold, self.counts))
        self.sums.copy_(torch.where(dead[:, None], drawn * threshold, self.sums))
        total = self.counts.sum()
        smoothed = (self.counts + 1e-5) / (total + size * 1e-5) * total
        self.codebook.copy_(self.sums / smoothed[:, None])


def group_norm(channels):
    return nn.GroupNorm(channels // 8, channels, eps=1e-6)


class ImageBlock(nn.Module):
    """x + (norm, SiLU, 3×3 convolution, norm, SiLU, 3×3 convolution)(x)."""

    def __init__(self, channels):
        super().__init__()
        self.norm1, self.norm2 = group_norm(channels), group_norm(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))


class Level(nn.Module):
    """A convolution that halves the side, or one after a doubling, and residual blocks."""

    def __init__(self, norm, conv, channels, blocks, doubles=False):
        super().__init__()
        self.norm, self.conv, self.doubles = norm, conv, doubles
        self.residual = nn.ModuleList(ImageBlock(channels) for _ in range(blocks))

    def forward(self, x):
        if self.norm is not None:
            x = F.silu(self.norm(x))
        x = self.conv(F.interpolate(x, scale_factor=2, mode="nearest") if self.doubles else x)
        for block in self.residual:
            x = block(x)
        return x


class ImageEncoder(nn.Module):
    def __init__(self, levels, dimension, level_blocks, blocks):
        super().__init__()
        inner = len(levels) - 1
        self.down = nn.ModuleList(
            Level(
                group_norm(levels[i - 1]) if i > 0 else None,
                nn.Conv2d(levels[i - 1] if i > 0 else 3, channels, 4, 2, 1),
                channels,
                level_blocks if i < inner else 0,
            )
            for i, channels in enumerate(levels)
        )
        self.residual = nn.ModuleList(ImageBlock(levels[-1]) for _ in range(blocks))
        self.projection = nn.Conv2d(levels[-1], dimension, 1)

    def forward(self, x):
        for part in [*self.down, *self.residual]:
            x = part(x)
        return self.projection(x)


class ImageDecoder(nn.Module):
    def __init__(self, levels, dimension, level_blocks, blocks):
        super().__init__()
        outward = levels[::-1]
        ends = [*outward[1:], outward[-1]]
        self.projection = nn.Conv2d(dimension, outward[0], 1)
        self.residual = nn.ModuleList(ImageBlock(outward[0]) for _ in range(blocks))
        self.up = nn.ModuleList(
            Level(
                group_norm(channels),
                nn.Conv2d(channels, end, 3, padding=1),
                end,
                level_blocks if i < len(levels) - 1 else 0,
                doubles=True,
            )
            for i, (channels, end) in enumerate(zip(outward, ends))
        )
        self.output = nn.ModuleDict({"norm": group_norm(ends[-1]), "conv": nn.Conv2d(ends[-1], 3, 3, padding=1)})

    def forward(self, x):
        for part in [self.projection, *self.residual, *self.up]:
            x = part(x)
        return self.output["conv"](F.silu(self.output["norm"](x)))


class ImageVqVae(VqVae):
    """The network for real images, under the names of this project's files: channels by level, GroupNorm–SiLU blocks."""

    half_range = 127.5  # of levels 0 … 255

    def __init__(self, levels=(32, 64, 128), dimension=64, codes=256, level_blocks=1, blocks=2, decay=0.99):
        nn.Module.__init__(self)
        self.encoder = ImageEncoder(levels, dimension, level_blocks, blocks)
        self.decoder = ImageDecoder(levels, dimension, level_blocks, blocks)
        self.start_codebook(codes, dimension, decay)
