"""`lehr resolve` into a folder: a file for every file, on this machine or on Ray's; what is done is not done again."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import typer

from ..extras import needs
from ..files import alone_in, read_object, unfinished, write_text
from ..formats.folders import ABOUT, READ, SET_ASIDE, below, files_in
from ..integrations.rows import RowResolver
from ..pool import in_order
from ..resolver.location import fingerprint, locate
from .bar import progress
from .parts import PARQUET, Outcome, Part, resolve_part
from .results import SUFFIXES

LARGEST = 0.6
"""What a file may be of all, so that they are resolved side by side: else the others would long be done."""


def resolve_corpus(
    paths: Sequence[str],
    output: str,
    rows: RowResolver,
    *,
    input_format: str = "auto",
    format: str | None = None,
    engine: str = "local",
    workers: int | None = None,
    overwrite: bool = False,
) -> bool:
    """Resolve files, and those in folders, into a folder; say on standard error what was done.

    Args:
        paths: files and folders.
        output: a folder. What is there already is not done again, unless the file it came from is younger, or it was
            made before a run that was told to `overwrite`.
        input_format: of all files; ``auto`` for what they are.
        format: of the results; None for Parquet of Parquet, and else JSON lines.
        engine: ``local`` or ``ray``.
        workers: of Ray; None for one on every core of the cluster.

    Returns:
        whether all documents were resolved, those of runs before this one, too.

    Raises:
        ImportError: if it needs what is not installed.
        OSError: if a path is not there, or nothing can be written.
        ValueError: if two files would be written to one, or over what is read, or `output` has other answers.
    """
    folder = Path(output)
    parts = plan(paths, folder, input_format, format)
    if engine == "ray":
        needs("ray")
    if any("parquet" in (part.kind, part.format) for part in parts):
        needs("ray", "pyarrow")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, and a folder is meant: name another --output")
    with alone_in(folder):
        begin(folder, rows, input_format, parts, overwrite=overwrite)
        open_parts = [part for part in parts if not _is_done(part, folder / ABOUT)]
        total = _work_off(folder, open_parts, _outcomes(engine, rows, open_parts, workers))
    lacking = sum(part.errors.exists() for part in set(parts).difference(open_parts))
    _sum_up(total, len(parts) - len(open_parts), lacking)
    return not (total.failed or lacking)


def _work_off(folder: Path, parts: Sequence[Part], outcomes: Generator[tuple[Part, Outcome], None, None]) -> Outcome:
    """All outcomes together, each told when it is there."""
    total = Outcome()
    try:
        with closing(outcomes), progress(sum(map(_size, parts))) as step:
            for part, outcome in outcomes:
                step(_size(part))
                _tell(part, outcome)
                total = Outcome(
                    total.documents + outcome.documents,
                    total.words + outcome.words,
                    total.failed + outcome.failed,
                    total.files + outcome.files,
                )
    finally:
        _sweep(folder, parts)
    return total


def plan(paths: Sequence[str], output: Path, input_format: str, format: str | None) -> list[Part]:
    """A part for every file, in the order of their names.

    Raises:
        OSError: if a path is not there.
        ValueError: if a folder holds no file to resolve, two files would be written to one, or over what is read.
    """
    parts: dict[Path, Part] = {}
    files: set[Path] = set()
    folder = output.resolve()
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
        root = path.resolve()
        if root == folder:
            raise ValueError(f"{output} is what is read, and its results would be read the next time: name another")
        for file in files_in(path, (*READ, PARQUET), results=False):
            source = file.resolve()
            if folder.is_relative_to(root) and source.is_relative_to(folder):
                continue  # a result of an earlier run
            form = format or ("parquet" if source.suffix.lower() == PARQUET else "jsonl")
            target = folder / f"{below(file, path).with_suffix('')}{SUFFIXES[form][0]}"
            part = Part(os.fsencode(file).decode("utf-8", "replace"), source, target, input_format, form)
            for written in (part.target, part.errors):
                if written in parts and parts[written].source != source:
                    raise ValueError(
                        f"{parts[written].name} and {file} would both be written to {written}: resolve them into "
                        f"different folders"
                    )
                parts[written] = part
            files.add(source)
    if taken := files & parts.keys():
        raise ValueError(f"{min(taken)} is one of the files to resolve and would be overwritten: name another --output")
    return list({part.target: part for part in parts.values()}.values())


def begin(folder: Path, rows: RowResolver, input_format: str, parts: Sequence[Part], *, overwrite: bool) -> None:
    """Write down what is asked, or see that it is what was asked before, so that no answers to others lie beside these.

    Raises:
        ValueError: if it is not, or nothing was asked and there are files nevertheless that would be written over.
    """
    file = folder / ABOUT
    if not (overwrite or file.exists()):
        for part in parts:
            if os.path.exists(part.target):
                raise ValueError(
                    f"{part.target} is there already, and no result of a run into {folder}: name another --output, or "
                    f"--overwrite to write over it"
                )
    asked: dict[str, Any] = {"model": fingerprint(locate(rows.model)), "mentions": rows.mentions, **rows.options}
    asked["input_format"] = input_format
    asked = json.loads(json.dumps(asked))
    if file.exists() and not overwrite:
        before: dict[str, Any] = {}
        with suppress(ValueError):
            before = read_object(file)
        if changed := [name for name in asked if before.get(name, ...) != asked[name]]:
            raise ValueError(
                f"{folder} holds answers to another question ({', '.join(changed)}): name another --output, or "
                f"--overwrite to answer all anew"
            )
    else:
        write_text(file, json.dumps(asked, indent=1) + "\n")


def _is_done(part: Part, about: Path) -> bool:
    """Whether the results are there, no older than the text and the question."""
    if not os.path.exists(part.target):  # false too where the name is too long, at which `Path.exists` raises
        return False
    return part.target.stat().st_mtime_ns >= max(path.stat().st_mtime_ns for path in (part.source, about))


def _outcomes(
    engine: str, rows: RowResolver, parts: Sequence[Part], workers: int | None
) -> Generator[tuple[Part, Outcome], None, None]:
    if engine == "local" or not parts:
        yield from _side_by_side(rows, parts)
        return
    from ..integrations.ray import each

    for part, outcome in each(partial(resolve_part, rows), parts, workers=workers):
        yield part, part.fail(outcome) if isinstance(outcome, Exception) else outcome


def _side_by_side(rows: RowResolver, parts: Sequence[Part]) -> Generator[tuple[Part, Outcome], None, None]:
    """The outcomes of files that are resolved at a time, a thread each; or else of one after another."""
    even = max(map(_size, parts), default=0) <= LARGEST * sum(map(_size, parts))
    rows, many = rows.for_many(len(parts) if even else 1)
    if many > 1:
        rows.load()  # once, and not in each thread
    stopped = Event()
    work = partial(resolve_part, rows, stopped=stopped)
    with closing(in_order(work, parts, many, ahead=len(parts))) as outcomes:
        try:
            yield from ((part, outcome()) for part, outcome in outcomes)
        finally:
            stopped.set()


def _size(part: Part) -> int:
    return part.source.stat().st_size if part.source.exists() else 0


def _sweep(folder: Path, parts: Iterable[Part]) -> None:
    """Remove what killed processes have left of files that they were writing."""
    written = {path for part in parts for path in (part.target, part.errors)}
    for left in folder.resolve().rglob(".*"):
        if (name := unfinished(left)) and left.with_name(name) in written:
            left.unlink(missing_ok=True)


def _tell(part: Part, outcome: Outcome) -> None:
    if outcome.failed:
        reason = outcome.reason if part.name in outcome.reason else f"{part.name}: {outcome.reason}"
        more = f" (and {outcome.failed - 1:,} more, see {part.errors})" if outcome.failed > 1 else ""
        typer.echo(f"lehr: {reason}{more}", err=True)


def _sum_up(total: Outcome, before: int, lacking: int) -> None:
    documents, words, files = map(_count, (total.documents, total.words, total.files), ("document", "word", "file"))
    told = [f"{documents} of {words} in {files} resolved"]
    lacks = f", {lacking:,} of them not whole, see *{SET_ASIDE}" if lacking else ""
    told += [f"{_count(before, 'file')} done before{lacks}"] if before else []
    told += [f"{_count(total.failed, 'failure')}, see *{SET_ASIDE}"] if total.failed else []
    typer.echo(f"lehr: {'; '.join(told)}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
