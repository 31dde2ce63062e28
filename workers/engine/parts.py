"""The layers that the bundled model has and stock SAM 2 lacks: prompts as maps, and a mask decoder at stride 2."""

from __future__ import annotations

import functools

import torch
from sam2.modeling.position_encoding import PositionEmbeddingSine
from torch import Tensor, nn
from torch.nn import functional

from workers.engine.tensors import Features

PROMPT_CHANNELS = 7


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with group normalisation around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.GroupNorm(8, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the same shape (N, C, H, W)."""
        return functional.gelu(x + self.second(functional.gelu(self.norm(self.first(x)))))


class PromptPyramid(nn.Module):
    """Turn prompt maps at stride 2 into features at strides 2, 4, 8 and 16."""

    def __init__(self, half: int, quarter: int, eighth: int, deep: int) -> None:
        super().__init__()
        self.to_half = nn.Conv2d(PROMPT_CHANNELS, half, 3, padding=1)
        self.to_quarter = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.to_eighth = nn.Conv2d(quarter, eighth, 3, stride=2, padding=1)
        self.to_deep = nn.Conv2d(eighth, deep, 3, stride=2, padding=1)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return features at strides 2, 4, 8, 16 from maps (B, 7, S/2, S/2)."""
        half = functional.gelu(self.to_half(maps))
        quarter = functional.gelu(self.to_quarter(half))
        eighth = functional.gelu(self.to_eighth(quarter))
        return half, quarter, eighth, self.to_deep(eighth)


class DetailDecoder(nn.Module):
    """Upscale decoder features to stride 2 beside the encoder's details and the prompts."""

    def __init__(self, deep: int, half: int, quarter: int = 32, eighth: int = 48) -> None:
        super().__init__()
        self.to_eighth = nn.ConvTranspose2d(deep, eighth, 2, 2)
        self.to_quarter = nn.ConvTranspose2d(eighth, quarter, 2, 2)
        self.to_half = nn.ConvTranspose2d(quarter, half, 2, 2)
        self.mix_eighth = ResidualBlock(eighth)
        self.mix_quarter = ResidualBlock(quarter)
        self.mix_half = nn.Sequential(ResidualBlock(half), ResidualBlock(half))

    def forward(self, deep: Tensor, features: Features, prompts: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return features (B, half, S/2, S/2); `prompts` are those at strides 2, 4 and 8."""
        half, quarter, eighth = prompts
        x = self.mix_eighth(functional.gelu(self.to_eighth(deep) + features.details[0] + eighth))
        x = self.mix_quarter(functional.gelu(self.to_quarter(x) + features.details[1] + quarter))
        return self.mix_half(functional.gelu(self.to_half(x) + features.details[2] + half))


@functools.cache
def sine_positions(side: int, channels: int) -> Tensor:
    """Return the sine position encoding (side * side, 1, channels) of a square grid."""
    encoding = PositionEmbeddingSine(num_pos_feats=channels, normalize=True, scale=None, temperature=10000)
    with torch.no_grad():
        return encoding(torch.zeros(1, channels, side, side)).flatten(2).permute(2, 0, 1).clone()
