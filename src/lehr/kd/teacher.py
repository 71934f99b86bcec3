"""Teacher logits, computed once and kept beside the data, memory-mapped, for every stage and method to read."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import torch
from accelerate import PartialState  # type: ignore[import-untyped]
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from .. import shelf
from ..files import aside, read_object, write_text
from .progress import tell

Collator = Callable[[Any], Mapping[str, Any]]

PART = 1024
"""Rows in each file of a store unless told otherwise; a killed build goes on after the last whole one."""

MINUTE = 60
"""Seconds between two lines about a store that is being built, where there is no terminal for a bar."""

FEW = 4
"""Rows that a teacher is asked again before its store is gone on with or read."""

COLUMN = "teacher_logits"


def cache_folder() -> Path:
    """Where logits are kept unless told otherwise: below LEHR_CACHE, or ``~/.cache/lehr``."""
    return shelf.cache_folder() / "teacher-logits"


class Logits:
    """A finished store: the logits of every row, float32, read from disk as they are asked for.

    Args:
        folder: what `keep_logits` made.

    Raises:
        ValueError: if the store is unfinished, or its files are not those it was finished with.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.about: dict[str, Any] = read_object(folder / "store.json")
        except FileNotFoundError:
            raise ValueError(f"{folder}: no finished store of teacher logits") from None
        self._size: int = self.about["part"]
        paths = [_path(folder, start) for start in range(0, self.about["rows"], self._size)]
        if absent := [path for path in paths if not path.exists()]:
            raise ValueError(f"{absent[0]}: gone from a finished store of teacher logits; remove {folder}")
        self._parts = [_Part(path) for path in paths]
        self.column = datasets.concatenate_datasets([part.table for part in self._parts])
        """The same as a dataset of one column, `teacher_logits`, to be joined to another along axis 1."""
        if len(self.column) != self.about["rows"]:
            raise ValueError(f"{folder}: {len(self.column)} rows where {self.about['rows']} are meant; remove it")

    def __len__(self) -> int:
        return int(self.about["rows"])

    def __getitem__(self, row: int) -> NDArray[np.float32]:
        """The logits of one row, in the shape that the teacher gave them for it."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        part, index = divmod(row, self._size)
        return self._parts[part][index]


class _Part:
    """One file of a store, memory-mapped."""

    def __init__(self, path: Path) -> None:
        try:
            self.table = datasets.Dataset.from_file(str(path))
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"{path}: no whole file of teacher logits; remove {path.parent} ({error})") from error
        chunks = [self.table.data.column(name).chunk(0) for name in (COLUMN, "shape")]
        self.values, self.shapes = ((chunk.values.to_numpy(), chunk.offsets.to_numpy()) for chunk in chunks)

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        (values, ends), (shapes, axes) = self.values, self.shapes
        shape = shapes[axes[index] : axes[index + 1]]
        logits: NDArray[np.float32] = values[ends[index] : ends[index + 1]].reshape(shape)
        return logits


def logits_of(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """A model's logits for a batch: what it returns, or the first of a tuple, or what is called `logits` in it.

    Raises:
        ValueError: if there are none.
    """
    output = model(**batch)
    if isinstance(output, Mapping) and "logits" not in output:
        raise ValueError(f"a {type(model).__name__} returns {', '.join(map(str, output))}, and no `logits`")
    output = output["logits"] if isinstance(output, Mapping) else getattr(output, "logits", output)
    logits = output[0] if isinstance(output, (tuple, list)) and output else output
    if not isinstance(logits, Tensor):
        raise ValueError(f"a {type(model).__name__} returns {type(logits).__name__}, and no tensor of logits")
    return logits


def ask(model: nn.Module, batch: Mapping[str, Any], *, bf16: bool = False) -> Tensor:
    """A model's logits for a batch, without gradients, float32 on the CPU; labels are not shown to it."""
    device = next(model.parameters(), torch.empty(0)).device
    inputs = {name: value.to(device) for name, value in batch.items() if name != "labels"}
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        return logits_of(model, inputs).float().cpu()


