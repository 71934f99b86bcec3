"""Where resolved documents go: to the terminal or into one file; and what they look like there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from ..document import Document
from ..files import place, write_text
from ..formats import write
from ..formats.jsonl import dumps
from ..integrations.rows import record
from .bar import progress

SUFFIXES = {
    "text": (".txt", ".text"),
    "resolved": (".resolved.txt",),
    "json": (".json",),
    "jsonl": (".jsonl", ".jsonlines", ".ndjson"),
    "conll": (".conll", "conll", "_conll.txt"),
    "conllu": (".conllu",),
    "html": (".html", ".htm"),
    "parquet": (".parquet",),
}
"""The formats that are written, and what the names of such files end in; the first is what they are given."""

AT_ONCE = ("json", "conllu", "html")
"""Those that are written when all documents are there; CoNLL-U numbers the entities through all of them."""

LONG = 10_000
"""Words of a single document that are worth showing how far it is."""


@dataclass(frozen=True, slots=True)
class Item:
    """A document to resolve.

    `in_words` says that it came in words; `name` is what errors call it, `row` what it came with, if in a row.
    """

    document: Document
    in_words: bool
    name: str
    row: Mapping[str, Any] = field(default_factory=dict)


class Results:
    """The resolved documents, written as they come where the format and the place allow, else at the end.

    Args:
        format: one of `SUFFIXES`; None for what suits the place.
        output: a file; None for standard output.
        inputs: the files that the documents come from, which are not to be overwritten.
        several: whether there was more than one document to resolve, be it that some have failed.
        language: that of the documents.
    """

    def __init__(
        self, format: str | None, output: str | None, *, inputs: Sequence[Path], several: bool, language: str
    ) -> None:
        self.file = Path(output) if output else None
        if not self.file and getattr(sys.stdout, "name", "") == os.devnull:
            raise ValueError("standard output is closed: name a file with --output")
        self.format = format or self._usual()
        self.several, self.language = several, language
        self.pieces: list[Any] = []
        if self.file and place(self.file) in {path.resolve() for path in inputs}:
            raise ValueError(
                f"{self.file} is one of the files to resolve and would be overwritten: name another --output"
            )

    def add(self, item: Item, document: Document) -> None:
        """Take in one document.

        Raises:
            ValueError: if the format cannot hold it.
        """
        found = piece(self.format, item, document, several=self.several, language=self.language)
        if not self.file and self.format == "text":
            from rich.console import Console

            from .terminal import show

            console = Console(highlight=False)
            if console.is_terminal:
                with console.capture() as shown:
                    show(console, document, title=self.several)
                found = shown.get()
        if self.file or self.format in AT_ONCE:
            self.pieces.append(found)
        else:
            _print(found)

    def finish(self) -> None:
        """Write what has waited for the last document.

        Raises:
            OSError: if it cannot be written.
        """
        if self.pieces:
            found = whole(self.format, self.pieces, several=self.several, language=self.language)
            if self.file:
                write_text(self.file, found)
            else:
                _print(found)

    def progress(self, words: int) -> AbstractContextManager[Callable[[float], object]]:
        """A bar of the words that are done, where the results themselves do not show how far it is."""
        seen = not self.file and sys.stdout.isatty()
        return progress(words, shown=(self.several or words > LONG) and not seen)

    def _usual(self) -> str:
        if self.file:
            name = self.file.name.lower()
            found = [format for format, endings in SUFFIXES.items() if name.endswith(endings)]
            if not found and self.file.suffix:
                raise ValueError(
                    f"{self.file}: no format is known by the ending {self.file.suffix}: name it by --format"
                )
            return found[-1] if found else "json"
        return "text" if sys.stdout.isatty() else "json"


def piece(format: str, item: Item, document: Document, *, several: bool, language: str) -> Any:
    """What a document, alone or one of `several`, is in a file: itself for a page and CoNLL-U, its record for JSON and
    Parquet, else its text.

    Raises:
        ValueError: if the format cannot hold it.
    """
    if format in ("conllu", "html"):
        return document
    if format in ("json", "jsonl", "parquet"):
        found = record(document, words=item.in_words, row=item.row)
        if format == "parquet":  # whose columns have types, so that no name is made up in them
            found |= {key: None for key in ("id", "part") if key in item.row and item.row[key] is None}
        return dumps(found) + "\n" if format == "jsonl" else found
    if format == "resolved":
        from ..resolved import resolved_text

        text = resolved_text(document, language)
        return text.rstrip("\r\n") + "\n\n" if several else text + "\n" * (not text.endswith(("\n", "\r")))
    if format != "text":
        return write([document], format)
    from .terminal import page

    return "".join(text for text, _ in page(document, title=several))


def whole(format: str, pieces: Sequence[Any], *, several: bool, language: str) -> str:
    """A file of pieces in a language; JSON is an array if there were `several`."""
    if format in ("conllu", "html"):
        return write(pieces, format, language)
    if format == "json":
        return dumps(pieces if several else pieces[0], indent=1) + "\n"
    return "".join(pieces)


def _print(text: str) -> None:
    """Print in UTF-8, whatever the terminal or the pipe has."""
    typer.echo(text.encode("utf-8"), nl=False)
