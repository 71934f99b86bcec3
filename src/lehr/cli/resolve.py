"""`lehr resolve`."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from errno import ENOSPC, EPIPE
from itertools import chain
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..integrations.rows import RowResolver
    from .results import Item


class Input(str, Enum):
    """Formats that are read."""

    AUTO, TEXT, CONLL, CONLLU, JSONL = "auto", "text", "conll", "conllu", "jsonl"


class Output(str, Enum):
    """Formats that are written."""

    TEXT, RESOLVED, JSON, JSONL = "text", "resolved", "json", "jsonl"
    CONLL, CONLLU, HTML, PARQUET = "conll", "conllu", "html", "parquet"


class Engine(str, Enum):
    """Where files are resolved."""

    LOCAL, RAY = "local", "ray"


def _listed(formats: type[Enum]) -> str:
    """auto, text or conll"""
    *others, last = (format.value for format in formats)
    return f"{', '.join(others)} or {last}"


def resolve(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH|-", help="Files, folders, or - for standard input.", show_default=False),
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Resolve TEXT itself.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A folder or hub id; by default lehr's own model.")
    ] = None,
    mention: Annotated[
        list[str] | None,
        typer.Option(metavar="MENTION", help="Only the entity of this mention: START:END in characters, or its words."),
    ] = None,
    input_format: Annotated[
        Input, typer.Option(metavar="FORMAT", help=f"What PATH is, {_listed(Input)}; auto looks at it.")
    ] = Input.AUTO,
    format: Annotated[
        Output | None,
        typer.Option(
            metavar="FORMAT",
            help=f"What to write, {_listed(Output)}; by default text in a terminal, else what --output ends in, "
            "else json.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|DIR",
            help="One file of all documents, or a folder with a file for each file; - for standard output.",
        ),
    ] = None,
    singletons: Annotated[
        bool | None,
        typer.Option("--singletons/--no-singletons", help="Report entities mentioned once; the model has a default."),
    ] = None,
    scheme: Annotated[
        str | None, typer.Option(metavar="NAME", help="The annotation scheme to follow; by default all together.")
    ] = None,
    mention_threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="P", help="Probability from which words are a mention; the model has one."),
    ] = None,
    link_threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="P", help="Probability from which mentions are linked; the model has one."),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Decide N words at once; by default all, in a document that is too long for it 1,000.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Compute on N threads, many texts side by side; by default on all cores, or 8."
        ),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(metavar="ENGINE", help="For a folder: local, or ray, which has many workers.")
    ] = Engine.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of Ray, a thread each; by default one on every core.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="In a folder, make anew what is there already.")
    ] = False,
) -> None:
    """Say who is who: the mentions of each entity in texts.

    PATH is plain text, CoNLL-2012, CoNLL-U or JSONL in UTF-8. Folders are
    searched through for .txt, .conll, .conllu, .jsonl and .ndjson files, and for
    .parquet if --output is a folder too. Without PATH and --text, standard input
    is read.

    In a terminal, mentions stand in brackets with the number of their entity.
    --format resolved gives the text with names in place of pronouns.
    JSON has them with their half-open characters and the probability that they
    are mentions, and with inclusive words if the document came in words.

    --mention asks for one entity, and may be given several times: its words,
    which stand for the first place where they are, or characters as 0:4. A
    document that does not have them cannot be resolved.

    A document that cannot be resolved is reported and passed over; the exit
    status is then 1.

    Into a folder, every file becomes one of the same name, .jsonl unless
    --format says otherwise, and what failed in it is in RESULT.errors.jsonl. Files
    that are there already are not made again. Ray, asked for one folder without
    --output, writes beside it, into PATH-resolved. Parquet is read and written
    too, with `pip install 'lehr\\[ray]'`.

    Examples:

        lehr resolve --text "Mary said she was tired." --format json
        lehr resolve --text "Mary said she was tired." --format resolved
        lehr resolve novel.txt --mention "Mr. Darcy" --output darcy.html
        lehr resolve corpus/ --format conll --output resolved/
        lehr resolve corpus/ --output resolved/ --engine ray --workers 8
    """
    from ..integrations.rows import RowResolver

    if output == "":
        raise ValueError("--output is empty: name a file or a folder, or leave it out")
    if model and Path(model).is_dir():
        model = str(Path(model).resolve())  # for workers elsewhere
    rows = RowResolver(
        model,
        threads=threads or (1 if engine is Engine.RAY else None),
        mentions=tuple(_mention(given) for given in mention or ()),
        scheme=scheme,
        mention_threshold=mention_threshold,
        link_threshold=link_threshold,
        singletons=singletons,
        horizon=horizon,
    )
    parquet = format is Output.PARQUET or (format is None and (output or "").lower().endswith(".parquet"))
    for_folders = engine is Engine.RAY or workers or overwrite or parquet
    if for_folders and not output and paths and len(paths) == 1 and Path(paths[0]).is_dir():
        output = f"{Path(paths[0])}-resolved{os.sep}"
    if output == "-" and not for_folders:
        output = None
    usual = bool(for_folders) or any(path and Path(path).is_dir() for path in paths or ())
    if output and _is_folder(output, format, usual):
        from .corpus import resolve_corpus

        if text is not None or not paths or "-" in (*paths, output):
            raise ValueError(f"{output} is a folder, for the results of files: name a file with --output")
        if workers and engine is Engine.LOCAL:
            raise ValueError("--workers goes with --engine ray; without it, --threads says how much is done at once")
        whole = resolve_corpus(
            paths,
            output,
            rows,
            input_format=input_format.value,
            format=format and format.value,
            engine=engine.value,
            workers=workers,
            overwrite=overwrite,
        )
    elif parquet:
        raise ValueError("Parquet is written into a folder only: --output DIR/ --format parquet")
    elif for_folders:
        raise ValueError("--engine ray, --workers and --overwrite go with a folder: --output DIR/")
    else:
        work = _read(paths or [], text, input_format.value, rows.language)
        whole = _answer(work, rows, format and format.value, output)
    raise typer.Exit(0 if whole else 1)


@dataclass(slots=True)
class _Work:
    """What there is to resolve, the files that it comes from, and how much of it has failed."""

    items: list[Item] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    failed: int = 0

    @contextmanager
    def passing_over(self, name: str) -> Iterator[None]:
        """What fails in the block is counted and told, by its name, and passed over."""
        try:
            yield
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno in (EPIPE, ENOSPC):
                raise  # nobody reads on, or there is no room: no fault of one document
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            named = not isinstance(error, OSError) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", reason)
            typer.echo(f"lehr: {reason}" if named else f"lehr: {name}: {reason}", err=True)
            self.failed += 1


def _is_folder(output: str, format: Output | None, usual: bool) -> bool:
    """Whether results go into a folder: one that is there or ends in a slash, or, where a folder is `usual`, what does
    not end as a file of some format does, or in any way if the format is told."""
    from .results import SUFFIXES

    if output.endswith(("/", os.sep)) or Path(output).is_dir():
        return True
    endings = tuple(chain.from_iterable(SUFFIXES.values()))
    return usual and not (output.lower().endswith(endings) or (format and Path(output).suffix))


def _answer(work: _Work, rows: RowResolver, format: str | None, output: str | None) -> bool:
    """Resolve what was read into one file, or to standard output; whether nothing has failed."""
    from ..pool import in_order
    from .results import Results

    several = len(work.items) + work.failed > 1
    results = Results(format, output, inputs=work.files, several=several, language=rows.language)
    if not work.items:
        return False
    rows, workers = rows.for_many(len(work.items))
    rows.load()
    with results.progress(sum(len(item.document.words) for item in work.items)) as step:
        found = in_order(lambda item: rows.answer(item.document, step), work.items, workers, ahead=len(work.items))
        with closing(found):
            for item, answer in found:
                with work.passing_over(item.name):
                    results.add(item, answer())
    results.finish()
    return not work.failed


def _read(paths: Sequence[str], text: str | None, format: str, language: str) -> _Work:
    """Read all that is asked for, text as in `language`; what cannot be read is reported.

    Raises:
        ValueError: if nothing is asked for.
    """
    from ..formats import decoded
    from ..formats.folders import below, files_in
    from .parts import Part, Row, read, read_text

    if not paths and text is None:
        if sys.stdin.isatty():
            raise ValueError("there is nothing to resolve: name files or folders, - for standard input, or --text TEXT")
        paths = ["-"]
    work = _Work()
    places: list[tuple[Path, PurePath] | None] = []

    def add(name: str, rows: Iterable[Row], place: tuple[Path, PurePath] | None = None) -> None:
        before = len(work.items) + work.failed
        for row in rows:
            with work.passing_over(name):
                work.items.append(row.item(language))
                places.append(place)
        if len(work.items) + work.failed == before:
            raise ValueError(f"{name} holds no document")

    def part(name: str, format: str) -> Part:
        return Part(os.fsencode(name).decode("utf-8", "replace"), Path(name), Path(), format, "")

    if text is not None:
        source = decoded(text.encode("utf-8", "surrogateescape"), "--text")
        add("text", read_text(part("text", "text"), source, language))
    for path in paths:
        with work.passing_over("stdin" if path == "-" else path or "''"):
            if path == "-":
                source = decoded(sys.stdin.buffer.read(), "stdin")
                add("stdin", read_text(part("stdin", format), source, language))
                continue
            if not path:
                raise ValueError("an empty path names no file, and not this folder either: that is .")
            for file in files_in(Path(path), results=False):
                work.files.append(file)
                where = below(file, Path(path)) if Path(path).is_dir() else file
                with work.passing_over(str(file)):
                    add(str(file), read(part(str(file), format), language), (file, where))
    work.items = _told_apart(work.items, places)
    return work


def _told_apart(items: Sequence[Item], places: Sequence[tuple[Path, PurePath] | None]) -> list[Item]:
    """The same; where documents are called as their files are, and others too, they are called by where these lie.

    Of each item that is from one, `places` has the file, and its path from the folder on in which it was found.
    """
    counts = Counter(item.document.id for item in items)
    files = Counter(where for _, where in {*filter(None, places)})
    found = []
    for item, place in zip(items, places, strict=True):
        if place and counts[item.document.id] > 1:
            file, where = place
            name, colon, number = item.document.id.partition(":")
            if name == file.stem:
                path = (where if files[where] == 1 else file).with_suffix("").as_posix()
                item = replace(item, document=replace(item.document, id=path + colon + number))
        found.append(item)
    return found


def _mention(given: str) -> tuple[int, int] | str:
    """A pair of characters, or words."""
    pair = re.fullmatch(r"(\d{1,18}):(\d{1,18})", given)
    return (int(pair[1]), int(pair[2])) if pair else given
