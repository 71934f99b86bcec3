"""Where resolved documents go: to the terminal, into one file, or into a folder with a file for each."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path, PurePath
from typing import Any

import typer
from rich.console import Console

from ..document import Document
from ..files import write_text
from ..formats import write
from ..formats.jsonl import to_json
from .terminal import show

SUFFIXES = {"text": ".txt", "json": ".json", "jsonl": ".jsonl", "conll": ".conll", "html": ".html"}
"""The formats that are written, and what the names of such files end in."""

LONG = 10_000
"""Words of a single document that are worth showing how far it is."""


@dataclass(frozen=True, slots=True)
class Item:
    """A document to resolve.

    `in_words` says that it came in words; `name` is what errors call it, `path` what its own file would be called
    but for the suffix.
    """

    document: Document
    in_words: bool
    name: str
    path: PurePath


class Results:
    """The resolved documents, written as they come where the format and the place allow, else at the end.

    Args:
        format: one of `SUFFIXES`; None for what suits the place.
        output: a folder if it is one or ends in a slash, else a file; None for standard output.
        inputs: the files that the documents come from, which are not to be overwritten.
        several: whether there was more than one document to resolve, be it that some have failed.
    """

    def __init__(self, format: str | None, output: str | None, *, inputs: Sequence[Path], several: bool) -> None:
        self.folder = Path(output) if output and (output.endswith(("/", os.sep)) or Path(output).is_dir()) else None
        self.file = Path(output) if output and not self.folder else None
        self.format = format or self._usual()
        self.inputs, self.several = {path.resolve() for path in inputs}, several
        self.pieces: list[Any] = []
        self.taken: set[Path] = set()
        if self.file:
            self._free(self.file)

    def add(self, item: Item, document: Document) -> None:
        """Take in one document.

        Raises:
            ValueError: if the format cannot hold it, or it would overwrite what it came from.
            OSError: if it cannot be written.
        """
        piece = self._piece(item, document)
        if self.folder:
            path = self._free(self.folder / f"{item.path}{SUFFIXES[self.format]}")
            write_text(path, self._whole([piece], several=False))
        elif self.file or self.format in ("json", "html"):
            self.pieces.append(piece)
        elif self.format == "text":
            show(Console(highlight=False), document, title=self.several)
        else:
            _print(piece)

    def finish(self) -> None:
        """Write what has waited for the last document.

        Raises:
            OSError: if it cannot be written.
        """
        if self.pieces or (self.several and self.format == "json" and not self.folder):
            whole = self._whole(self.pieces, several=self.several)
            if self.file:
                write_text(self.file, whole)
            else:
                _print(whole)

    @contextmanager
    def progress(self, words: int) -> Iterator[Callable[[int], None]]:
        """A bar of the words that are done, on a terminal where the results themselves do not show how far it is."""
        seen = sys.stdout.isatty() and not self.folder and not self.file
        shown = (self.several or words > LONG) and sys.stderr.isatty() and not seen
        if not shown:
            yield lambda _: None
            return
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
            task = bar.add_task("resolving", total=words)
            yield lambda done: bar.advance(task, done)

    def _usual(self) -> str:
        if self.file:
            return next((format for format, suffix in SUFFIXES.items() if suffix == self.file.suffix.lower()), "json")
        return "text" if sys.stdout.isatty() and not self.folder else "json"

    def _free(self, path: Path) -> Path:
        """The path, with a number where another document has it."""
        number, free = 1, path
        while free in self.taken:
            number += 1
            free = path.with_stem(f"{path.stem}-{number}")
        if free.resolve() in self.inputs:
            raise ValueError(f"{free} is one of the files to resolve and would be overwritten: name another --output")
        self.taken.add(free)
        return free

    def _piece(self, item: Item, document: Document) -> Any:
        """What is kept of a document until the end: itself for a page, its record for JSON, else its text."""
        if self.format == "html":
            return document
        if self.format == "json":
            return _record(item, document)
        if self.format == "jsonl":
            return json.dumps(_record(item, document), ensure_ascii=False) + "\n"
        if self.format == "conll":
            return write([document], "conll")
        page = StringIO()
        show(Console(file=page, highlight=False, color_system=None), document, title=self.several and not self.folder)
        return page.getvalue()

    def _whole(self, pieces: Sequence[Any], *, several: bool) -> str:
        if self.format == "html":
            return write(pieces, "html")
        if self.format == "json":
            return json.dumps(pieces if several else pieces[0], ensure_ascii=False, indent=1) + "\n"
        return "".join(pieces)


def file_name(document: Document) -> str:
    """A name for the file of a document that shares its own with others."""
    name = re.sub(r"[^\w.-]+", "_", document.id).strip("._") or "document"
    return f"{name}_{document.part:03d}" if document.part else name


def _record(item: Item, document: Document) -> dict[str, Any]:
    """The document as JSON, probabilities to four places."""
    record = to_json(document, words=item.in_words)
    for cluster in record["clusters"]:
        for mention in cluster["mentions"]:
            mention.update({key: round(mention[key], 4) for key in ("score", "link") if key in mention})
    return record


def _print(text: str) -> None:
    """Print in UTF-8, whatever the terminal has."""
    typer.echo(text.encode("utf-8"), nl=False)
