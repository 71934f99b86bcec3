"""Resolved rows as Arrow tables and Parquet files; needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..extras import needs

needs("ray", "pyarrow")

import pyarrow as pa  # type: ignore[import-untyped]  # noqa: E402
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: E402

from ..formats.jsonl import in_words  # noqa: E402
from .rows import RowResolver, readable_columns, replaced, written  # noqa: E402

BATCH = 64
"""Rows that are held at once."""


def fields(words: bool) -> list[pa.Field]:
    """The columns that `rows.written` names, of documents that came in words or in text."""
    number, pairs = pa.int64(), pa.list_(pa.list_(pa.int64()))
    mention = {"start": number, "end": number, "text": pa.string()}
    if words:
        mention |= {"first_word": number, "last_word": number}
    mention |= {"score": pa.float64(), "antecedent": number, "link": pa.float64()}
    cluster = {"id": number, "mentions": pa.list_(pa.struct(list(mention.items())))}
    types = {
        "text": pa.string(),
        "words": pairs,
        "sentences": pairs,
        "speakers": pa.list_(pa.string()),
        "clusters": pa.list_(pa.struct(list(cluster.items()))),
        "error": pa.string(),
    }
    return [pa.field(name, types[name]) for name in written(words)]


def resolve_table(table: pa.Table, rows: RowResolver) -> pa.Table:
    """The table with what was found in its rows; the columns that are kept are not touched.

    Raises:
        ValueError: if no column has texts or words.
        OSError, ValueError: if the model is not there or another one, see `RowResolver.load`.
    """
    words = words_in(table.schema)
    found = rows.resolve_rows(table.select(readable_columns(table.column_names)).to_pylist(), words=words)
    own = pa.Table.from_pylist(found, pa.schema(fields(words)))
    kept = {name: table[name] for name in table.column_names if name not in replaced(words)}
    return pa.table(kept | {name: own[name] for name in own.column_names})


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, read as they are needed.

    Raises:
        OSError, ValueError: if it is none, or damaged.
    """
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            yield from batch.to_pylist()


class Writer:
    """Writes records of documents (`rows.record`) as a Parquet file, which is whole at the end of a ``with`` block.

    The columns that are kept have the types that they have in `source`, a Parquet file, or else those that hold the
    first `BATCH` records, each of which may widen those before it; of columns with names of ours there are only ours.
    """

    def __init__(self, path: Path, source: Path | None) -> None:
        schema = pa.schema([]) if source is None else pq.read_schema(source)
        self._path, self._typed = path, source is not None
        self._words = not self._typed or words_in(schema)
        self._kept = pa.schema([field for field in schema if _is_kept(field.name, self._words)])
        self._rows = list[dict[str, Any]]()
        self._writer: pq.ParquetWriter | None = None

    def add(self, record: dict[str, Any]) -> None:
        """Take in a record.

        Raises:
            ValueError: if it does not fit those before it; others still may.
            OSError: if it cannot be written.
        """
        kept = self._kept
        try:
            if not self._typed:
                record = _unmixed(record)
                own = pa.Table.from_pylist([{name: record[name] for name in record if _is_kept(name, True)}])
                kept = pa.unify_schemas([kept, own.schema], promote_options="permissive")
            rows = [record] if kept == self._kept else [*self._rows, record]
            pa.Table.from_pylist(rows, _around(kept, self._words))
        except (pa.ArrowException, OverflowError) as error:
            raise ValueError(f"the row does not fit the table ({error}): mend it, or choose jsonl") from error
        if self._writer is not None and kept != self._kept:
            name = next(field.name for field in kept if field not in list(self._kept))
            raise ValueError(f"the table's first rows have no such {name!r} as this one: mend it, or choose jsonl")
        self._kept = kept
        self._rows.append(record)
        if len(self._rows) == BATCH:
            self._write()

    def _write(self) -> None:
        if self._writer is None:
            if not self._typed:  # of a column without a value nobody can know the type, so that it is text
                text = [field.with_type(pa.string()) if field.type == pa.null() else field for field in self._kept]
                self._kept = pa.schema(text)
            self._writer = pq.ParquetWriter(self._path, _around(self._kept, self._words))
        self._writer.write_table(pa.Table.from_pylist(self._rows, self._writer.schema))
        self._rows = []

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Write what is left, unless the block has failed."""
        if error is None and (self._rows or self._writer is None):
            self._write()
        if self._writer is not None:
            self._writer.close()


def words_in(schema: pa.Schema) -> bool:
    """Whether rows with these columns may come in words; see `lehr.formats.jsonl.there`."""
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_null)
    return in_words(
        [field.name for field in schema if "text" not in schema.names or any(is_(field.type) for is_ in lists)]
    )


def _is_kept(name: str, words: bool) -> bool:
    """Whether a column is kept; a file has no errors of ours."""
    return name == "error" or name not in replaced(words)


def _around(kept: Iterable[pa.Field], words: bool) -> pa.Schema:
    """The columns that are kept, a name and a part, and the ones that are written."""
    names = {field.name for field in kept}
    added = [pa.field("id", pa.string()), pa.field("part", pa.int64())]
    own = [field for field in fields(words) if field.name != "error"]
    return pa.schema([*(field for field in added if field.name not in names), *kept, *own])


def _unmixed(record: dict[str, Any]) -> dict[str, Any]:
    """A record without columns of the names of ours that are others; no telling of which type they would be."""
    ours = written(isinstance(record.get("words"), list))
    return {
        name: _filled(value)
        for name, value in record.items()
        if name != "error" and (name in ours or name not in replaced(True))
    }


def _filled(value: Any) -> Any:
    """A value of JSON with null for objects without a field, which Parquet cannot hold."""
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()} or None
    return [_filled(item) for item in value] if isinstance(value, list) else value
