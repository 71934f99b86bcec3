"""A Hugging Face `Dataset` of texts to one of clusters; see docs/corpora.md."""

from __future__ import annotations

from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from datasets import Dataset, DatasetDict, Features  # type: ignore[import-untyped]

from .rows import RowResolver, replaced
from .tables import BATCH, fields, words_in

__all__ = ["RowResolver", "resolve"]


def resolve(dataset: Any, *, num_proc: int | None = None, batch_size: int = BATCH, **options: Any) -> Any:
    """Who is who in the texts of a data set, by its ``map``, which keeps the answer in its cache.

    Args:
        dataset: a `Dataset`, or a `DatasetDict` of them: rows with ``text``, or with words as JSON lines have them
            (``tokens``, or ``sentences`` of words).
        num_proc: processes, of a thread each unless the options say otherwise; None for this one.
        batch_size: rows that are resolved before they are written.
        options: those of `RowResolver`.

    Returns:
        the data set with ``clusters`` as lehr's JSON has them, None where a row could not be resolved, and ``error``,
        which says why, None where it could. Rows that came in words have ``text``, ``words``, ``sentences`` and
        ``speakers`` in place of the columns in which these were. Other columns stay as they are.

    Raises:
        OSError: if there is no such model.
        ValueError: if it is damaged, or an option is out of its range.
        TypeError: if the data set is of another kind, such as a stream.
    """
    if isinstance(dataset, DatasetDict):
        return DatasetDict(
            {part: resolve(rows, num_proc=num_proc, batch_size=batch_size, **options) for part, rows in dataset.items()}
        )
    if not isinstance(dataset, Dataset):
        raise TypeError(f"a Dataset, or a DatasetDict of them, is resolved; got {type(dataset).__name__}")
    words = words_in(dataset.features.arrow_schema)
    kept = {name: feature for name, feature in dataset.features.items() if name not in replaced(words)}
    own = Features.from_arrow_schema(pa.schema(fields(words)))
    features = Features({**kept, **own})
    if not len(dataset):  # which `map` would leave without the new columns
        return _formatted(Dataset.from_dict({name: [] for name in features}, features=features), dataset)
    resolved = dataset.with_format(None).map(
        RowResolver(**options),
        fn_kwargs={"words": words},
        batched=True,
        batch_size=batch_size,
        num_proc=num_proc,
        remove_columns=[name for name in dataset.column_names if name in replaced(words)],
        features=features,
        desc="resolving",
    )
    return _formatted(resolved, dataset)


def _formatted(resolved: Dataset, like: Dataset) -> Dataset:
    """In the format of another data set, but for a transform, which may want columns that are gone."""
    kind = like.format["type"]
    return resolved if kind == "custom" else resolved.with_format(kind, **like.format["format_kwargs"])
