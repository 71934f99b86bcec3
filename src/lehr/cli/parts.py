"""A part of a corpus: a file of documents, resolved into another, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from errno import ENAMETOOLONG
from io import BytesIO
from itertools import chain, islice
from pathlib import Path, PurePath
from threading import Event
from typing import Any, BinaryIO

from ..document import Document
from ..files import aside, write_text
from ..formats import FormatError, decoded, detect, read_source
from ..formats import read as read_source_as
from ..formats.folders import SET_ASIDE
from ..formats.jsonl import dumps, in_words, parse, there
from ..integrations.rows import RowResolver, document, reason
from ..pool import MOST, in_order
from .results import AT_ONCE, Item, piece, whole

LINES = (".jsonl", ".jsonlines", ".ndjson")
PARQUET = ".parquet"


@dataclass(frozen=True, slots=True)
class Part:
    """A file to read and one to write, both absolute, and their formats; `name` is what messages call it."""

    name: str
    source: Path
    target: Path
    input_format: str
    format: str

    @property
    def kind(self) -> str:
        """What is read: ``parquet`` or ``jsonl`` where the name says so, else the format as it was given."""
        name = self.source.name.lower()
        if self.input_format == "auto" and name.endswith((PARQUET, *LINES)):
            return "parquet" if name.endswith(PARQUET) else "jsonl"
        return self.input_format

    @property
    def errors(self) -> Path:
        """Where the rows are set aside that could not be resolved, as JSON lines: the reason, the place, the row."""
        return self.target.with_name(f"{self.target.name}{SET_ASIDE}")

    def set_aside(self, failures: list[dict[str, Any]]) -> None:
        """Write the file of errors, or remove that of an earlier run."""
        if failures:
            write_text(self.errors, "".join(dumps(failure, ascii=True) + "\n" for failure in failures))
        else:
            self.errors.unlink(missing_ok=True)

    def fail(self, error: BaseException) -> Outcome:
        """Leave no target, and set aside the whole file, or the failures that the error has.

        A name that is too long for either file keeps no other file from its turn.
        """
        failures = getattr(error, "failures", None) or [{"path": self.name, "reason": reason(error)}]
        try:
            self.target.unlink(missing_ok=True)
            self.set_aside(failures)
        except OSError as other:
            if other.errno != ENAMETOOLONG:
                raise
        return Outcome(failed=len(failures), reason=failures[0]["reason"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file, or of several: `files` with a result, what is resolved in them, and what failed.

    A `reason` is that of the first failure.
    """

    documents: int = 0
    words: int = 0
    failed: int = 0
    files: int = 0
    reason: str = ""


def resolve_part(rows: RowResolver, part: Part, stopped: Event | None = None) -> Outcome:
    """Resolve a file: document by document, or several at a time if it has as many as `rows` has threads.

    A document that fails is set aside, and so is a file that cannot be read, or of which no document can be resolved:
    then there is no file `part.target`, so that another run tries again.

    Args:
        rows: resolves.
        part: the file.
        stopped: when it is set, the work is given up amid a document.

    Raises:
        OSError: if the model is not there, or the file of errors cannot be written.
        ValueError: if the model is damaged, or not the one that was meant.
        KeyboardInterrupt: if it was `stopped`.
    """
    language = rows.language
    try:
        age = part.source.stat().st_mtime_ns
        found = read(part, language)
        first = [*islice(found, rows.threads or MOST)]
    except Exception as error:  # whatever it may be, there are other files
        return part.fail(error)
    rows, many = rows.for_many(len(first))
    rows.load()

    def told(_: int) -> None:
        if stopped and stopped.is_set():
            raise KeyboardInterrupt

    def answer(row: Row) -> tuple[Item, Document]:
        item = row.item(language)
        return item, rows.answer(item.document, told)

    try:
        with closing(in_order(answer, chain(first, found), many)) as answers:
            return _resolve(part, answers, language, age)
    except Exception as error:  # as above
        return part.fail(error)


class _NothingResolved(Exception):
    """Of a file; ends the writing of the other."""

    def __init__(self, failures: list[dict[str, Any]]) -> None:
        super().__init__()
        self.failures = failures


def _resolve(
    part: Part, answers: Iterable[tuple[Row, Callable[[], tuple[Item, Document]]]], language: str, age: int
) -> Outcome:
    """Write each row's answer; `age` is what the file had when it was opened."""
    failures: list[dict[str, Any]] = []
    documents = words = 0
    with aside(part.target) as temporary:
        with _writing(part, temporary, lambda: documents + len(failures), language) as add:
            for row, answered in answers:
                try:
                    item, found = answered()
                    add(piece(part.format, item, found, several=not row.alone, language=language))
                except OSError:
                    raise  # there is no room, say: no fault of a document
                except Exception as error:  # as above, of documents
                    failures.append(row.failure(error))
                    continue
                documents += 1
                words += len(found.words)
        if part.source.stat().st_mtime_ns != age:
            raise ValueError(f"{part.name} was changed while it was read: run the command again")
        if failures and not documents:
            raise _NothingResolved(failures)
        part.set_aside(failures)
    return Outcome(documents, words, len(failures), 1, failures[0]["reason"] if failures else "")


