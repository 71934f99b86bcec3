"""CIFAR-10 and CIFAR-100: every image decoded once into one tensor, cut and flipped a whole batch at a time."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import datasets  # type: ignore[import-untyped]
import torch
import torch.nn.functional as F
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset

from ..shelf import state_of

Batch = dict[str, Tensor]

HUB_NAMES = ("uoft-cs/cifar10", "uoft-cs/cifar100")
SIDE, PADDING = 32, 4
VALIDATION = 5000
"""Images that are cut off the training part to choose by."""


class Statistics(NamedTuple):
    """Mean and standard deviation of each channel, red, green and blue, of pixels between 0 and 1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


CIFAR10 = Statistics((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
CIFAR100 = Statistics((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))

_BY_LABELS = {"fine_label": (100, CIFAR100), "label": (10, CIFAR10)}
"""Which of the two data sets it is shows in the name of the column that has the labels."""


class Images(Dataset[Batch]):
    """Images and labels, normalised, and augmented if so wished.

    Augmentation is a random crop of 32 × 32 from the image with 4 black pixels around it, and then a random horizontal
    flip. It is drawn for all images at once, from the seed and the number of the view: an image of a view is the same,
    bit for bit, whatever else is in its batch. A fresh data set is at view 0.

    Torch's DataLoader asks for a batch in one call, `__getitems__`; its `collate_fn` is `collate`.

    Args:
        pixels: uint8 (N, 3, 32, 32), red, green and blue; kept without a copy if its layout is channels last.
        labels: int64 (N,).
        statistics: what to normalise with.
        augmented: whether views differ.
        seed: of the augmentation.

    Raises:
        ValueError: if a tensor has another type or shape.
    """

    def __init__(
        self, pixels: Tensor, labels: Tensor, statistics: Statistics, *, augmented: bool = False, seed: int = 0
    ) -> None:
        if pixels.dtype != torch.uint8 or pixels.shape[1:] != (3, SIDE, SIDE):
            raise ValueError(f"expected pixels uint8 (N, 3, 32, 32), found {pixels.dtype} {tuple(pixels.shape)}")
        if labels.dtype != torch.int64 or labels.shape != pixels.shape[:1]:
            raise ValueError(f"expected labels int64 ({len(pixels)},), found {labels.dtype} {tuple(labels.shape)}")
        self.statistics = statistics
        self.augmented = augmented
        self.seed = seed
        self.draw = 0
        self._content = _Content(pixels.permute(0, 2, 3, 1).contiguous(), labels)
        # Over a whole row of 32 pixels, so that the arithmetic is on long runs of memory.
        self._centre = torch.tensor(statistics.mean).mul(255).repeat(SIDE)
        self._scale = torch.tensor(statistics.std).mul(255).reciprocal().repeat(SIDE)

    @property
    def pixels(self) -> Tensor:
        """uint8 (N, 3, 32, 32), channels last, as they are before augmentation and normalisation."""
        return self._content.rows.permute(0, 3, 1, 2)

    @property
    def labels(self) -> Tensor:
        """int64 (N,)."""
        return self._content.labels

    @property
    def fingerprint(self) -> str:
        """The sha256, in hexadecimal, of pixels, labels, normalisation and, if augmented, of augmentation and view."""
        settings: dict[str, Any] = {"content": self._content.digest, "statistics": self.statistics}
        if self.augmented:
            settings |= {"augmentation": f"crop {PADDING}, flip", "seed": self.seed, "view": self.draw}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def view(self, draw: int) -> Images:
        """The same rows under the augmentation of that number; without augmentation, this very data set."""
        if not self.augmented:
            return self
        other = copy.copy(self)
        other.__dict__.pop("_draws", None)
        other.draw = draw
        return other

    @cached_property
    def _draws(self) -> tuple[Tensor, Tensor, Tensor]:
        """For every image, int64 (N,) from 0 to 8 of its crop's first row and column, and bool (N,), if to flip it."""
        seed = hashlib.sha256(f"{self.seed} {self.draw}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(seed[:7], "big"))
        corners = torch.randint(0, 2 * PADDING + 1, (2, len(self)), generator=generator)
        return corners[0], corners[1], torch.randint(0, 2, (len(self),), generator=generator) == 1

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, position: int) -> Batch:
        """`images`, float32 (3, 32, 32), and `labels`, int64 without a dimension."""
        batch = self.__getitems__([range(len(self))[position]])
        return {key: value[0] for key, value in batch.items()}

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        """A batch: `images`, float32 (B, 3, 32, 32), channels last, and `labels`, int64 (B,)."""
        chosen = torch.tensor(positions, dtype=torch.int64)
        images = self._content.rows.index_select(0, chosen).permute(0, 3, 1, 2)
        if self.augmented:
            top, left, flip = (draw[chosen] for draw in self._draws)
            images = crop_and_flip(images, top, left, flip)
        # Two roundings for each value, wherever it stands in the batch: one fused operation would not promise that.
        rows = images.permute(0, 2, 3, 1).reshape(-1, SIDE, 3 * SIDE).float().sub_(self._centre).mul_(self._scale)
        return {"images": rows.view(-1, SIDE, SIDE, 3).permute(0, 3, 1, 2), "labels": self.labels[chosen]}


class _Content:
    """What all views share: pixels (N, 32, 32, 3), labels (N,), and their digest, which is made once."""

    def __init__(self, rows: Tensor, labels: Tensor) -> None:
        self.rows = rows
        self.labels = labels

    @cached_property
    def digest(self) -> str:
        digest = hashlib.sha256(repr(tuple(self.rows.shape)).encode())
        digest.update(self.rows.numpy().data)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()


def crop_and_flip(images: Tensor, top: Tensor, left: Tensor, flip: Tensor) -> Tensor:
    """Cut every image out of itself with 4 zeros around it, and then mirror left and right where `flip` says so.

    Args:
        images: (B, 3, 32, 32) of any type; channels last is fastest.
        top, left: int64 (B,), 0 to 8, the crop's first row and column in the padded image; 4 and 4 is the image itself.
        flip: bool (B,).

    Returns:
        (B, 3, 32, 32) of the same type, channels last.
    """
    batch, along, wide = len(images), torch.arange(SIDE), SIDE + 2 * PADDING
    padded = F.pad(images.permute(0, 2, 3, 1), (0, 0, PADDING, PADDING, PADDING, PADDING)).reshape(-1, 3)
    row = top[:, None] + along
    column = left[:, None] + torch.where(flip[:, None], along.flip(0), along)
    pixel = (torch.arange(batch)[:, None, None] * wide + row[:, :, None]) * wide + column[:, None, :]
    return padded.index_select(0, pixel.flatten()).view(batch, SIDE, SIDE, 3).permute(0, 3, 1, 2)


def collate(rows: Batch | Sequence[Batch]) -> Batch:
    """A batch as `Images.__getitems__` gives it, left as it is, or made of single items."""
    if isinstance(rows, Mapping):
        return rows
    images = torch.stack([row["images"] for row in rows]).contiguous(memory_format=torch.channels_last)
    return {"images": images, "labels": torch.stack([row["labels"] for row in rows])}


class Splits(NamedTuple):
    """The parts of a data set: augmented or not, `train` learns, `validation` chooses, `test` is read once."""

    train: Images
    validation: Images
    test: Images
    classes: int


def load(
    name_or_path: str | Path,
    *,
    validation: float = VALIDATION,
    seed: int = 0,
    augment: bool = True,
    augment_seed: int = 0,
) -> Splits:
    """Read CIFAR-10 or CIFAR-100.

    Args:
        name_or_path: a folder in the layout of the Hub's copy, or a name on the Hub, one of `HUB_NAMES`.
        validation: how many images to cut off the training part, or below 1 which share, of every class alike; the test
            part stays whole.
        seed: decides which.
        augment: whether the training part is augmented; the others never are.
        augment_seed: of the augmentation.

    Raises:
        ValueError: if there is no such data set, it has another layout, or its training part is too small for the cut.
    """
    name = str(name_or_path)
    here = Path(name).is_dir()
    if not here and name not in HUB_NAMES:
        raise ValueError(f"{name} is no folder here and no known data set; known are {' and '.join(HUB_NAMES)}")
    try:
        kept = Path(datasets.config.HF_DATASETS_CACHE) / state_of(Path(name)) if here else None
        parts = datasets.load_dataset(name, cache_dir=kept)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ValueError(f"{name} cannot be read as a data set: {' '.join(str(error).split())}") from error
    for part in ("train", "test"):
        if part not in parts:
            raise ValueError(f"{name} has no {part} part; it has {', '.join(map(str, parts))}")
    column = next((column for column in _BY_LABELS if column in parts["train"].column_names), None)
    if column is None:
        raise ValueError(f"{name} has no column {' or '.join(_BY_LABELS)}, so it is neither CIFAR-10 nor CIFAR-100")
    classes, statistics = _BY_LABELS[column]
    pixels, labels = _read(parts["train"], column, classes, f"{name}, train")
    count = round(validation * len(labels)) if 0 < validation < 1 else int(validation)
    train, held_out = stratified(labels, count, seed)
    return Splits(
        Images(pixels[train], labels[train], statistics, augmented=augment, seed=augment_seed),
        Images(pixels[held_out], labels[held_out], statistics),
        Images(*_read(parts["test"], column, classes, f"{name}, test"), statistics),
        classes,
    )


def _read(part: datasets.Dataset, column: str, classes: int, place: str) -> tuple[Tensor, Tensor]:
    """Pixels uint8 (N, 3, 32, 32), channels last, and labels int64 (N,) of a part."""
    absent = {"img", column}.difference(part.column_names)
    if absent:
        raise ValueError(f"{place}: column {absent.pop()!r} is missing")
    labels = torch.tensor(part.with_format("numpy")[column][:], dtype=torch.int64)
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(
            f"{place}: labels in column {column!r} go from {labels.min()} to {labels.max()}, not to {classes - 1}"
        )
    encoded = part.select_columns("img").cast_column("img", datasets.Image(decode=False))
    return decode((row["bytes"] for rows in encoded.iter(1000) for row in rows["img"]), place), labels


def decode(files: Iterable[bytes], place: str = "images") -> Tensor:
    """Pixels uint8 (N, 3, 32, 32), channels last, of PNG or WebP files; `place` is for errors.

    Raises:
        ValueError: if one is neither, or not of 32 × 32 pixels.
    """
    pixels = bytearray()
    for i, file in enumerate(files):
        try:
            image = Image.open(BytesIO(file), formats=("PNG", "WEBP"))  # naming them is three times as fast
            pixels += image.convert("RGB").tobytes()
        except (UnidentifiedImageError, OSError) as error:
            raise ValueError(f"{place}: image {i} is no whole PNG or WebP file") from error
        if image.size != (SIDE, SIDE):
            raise ValueError(f"{place}: image {i} has {image.width} × {image.height} pixels, not 32 × 32")
    tensor = torch.frombuffer(pixels, dtype=torch.uint8) if pixels else torch.empty(0, dtype=torch.uint8)
    return tensor.view(-1, SIDE, SIDE, 3).permute(0, 3, 1, 2)


def stratified(labels: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """All rows but `count`, and these: positions int64, both ascending; of every class its share, to the next image.

    Raises:
        ValueError: if as many are not there, or none would be left.
    """
    if not 0 <= count < len(labels):
        raise ValueError(f"cannot cut {count} images for validation off {len(labels)}")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    shuffled = labels[order]
    size = shuffled.bincount()
    by_class = shuffled.argsort(stable=True)
    rank = torch.empty_like(order)
    rank[by_class] = torch.arange(len(labels)) - (size.cumsum(0) - size)[shuffled[by_class]]
    first = ((rank + 0.5) / size[shuffled]).argsort(stable=True)
    return order[first[count:]].sort().values, order[first[:count]].sort().values
