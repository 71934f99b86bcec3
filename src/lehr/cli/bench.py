"""`lehr bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..resolver.bench import Times

WORDS = 2000
"""How long the text is that is made where none is given, about."""


def bench(
    text: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="A text; by default the model's example, repeated.", exists=True, dir_okay=False
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A folder or hub id; by default lehr's own model.")
    ] = None,
    threads: Annotated[
        list[int] | None,
        typer.Option(min=0, metavar="N", help="Repeatable; 0 lets the runtime decide. \\[default: 1, 0]"),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each thing is timed, in turns.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, times in seconds, memory in bytes.")] = False,
) -> None:
    """Time the resolver on this machine, part by part.

    The floor is the encoder alone, on the same windows: what stands above it
    is ours. Medians; a machine that does other work shows too much.

    Examples:

        lehr bench
        lehr bench novel.txt --threads 1 --threads 2
        lehr bench --model my-model --json > bench.json
    """
    from ..formats import read_source
    from ..resolver import Resolver
    from ..resolver.bench import bench as measure
    from ..resolver.example import read_example
    from ..versions import versions

    resolver = Resolver.from_pretrained(model)
    example, _ = read_example(resolver.directory)
    long = read_source(text) if text else "\n\n".join([example] * max(1, round(WORDS / len(example.split()))))
    found = [
        measure(resolver.directory, long, example, threads=number or None, rounds=rounds)
        for number in threads or (1, 0)
    ]
    if as_json:
        told = {"versions": versions(), "times": [_as_dict(times) for times in found]}
        typer.echo(json.dumps(told, indent=1))
    else:
        typer.echo(_table(found))


def _as_dict(times: Times) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(times), "words_per_second": times.words_per_second, "overhead": times.overhead}


def _table(found: list[Times]) -> str:
    """A column for every number of threads."""

    def row(name: str, *values: str) -> str:
        return f"{name:34}" + "".join(f"{value:>16}" for value in values)

    def milliseconds(name: str, seconds: list[float]) -> str:
        return row(name, *(f"{1000 * value:,.1f} ms" for value in seconds))

    first = found[0]
    parts = {"words": "words and sentences", "windows": "word pieces, windows", "encoder": "encoder",
             "mentions": "mention logits", "pairs": "pair logits", "rest": "candidates, clusters, answer"}  # fmt: skip
    starts = {"python": "Python itself", "import": "import lehr", "load": "load the model", "answer": "answer"}
    lines = [
        row("", *("1 thread" if t.threads == 1 else f"{t.threads or 'all'} threads" for t in found)),
        row(f"{first.words:,} words", *(f"{t.words_per_second:,.0f} words/s" for t in found)),
        milliseconds("encoder alone, the floor", [t.floor for t in found]),
        milliseconds("from text to clusters", [t.total for t in found]),
        *(milliseconds(f"  {label}", [t.parts[part] for t in found]) for part, label in parts.items()),
        row("above the floor", *(f"{100 * t.overhead:,.0f} %" for t in found)),
        milliseconds(f"{first.short_words} words", [t.short for t in found]),
        milliseconds("process start to first answer", [t.start for t in found]),
        *(milliseconds(f"  {label}", [t.start_parts[part] for t in found]) for part, label in starts.items()),
        row("peak memory", *("unknown" if t.peak is None else f"{t.peak / 1e6:,.0f} MB" for t in found)),
    ]
    return "\n".join(lines)
