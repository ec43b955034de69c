"""PyTorch twins of the models that the bench measures: the same layers, shapes and sizes, written as PyTorch users would."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
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
        seen = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=length > 1)
        seen = self.projection(seen.transpose(1, 2).reshape(batch, length, width))
        x = x + F.dropout(seen, rate)
        return x + F.dropout(self.down(F.gelu(self.up(self.norm2(x)))), rate)


class Transformer(nn.Module):
    def __init__(self, vocabulary, length, width, heads, layers, dropout=0.0):
        super().__init__()
        self.dropout, self.heads, self.length = dropout, heads, length
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

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
        return [(torch.zeros(shape), torch.zeros(shape)) for _ in self.blocks]


class Residual(nn.Sequential):
    def __init__(self, channels):
        super().__init__(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x):
        return x + super().forward(x)


class VqVae(nn.Module):
    """The network of colored-mnist: two halvings, two residual blocks each side, codes as wide as the channels, EMA codebook."""

    def __init__(self, channels, codes=128, decay=0.99):
        super().__init__()
        self.decay = decay
        self.encoder = nn.Sequential(
            nn.Conv2d(3, channels, 4, 2, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 4, 2, 1),
            Residual(channels),
            Residual(channels),
        )
        self.decoder = nn.Sequential(
            Residual(channels),
            Residual(channels),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.ConvTranspose2d(channels, channels, 4, 2, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.ConvTranspose2d(channels, 3, 4, 2, 1),
        )
        start = (torch.rand(codes, channels) * 2 - 1) / codes
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

    def loss(self, levels):
        pixels = levels.float() / 1.5 - 1
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
        counts = torch.bincount(codes, minlength=size).float()
        sums = torch.zeros_like(self.sums).index_add_(0, codes, flat)
        self.counts.mul_(self.decay).add_(counts, alpha=1 - self.decay)
        self.sums.mul_(self.decay).add_(sums, alpha=1 - self.decay)
        threshold = 0.3 * len(flat) / size
        dead = self.counts < threshold
        drawn = flat[torch.randint(len(flat), (size,))]
        self.counts.copy_(torch.where(dead, threshold, self.counts))
        self.sums.copy_(torch.where(dead[:, None], drawn * threshold, self.sums))
        total = self.counts.sum()
        smoothed = (self.counts + 1e-5) / (total + size * 1e-5) * total
        self.codebook.copy_(self.sums / smoothed[:, None])
