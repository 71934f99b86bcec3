"""How long a resolver takes, and for what: the encoder alone is the floor, everything else stands on top of it."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..decoding import Floats, Ints
from ..formats.text import read
from ..windows import Window
from .model import Model
from .resolver import Resolver

PARTS = ("words", "windows", "encoder", "mentions", "pairs", "rest")
"""What a text goes through: it is split into words; these are cut into the pieces of windows; the three graphs run; and
the rest, which chooses candidates, makes clusters and writes down the answer."""


def peak_memory() -> int | None:
    """The most bytes that this process ever held; None where the system does not say.

    Of Linux's two figures it is the one that has nothing of the process by which this one was begun.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            peaks = [int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")]
        if peaks:
            return peaks[0]
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


_CHILD = """
import json, sys, time
began = time.perf_counter()
from lehr.resolver import Resolver
imported = time.perf_counter()
threads, model, text = json.load(sys.stdin)
resolver = Resolver.from_pretrained(model, threads=threads)
loaded = time.perf_counter()
resolver(text)
answered = time.perf_counter()
from lehr.resolver.bench import peak_memory
peak = peak_memory()
print(json.dumps([imported - began, loaded - imported, answered - loaded, peak]))
"""


@dataclass(frozen=True, slots=True)
class Times:
    """Medians, in seconds unless said otherwise.

    Args:
        threads: computed on; None if the runtime decided.
        words: of the text.
        pieces: that the encoder read, those in two windows twice.
        floor: the encoder alone, on the windows of the text.
        total: from text to clusters.
        parts: shares of `total` by `PARTS`, as seconds.
        short: from a short text to its clusters.
        short_words: of that.
        start: from the start of a process to its first answer, about the short text.
        start_parts: of `start`: `python`, `import`, `load` and `answer`.
        peak: memory of a process that resolves the text, in bytes; None where the system does not tell.
    """

    threads: int | None
    words: int
    pieces: int
    floor: float
    total: float
    parts: dict[str, float]
    short: float
    short_words: int
    start: float
    start_parts: dict[str, float]
    peak: int | None

    @property
    def words_per_second(self) -> float:
        return self.words / self.total

    @property
    def overhead(self) -> float:
        """What everything but the encoder takes, as a share of what the encoder alone takes."""
        return self.total / self.floor - 1


def bench(model: Path, text: str, short: str, *, threads: int | None = None, rounds: int = 5) -> Times:
    """Time a model on a text and on a short one; what is compared takes turns, `rounds` times.

    Raises:
        ValueError: if a text has no word, or the model is none.
    """
    timed = _Timed(model, threads)
    resolver = Resolver(timed)
    split = partial(read, name="", language=timed.config.language)
    (document,), (paragraph,) = split(text), split(short)
    if not document.words or not paragraph.words:
        raise ValueError("there is nothing to time: a text has no word")
    windows = [window.input_ids[None] for window in timed.windower.stream([document.tokens])]
    runs: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds + 1):
        found = {
            "floor": _seconds(timed.encode, windows),
            "words": _seconds(split, text),
            "short": min(_seconds(resolver, short) for _ in range(5)),
        }
        timed.spent.clear()
        found["total"] = found["words"] + _seconds(resolver, document)
        found |= timed.spent
        found["rest"] = found["total"] - sum(found[part] for part in PARTS[:-1])
        if turn:  # the first warms up
            for name, value in found.items():
                runs[name].append(value)
    medians = {name: statistics.median(values) for name, values in runs.items()}
    starts = [_start(model, short, threads) for _ in range(rounds)]
    return Times(
        threads=threads,
        words=len(document.words),
        pieces=sum(ids.size for ids in windows),
        floor=medians["floor"],
        total=medians["total"],
        parts={part: medians[part] for part in PARTS},
        short=medians["short"],
        short_words=len(paragraph.words),
        start=statistics.median(sum(start.values()) for start, _ in starts),
        start_parts={name: statistics.median(start[name] for start, _ in starts) for name in starts[0][0]},
        peak=_start(model, text, threads)[1],
    )


class _Timed(Model):
    """A model that notes how long its windows and its graphs take."""

    def __init__(self, directory: Path, threads: int | None) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        super().__init__(directory, threads)
        self.windower.stream = partial(self._stream, self.windower.stream)  # type: ignore[method-assign]

    def _stream(self, stream: Callable[..., Iterator[Window]], parts: Any) -> Iterator[Window]:
        windows = stream(parts)
        while True:
            began = time.perf_counter()
            window = next(windows, None)
            self.spent["windows"] += time.perf_counter() - began
            if window is None:
                return
            yield window

    def _run(self, name: str, **inputs: Floats | Ints) -> Floats:
        began = time.perf_counter()
        output = super()._run(name, **inputs)
        self.spent[name] += time.perf_counter() - began
        return output

    def encode(self, windows: list[Ints]) -> None:
        for ids in windows:
            self._run("encoder", input_ids=ids)


def _seconds(function: Any, *arguments: Any, **settings: Any) -> float:
    began = time.perf_counter()
    function(*arguments, **settings)
    return time.perf_counter() - began


def _start(model: Path, text: str, threads: int | None) -> tuple[dict[str, float], int | None]:
    """What the parts of a fresh process take that answers about a text, and its peak memory."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=json.dumps([threads, str(model), text]),
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - began
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ValueError(f"a process of its own fails: {told[-1]}")
    imported, loaded, answered, peak = json.loads(done.stdout.splitlines()[-1])
    python = wall - imported - loaded - answered
    return {"python": python, "import": imported, "load": loaded, "answer": answered}, peak
