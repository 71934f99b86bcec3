"""The networks that the distillation literature trains on CIFAR: residual networks and plain ones.

All take images (B, 3, 32, 32) of a floating type and give logits (B, classes) of the same type. They run in the memory
layout of the images they are given: channels last is the fast one, and what `data.Images` gives. The weights themselves
stay contiguous, as safetensors wants them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch.nn.functional as F
from torch import Tensor, nn

Shortcut = Literal["convolution", "padding"]

RESNET_DEPTHS = (8, 14, 20, 26, 32, 44, 56, 110)
RESNET_WIDTHS = (16, 32, 64)


class _Design(NamedTuple):
    """Widths of convolutions, by group, and of the hidden linear layer; whether the last group, too, is pooled."""

    groups: tuple[tuple[int, ...], ...]
    hidden: int | None = None
    pooled: bool = True


_PLAIN_10 = {
    2: _Design(((16,), (16,))),
    4: _Design(((16, 16), (32, 32))),
    6: _Design(((16, 16), (32, 32), (64, 64))),
    8: _Design(((16, 16), (32, 32), (64, 64), (128, 128)), hidden=64),
    10: _Design(((32, 32), (64, 64), (128, 128), (256, 256, 256, 256)), hidden=128),
}
_PLAIN_100 = {
    2: _Design(((32,), (32,))),
    4: _Design(((32, 32), (64, 64))),
    6: _Design(((32, 32), (64, 64), (128, 128)), pooled=False),
    8: _Design(((32, 32), (64, 64), (128, 128), (256, 256)), hidden=64),
    10: _Design(((32, 32), (64, 64), (128, 128), (256, 256, 256, 256)), hidden=512),
}
"""By depth, for up to 10 classes and for more."""

NAMES = (*(f"resnet{depth}" for depth in RESNET_DEPTHS), *(f"plain{depth}" for depth in _PLAIN_10))


def network(name: str, classes: int) -> nn.Module:
    """A freshly initialised network of that name, one of `NAMES`; residual ones have convolutions as shortcuts.

    Its `forward` takes images (B, 3, 32, 32) and gives logits (B, classes).

    Raises:
        ValueError: if there is no network of that name.
    """
    if name not in NAMES:
        raise ValueError(f"no network is named {name!r}; known are {', '.join(NAMES)}")
    if name.startswith("resnet"):
        return ResNet(int(name.removeprefix("resnet")), classes)
    return Plain(int(name.removeprefix("plain")), classes)


class ResNet(nn.Module):
    """The residual network for CIFAR of He et al. (arXiv:1512.03385, section 4.2).

    A convolution, three groups of n blocks of two convolutions at widths 16, 32 and 64, the second and third group at
    half the resolution of the one before, an average over the image, and a linear layer: 6n + 2 layers with weights.
    Convolutions begin normally distributed with variance 2 / (9 · output channels) (He et al., arXiv:1502.01852,
    equation 14), shortcuts with 2 / output channels.

    Args:
        depth: 6n + 2, n at least 1.
        classes: how many logits to give.
        shortcut: how the two shortcuts between groups change resolution and width: `"convolution"`, 1 × 1 with batch
            normalisation, as Annealing-KD and TAKD have it, or `"padding"`, with zeros and without a parameter, the
            paper's option A. The depth counts neither.

    Raises:
        ValueError: if the depth is not 6n + 2, or the shortcut is unknown.
    """

    def __init__(self, depth: int, classes: int, shortcut: Shortcut = "convolution") -> None:
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise ValueError(f"a residual network has 6n + 2 layers, as 8, 14 and 20 are, and not {depth}")
        if shortcut not in get_args(Shortcut):
            raise ValueError(f"no shortcut is named {shortcut!r}; known are {', '.join(get_args(Shortcut))}")
        width = RESNET_WIDTHS[0]
        self.stem = nn.Sequential(*_convolution(3, width), nn.ReLU(inplace=True))
        layers: list[nn.Module] = []
        for group in RESNET_WIDTHS:
            for _ in range(blocks):
                layers.append(_Block(width, group, shortcut))
                width = group
        self.blocks = nn.Sequential(*layers)
        self.classifier = nn.Linear(width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, 32, 32)."""
        logits: Tensor = self.classifier(self.blocks(self.stem(images)).mean((2, 3)))
        return logits


class _Block(nn.Module):
    """Two convolutions and the shortcut around them; where the width grows, the resolution is halved."""

    def __init__(self, before: int, after: int, shortcut: Shortcut) -> None:
        super().__init__()
        stride = 1 if before == after else 2
        self.residual = nn.Sequential(
            *_convolution(before, after, stride=stride), nn.ReLU(inplace=True), *_convolution(after, after)
        )
        self.shortcut: nn.Module
        if before == after:
            self.shortcut = nn.Identity()
        elif shortcut == "convolution":
            self.shortcut = nn.Sequential(*_convolution(before, after, kernel=1, stride=stride))
        else:
            self.shortcut = _Padding(after - before)

    def forward(self, hidden: Tensor) -> Tensor:
        return F.relu(self.residual(hidden) + self.shortcut(hidden))


class _Padding(nn.Module):
    """Every second row and column, and `channels` of zeros more."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, hidden: Tensor) -> Tensor:
        return F.pad(hidden[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.channels))


class Plain(nn.Module):
    """The plain convolutional networks of Mirzadeh et al. (TAKD, arXiv:1902.03393), by their number of convolutions.

    Convolutions of 3 × 3 with a bias, each with batch normalisation and ReLU, in groups; each group ends with a maximum
    over 2 × 2. Then a linear layer; the two deepest have a hidden one before it. Widths are those of the paper's code,
    its CIFAR-10 ones for up to 10 classes and its CIFAR-100 ones for more; its six convolutions for CIFAR-100 have no
    maximum after the last group. Everything begins as torch's layers do, as it does there.

    Args:
        depth: 2, 4, 6, 8 or 10 convolutions.
        classes: how many logits to give.

    Raises:
        ValueError: for another depth.
    """

    def __init__(self, depth: int, classes: int) -> None:
        super().__init__()
        designs = _PLAIN_10 if classes <= 10 else _PLAIN_100
        if depth not in designs:
            raise ValueError(f"a plain network has {', '.join(map(str, designs))} convolutions, and not {depth}")
        design = designs[depth]
        layers: list[nn.Module] = []
        width = 3
        for group in design.groups:
            for after in group:
                layers += [*_convolution(width, after, bias=True), nn.ReLU(inplace=True)]
                width = after
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*(layers if design.pooled else layers[:-1]))
        side = 32 >> len(design.groups) - (not design.pooled)
        sizes = [width * side * side, *([design.hidden] if design.hidden else []), classes]
        linear = [layer for size in pairwise(sizes) for layer in (nn.Linear(*size), nn.ReLU(inplace=True))]
        self.classifier = nn.Sequential(nn.Flatten(), *linear[:-1])

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, 32, 32)."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


def _convolution(
    before: int, after: int, *, kernel: int = 3, stride: int = 1, bias: bool = False
) -> tuple[nn.Module, nn.Module]:
    """A convolution that keeps the resolution, but for its stride, and its batch normalisation."""
    return nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=bias), nn.BatchNorm2d(after)
