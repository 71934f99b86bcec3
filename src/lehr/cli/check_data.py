"""`lehr check-data`."""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from ..document import Document, Span

WIDTH = 24
"""`max_width` of `lehr.coref.configuration.LehrConfig`."""

COLUMNS = ("documents", "words", "mentions", "entities", "singletons")


def check_data(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="CoNLL-2012, CoNLL-U, JSONL or GAP files, or folders.")
    ],
    max_width: Annotated[
        int, typer.Option(min=1, metavar="W", help="Words of the widest span that the model can find: its max_width.")
    ] = WIDTH,
    language: Annotated[
        str, typer.Option(metavar="CODE", help="Of texts without words in JSONL: model.language.")
    ] = "en",
) -> None:
    """Read files as training reads them, and say what is in them.

    A file that is not in its format, or holds no words, makes the exit status 1.
    What training would silently skip is listed too: mentions that are too wide,
    across sentences, crossing, repeated or not written, files without any, and
    in a folder the files of other endings, which a pattern may match. Every
    remark is one sentence with its file, and the line or the document.

    A recipe gives each source an annotation scheme. Files with singletons and
    files without have different ones.

    Examples:

        lehr check-data my-data/train my-data/dev
        lehr check-data train.jsonl dev.jsonl --max-width 30
    """
    from rich.console import Console

    from ..formats.folders import ANNOTATED, files_in
    from ..language import check_code
    from .score import new_table

    check_code(language)
    table = new_table("", "format", *COLUMNS)
    found: list[Path] = []
    empty: list[str] = []
    for path in files:
        try:
            found += files_in(path, ANNOTATED)
        except ValueError as error:
            empty.append(str(error))
    checked = [check_file(file, max_width, language) for file in found]
    for file in checked:
        _row(table, file.name, file.format, file.counts)
    if len(checked) > 1:
        _row(table, "all", "", sum((file.counts for file in checked), Counter()))
    if checked:
        Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)
    for remark in chain.from_iterable(file.remarks for file in checked):
        typer.echo(f"lehr: {remark}", err=True)
    for remark in chain(_schemes(checked), _not_looked_at(files, checked), empty):
        typer.echo(f"lehr: {remark}", err=True)
    if empty or any(file.refused for file in checked):
        raise typer.Exit(1)


@dataclass(slots=True)
class Checked:
    """What a file holds, and what is to be said of it; `refused` says whether training would refuse it."""

    name: str
    format: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    refused: bool = False


def check_file(path: Path, max_width: int, language: str = "en") -> Checked:
    """Read one file as training does, and look at its mentions."""
    from ..formats import FormatError, FormatWarning, detect, read_known, read_source

    checked = Checked(os.fspath(path))
    try:
        source = read_source(path)
        checked.format = detect(path, source)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", FormatWarning)
            documents = read_known(source, checked.format, name=checked.name, language=language)
    except (FormatError, OSError) as error:
        reason = f"{path}: {error.strerror}" if isinstance(error, OSError) and error.strerror else str(error)
        checked.remarks.append(reason)
        checked.refused = True
        return checked
    checked.counts.update(
        documents=len(documents),
        words=sum(len(document.words) for document in documents),
        mentions=sum(map(len, chain.from_iterable(document.clusters for document in documents))),
        entities=sum(len(document.clusters) for document in documents),
        singletons=sum(len(cluster) == 1 for document in documents for cluster in document.clusters),
    )
    checked.remarks += [str(warning.message) for warning in told]
    checked.refused = not checked.counts["words"] or checked.format == "text"
    if not checked.counts["words"]:
        checked.remarks.append(f"{path}: there is no document with words in it")
    elif checked.format == "text":
        checked.remarks.append(f"{path}: text alone, which has no annotation and goes under `unlabelled` in a recipe")
    elif not checked.counts["mentions"]:
        checked.remarks.append(f"{path}: there is no mention in it, so that a model learns to find none")
    checked.remarks += [f"{path}: {remark}" for remark in _remarks(documents, max_width)]
    return checked


def _remarks(documents: list[Document], max_width: int) -> Iterator[str]:
    """A sentence for each kind of mention that training passes over, with how many there are and the first."""
    found: dict[str, list[tuple[Document, Span]]] = {}
    for document in documents:
        for kind, span in _passed_over(document, max_width):
            found.setdefault(kind, []).append((document, span))
    for kind, places in found.items():
        document, (first, last) = places[0]
        text = " ".join(document.text[document.words[first][0] : document.words[last][1]].split())
        shown = text if len(text) <= 60 else text[:59] + "…"
        many = f"{len(places)} mentions are" if len(places) > 1 else "1 mention is"
        yield f"{many} {kind}; the first is {shown!r}, words {first} to {last} of document {document.id!r}"


def _passed_over(document: Document, max_width: int) -> Iterator[tuple[str, Span]]:
    """The mentions that training does not learn, each with why."""
    ends = [end for first, end in document.sentences for _ in range(first, end)]
    seen: set[Span] = set()
    for cluster in document.clusters:
        open_spans: list[Span] = []
        for mention in sorted(cluster.mentions, key=lambda mention: (mention.first_word, -mention.last_word)):
            first, last = mention.span
            if last - first >= max_width:
                yield f"wider than {max_width} words and never found", mention.span
            elif last >= ends[first]:
                yield "across the end of a sentence and never found", mention.span
            if mention.span in seen:
                yield "of the same words as another, and only the first is learned", mention.span
            seen.add(mention.span)
            open_spans = [span for span in open_spans if span[1] >= first]
            if any(span[0] < first and span[1] < last for span in open_spans):
                yield "crossing another of their entity, and only one of the two is ever found", mention.span
            open_spans.append(mention.span)


def _schemes(checked: list[Checked]) -> Iterator[str]:
    """Whether the files can follow one annotation scheme."""
    known = [file for file in checked if file.counts["mentions"]]
    without = [file.name for file in known if not file.counts["singletons"]]
    if 0 < len(without) < len(known):
        shown = ", ".join(without[:3]) + f" and {len(without) - 3} more" * (len(without) > 3)
        yield (
            f"{shown}: there are no singletons, which other files have: if they are never marked there, give these "
            "files a scheme of their own in the recipe"
        )


def _not_looked_at(paths: list[Path], checked: list[Checked]) -> Iterator[str]:
    """Files in the folders that are none of those."""
    from ..formats.folders import anywhere_in

    seen = {file.name for file in checked}
    for path in paths:
        others = sorted(file for file in anywhere_in(path) if os.fspath(file) not in seen)
        if others:
            many = f"{len(others)} files of other endings are" if len(others) > 1 else "1 file of another ending is"
            yield f"{path}: {many} not looked at; the first is {others[0].relative_to(path)}"


def _row(table: Table, name: str, format: str, counts: Counter[str]) -> None:
    from rich.text import Text

    table.add_row(Text(name, overflow="fold"), format, *(f"{counts[column]:,}" for column in COLUMNS))