def keep_logits(
    teacher: nn.Module,
    dataset: Any,
    collator: Collator,
    *,
    cache: Path | None = None,
    batch_size: int = 64,
    bf16: bool = False,
    title: str = "teacher logits",
    part: int = PART,
) -> Logits:
    """The teacher's logits for every row of `dataset`, from the store if it holds them, else computed and kept.

    A store is known by the teacher's weights, by what the collator makes of the rows (or the dataset's own
    `fingerprint`, if it has one), by the precision and by `part`, so a changed teacher, changed rows or changed
    preprocessing find another or none. What does not show in weights, code that was changed say, is noticed by a few
    rows that are asked anew. Several processes share the work, part by part; a killed build goes on where it was.

    Args:
        teacher: returns logits whose first axis is the rows; put in evaluation mode meanwhile.
        dataset: rows with a length and an index; `labels` in them are not shown to the teacher.
        collator: makes a batch of a list of rows; it must make the same batch of the same rows each time.
        cache: holds the stores, a folder each; `cache_folder()` unless given.
        batch_size: rows the teacher sees at once; where `dataset` has a column `input_ids`, rows of like length.
        bf16: let the teacher compute in bfloat16.
        title: of the progress bar.
        part: rows in each file; less than `PART` where a row takes the teacher long.

    Raises:
        ValueError: if there are no rows, a logit is not finite, or the teacher answers otherwise than it did.
        OSError: if the disk has no room for all of them, which is known after the first part.
    """
    if not len(dataset):
        raise ValueError("a teacher cannot be asked about a dataset without rows")
    about = {
        "teacher": fingerprint_of_model(teacher),
        "data": fingerprint_of_data(dataset, collator),
        "rows": len(dataset),
        "bf16": bf16,
        "part": part,
    }
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]
    folder = (cache or cache_folder()) / key
    folder.mkdir(parents=True, exist_ok=True)

    def answer(indices: Sequence[int]) -> Tensor:
        logits = ask(teacher, collator(fetch(dataset, indices)), bf16=bf16)
        if not logits.isfinite().all():
            raise ValueError("the teacher gives logits that are not finite; it is broken, or bfloat16 is too narrow")
        return logits

    was_training = teacher.training
    teacher.to(PartialState().device).eval()
    try:
        if (first := _path(folder, 0)).exists():
            coarse = bf16 or any(weight.dtype in (torch.bfloat16, torch.float16) for weight in teacher.parameters())
            _check_answers(first, answer(range(min(FEW, part, batch_size, len(dataset)))), 0.1 if coarse else 0.01)
        if not (folder / "store.json").exists():
            _build(folder, answer, dataset, batch_size, title, part)
            write_text(folder / "store.json", json.dumps(about, indent=1) + "\n")
            for lock in folder.glob("*.lock"):
                with suppress(OSError):  # Windows keeps what another process has open
                    lock.unlink()
    finally:
        teacher.train(was_training)
    return Logits(folder)


def _check_answers(path: Path, answers: Tensor, tolerance: float) -> None:
    """See that a teacher answers its first rows as it did, but for what other machines and batches round otherwise.

    Of each row the first logits are compared: its padding, which may be another, comes last, and so do a resolver's
    pairs, of which a rounded candidate moves many.
    """
    part = _Part(path)
    for row, answer in enumerate(answers.numpy()):
        size = min(1000, part[row].size, answer.size)
        kept, now = part[row].ravel()[:size], answer.ravel()[:size]
        if np.abs(kept - now).mean() > tolerance * (np.abs(kept).mean() + 0.1):
            raise ValueError(
                f"{path}: the teacher answers otherwise than when this was kept, though its weights are the same: its "
                f"code or its settings have changed; remove {path.parent} to have it asked anew"
            )


def _path(folder: Path, start: int) -> Path:
    return folder / f"{start:09d}.arrow"


def _by_length(dataset: Any, indices: range) -> list[int]:
    """Rows of like length one after the other, where that is known, so that little of a batch is padding."""
    if not isinstance(dataset, datasets.Dataset) or "input_ids" not in dataset.column_names:
        return list(indices)
    pieces = dataset.with_format(None).select_columns("input_ids")[indices.start : indices.stop]["input_ids"]
    return sorted(indices, key=lambda row: len(pieces[row - indices.start]))


