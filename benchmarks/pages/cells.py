"""Results as cells and rows of Markdown."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def read(name: str) -> Any:
    return json.loads((ROOT / "results" / name).read_text("utf-8"))


def of_seeds(pattern: str) -> list[Any]:
    return [json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "results").glob(pattern))]


def header(*names: str) -> Iterable[str]:
    yield row(*names)
    yield "|" + "---|" * len(names)


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def per_cent(value: float) -> str:
    return f"{100 * value:.1f}"


def mean(values: Sequence[float]) -> str:
    spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return per_cent(statistics.fmean(values)) + spread


def ratio(quartiles: Sequence[float]) -> str:
    low, middle, high = quartiles
    return f"**{middle:.3f}** ({low:.3f} to {high:.3f})"


def singular(name: str) -> str:
    """1 worker for 1 workers."""
    return re.sub(r"\b1 (\w+)s\b", r"1 \1", name)