@contextmanager
def _writing(part: Part, path: Path, rows: Callable[[], int], language: str) -> Iterator[Callable[[Any], object]]:
    """Give a function that writes a `piece` to `path`: at once, or, where the format needs them all, at the end.

    It raises ValueError for a piece that does not fit the others, and OSError if nothing can be written.
    `rows` says how many were read by then; if there were some and all have failed, nothing is written.
    """
    if part.format == "parquet":
        from ..integrations.tables import Writer

        with Writer(path, part.source if part.kind == "parquet" else None) as table:
            yield table.add
    elif part.format in AT_ONCE:
        pieces: list[Any] = []
        yield pieces.append
        if rows() and not pieces:
            return
        path.write_text(whole(part.format, pieces, several=rows() != 1, language=language), "utf-8", newline="")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file.write


@dataclass(frozen=True, slots=True)
class Row:
    """What stands for a document in a file: a line, a row of a table, or the document itself.

    `number` counts lines, rows or documents from 1; `alone` says that the file has no other.
    """

    part: Part
    number: int
    content: bytes | Mapping[str, Any] | tuple[Document, bool]
    alone: bool = False

    def item(self, language: str = "en") -> Item:
        """The document, its text split as in `language`, and what it came with.

        Raises:
            FormatError: if there is none.
        """
        content, name = self.content, self.part.name
        if isinstance(content, tuple):
            return Item(*content, self._label(content[0]))
        row = _value(content, name, self.number) if isinstance(content, bytes) else content
        id = PurePath(name).stem + f":{self.number}" * (not self.alone)
        if isinstance(content, bytes):
            found = document(row, name=name, line=self.number, id=id, language=language)
        else:
            place = f"{name}, row {self.number}"
            _check_unicode(row, place)
            found = document(row, name=place, id=id, language=language)
        return Item(found, in_words(there(row)), self._label(found), row)

    def _label(self, document: Document) -> str:
        return self.part.name if self.alone else f"{self.part.name}, document {document.id!r}"

    def failure(self, error: Exception) -> dict[str, Any]:
        """What is kept of it: where it stands, why it failed, and itself, so that it can be mended."""
        failure = {"path": self.part.name, "number": self.number, "reason": reason(error)}
        if isinstance(self.content, tuple):
            return failure | {"id": self.content[0].id}
        row = _loaded(self.content) if isinstance(self.content, bytes) else self.content
        if not isinstance(row, dict):
            return failure | {
                "row": self.content.decode("utf-8", "replace") if isinstance(self.content, bytes) else row
            }
        return failure | {"id": row.get("id"), "row": row}


def read(part: Part, language: str = "en") -> Iterator[Row]:
    """The documents of a file: of JSON lines and Parquet one at a time, of any other all at once.

    Raises:
        OSError, ValueError: if it cannot be read, or is not in its format.
    """
    if part.kind == "parquet":
        from ..integrations.tables import read_rows

        yield from _told_alone(_numbered(part, read_rows(part.source)))
    elif part.kind == "jsonl":
        with part.source.open("rb") as file:
            yield from _told_alone(_read_lines(part, file))
    else:
        yield from read_text(part, read_source(part.source), language)


def read_text(part: Part, source: str, language: str = "en") -> Iterator[Row]:
    """The same of a file whose text is at hand.

    Raises:
        ValueError: if it is not in its format.
    """
    format = detect(part.source, source) if part.kind == "auto" else part.kind
    if format == "jsonl":
        yield from _told_alone(_read_lines(part, BytesIO(source.encode("utf-8"))))
    else:
        found = read_source_as(source, format, name=part.name, language=language)
        came_in_words = format not in ("text", "gap")
        yield from _told_alone(_numbered(part, ((document, came_in_words) for document in found)))


def _check_unicode(row: Any, place: str) -> None:
    """Raise FormatError if a string of a row cannot be written."""
    try:
        json.dumps(row, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError.at(place, None, found="half of a surrogate pair", expected="both or none") from error


def _numbered(part: Part, contents: Iterable[Any]) -> Iterator[Row]:
    return (Row(part, number, content) for number, content in enumerate(contents, 1))


def _told_alone(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, the only one told so."""
    first, second = next(rows, None), next(rows, None)
    if first is not None:
        yield replace(first, alone=second is None)
    if second is not None:
        yield second
    yield from rows


def _read_lines(part: Part, file: BinaryIO) -> Iterator[Row]:
    """The lines that hold something; the values in a file that is one object over many lines, or one array.

    Raises:
        FormatError: if the first line is no JSON, nor any other, nor the whole.
    """
    first = True
    for number, line in ((number, line) for number, line in enumerate(file, 1) if line.strip()):
        if first and not isinstance(_loaded(line), dict):
            rest = file.read()
            value = _loaded(line + rest)
            if isinstance(value, (dict, list)):
                yield from _numbered(part, value if isinstance(value, list) else [value])
                return
            others = [(n, other) for n, other in enumerate(BytesIO(rest), number + 1) if other.strip()]
            if not any(isinstance(_loaded(other), dict) for _, other in others):
                _value(line + rest, part.name, number)
            yield Row(part, number, line)
            yield from (Row(part, n, other) for n, other in others)
            return
        yield Row(part, number, line)
        first = False


def _loaded(data: bytes) -> Any:
    """The value of JSON; None where there is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _value(line: bytes, name: str, number: int) -> Any:
    """The value of a line of JSON.

    Raises:
        FormatError: if it holds none.
    """
    return parse(decoded(line, name, number), name=name, number=number)