def _build(
    folder: Path, answer: Callable[[list[int]], Tensor], dataset: Any, batch_size: int, title: str, size: int
) -> None:
    """Make every part that is not there: first those that no other process is at, then what others leave undone."""
    rows = len(dataset)
    parts = {_path(folder, start): range(start, min(start + size, rows)) for start in range(0, rows, size)}
    said = time.monotonic()
    with tqdm(total=rows, desc=title, unit="row", disable=None, dynamic_ncols=True) as bar:
        for wait in (False, True):
            for part, indices in list(parts.items()):
                with suppress(Timeout), FileLock(part.with_suffix(".lock"), blocking=wait):
                    if part.exists():
                        bar.update(len(indices))
                    else:
                        logits: dict[int, NDArray[np.float32]] = {}
                        ordered = _by_length(dataset, indices)
                        for first in range(0, len(ordered), batch_size):
                            batch = ordered[first : first + batch_size]
                            logits |= zip(batch, answer(batch).numpy(), strict=True)
                            bar.update(len(batch))
                        each = sum(map(np.size, logits.values())) // len(logits) + 6
                        _check_room(folder, sum(map(len, parts.values())) * each * 4)
                        _write(part, [logits[row] for row in indices])
                    del parts[part]
                if bar.disable and (not parts or time.monotonic() - said > MINUTE):  # there is no terminal
                    tell(f"{title}: {rows - sum(map(len, parts.values())):,} of {rows:,} rows")
                    said = time.monotonic()


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(f"{folder}: the teacher's logits take {needed >> 20} MiB, and {free >> 20} MiB are free")


def _write(path: Path, logits: Sequence[NDArray[np.float32]]) -> None:
    ends = np.cumsum([0, *map(np.size, logits)])
    axes = np.cumsum([0, *map(np.ndim, logits)])
    table = pa.table(
        {
            COLUMN: pa.LargeListArray.from_arrays(ends, np.concatenate([row.ravel() for row in logits])),
            "shape": pa.LargeListArray.from_arrays(axes, np.concatenate([row.shape for row in logits]).astype("int64")),
        }
    )
    with (
        aside(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema) as out,
    ):
        out.write_table(table)


def fetch(dataset: Any, indices: Sequence[int]) -> Any:
    """Rows of a dataset as its collator takes them: in one go where it can (`__getitems__`), else one by one."""
    if hasattr(dataset, "__getitems__"):
        return dataset.__getitems__(list(indices))
    return [dataset[index] for index in indices]


def fingerprint_of_model(model: nn.Module) -> str:
    """sha256 of a model as torch prints it, of its configuration where it has one, and of every weight and buffer.

    What changes no logit is left out of the configuration: where it came from, and the language it is said to read.
    What else a model goes by, it says when it is printed (`extra_repr`).
    """
    digest = hashlib.sha256(repr(model).encode())
    config: Any = getattr(model, "config", None)
    if hasattr(config, "to_dict"):
        idle = ("_name_or_path", "transformers_version", "language")
        fields = {k: v for k, v in config.to_dict().items() if k not in idle}
        digest.update(json.dumps(fields, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        _update(digest, name, tensor)
    return digest.hexdigest()


def fingerprint_of_data(dataset: Any, collator: Collator, *, labels: bool = False) -> str:
    """A dataset's own `fingerprint`, or the sha256 of all that the collator gives a model to see of it.

    Args:
        dataset: the rows.
        collator: makes batches of them.
        labels: whether those count as well.
    """
    if isinstance(own := getattr(dataset, "fingerprint", None), str):
        return own
    digest = hashlib.sha256()
    for start in range(0, len(dataset), PART):
        batch = collator(fetch(dataset, range(start, min(start + PART, len(dataset)))))
        for name in sorted(batch):
            if name != "labels" or labels:
                _update(digest, name, batch[name])
    return digest.hexdigest()


def _update(digest: Any, name: str, tensor: Tensor) -> None:
    digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
    digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
