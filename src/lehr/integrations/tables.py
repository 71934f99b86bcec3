"""Resolved rows as Arrow tables and Parquet files; needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    words = in_words(table.column_names)
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

    The columns that are kept have the types that they have in `source`, a Parquet file, or else those of the first
    records, whose `speakers` and `error` are left out where they are not ours.
    """

    def __init__(self, path: Path, source: Path | None) -> None:
        self._path, self._source, self._rows = path, source, list[dict[str, Any]]()
        self._writer: pq.ParquetWriter | None = None
        schema = None if source is None else pq.read_schema(source)
        self._schema = None if schema is None else _around(schema, in_words(schema.names))

    def add(self, record: dict[str, Any]) -> None:
        """Take in a record.

        Raises:
            ValueError: if its values are not of the types of those before it.
        """
        if self._source is None:  # no telling of which type the columns would be that have the names of ours
            foreign = ("error",) if "words" in record else ("error", "speakers")
            record = {name: value for name, value in record.items() if name not in foreign}
        self._rows.append(record)
        if len(self._rows) == BATCH:
            self._write()

    def _write(self) -> None:
        if self._schema is None:
            kept = [{name: value for name, value in row.items() if _is_kept(name, True)} for row in self._rows]
            self._schema = _around(pa.Table.from_pylist(_filled(kept)).schema, words=True)
        for row in self._rows:
            if unknown := row.keys() - set(self._schema.names):
                raise ValueError(f"the first rows have no {min(unknown)!r}, so that a table has none: choose jsonl")
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, self._schema)
        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows = []

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Write what is left, unless the block has failed."""
        if error is None and (self._rows or self._writer is None):
            self._write()
        if self._writer is not None:
            self._writer.close()


def _is_kept(name: str, words: bool) -> bool:
    """Whether a column is kept; a file has no errors of ours."""
    return name == "error" or name not in replaced(words)


def _around(schema: pa.Schema, words: bool) -> pa.Schema:
    """The columns that are kept, a name and a part, and the ones that are written."""
    kept = [field for field in schema if _is_kept(field.name, words)]
    names = {field.name for field in kept}
    added = [pa.field("id", pa.string()), pa.field("part", pa.int64())]
    own = [field for field in fields(words) if field.name != "error"]
    return pa.schema([*(field for field in added if field.name not in names), *kept, *own])


def _filled(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each with all columns; of a column without a value nobody can know the type, so that it is text."""
    names = dict.fromkeys(name for row in rows for name in row)
    empty = {name: "" for name in names if all(row.get(name) is None for row in rows)}
    return [{**dict.fromkeys(names), **row, **empty} for row in rows]
