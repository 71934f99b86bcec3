"""`lehr bench` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import copytree

import pytest

from lehr.resolver.bench import PARTS

Run = Callable[..., str]


@pytest.fixture
def run(lehr: Run) -> Run:
    return partial(lehr, "bench", "--rounds", 1)


def test_the_parts_make_the_whole(run: Run, tiny: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Mary said she was tired. " * 30, encoding="utf-8")
    told = json.loads(run(text, "--model", tiny, "--json"))
    assert told["versions"]["instructions"]
    one, all_ = told["times"]
    assert (one["threads"], all_["threads"]) == (1, None)
    for times in (one, all_):
        assert times["words"] == 30 * 6
        assert times["pieces"] > times["words"], "windows overlap"
        assert list(times["parts"]) == list(PARTS)
        assert sum(times["parts"].values()) == pytest.approx(times["total"])
        assert min(times["parts"].values()) > 0
        assert times["parts"]["encoder"] < times["total"] < times["start"]
        assert times["words_per_second"] == pytest.approx(180 / times["total"])
        assert times["overhead"] == pytest.approx(times["total"] / times["floor"] - 1)
        assert sum(times["start_parts"].values()) == pytest.approx(times["start"])
        assert times["peak"] is None or times["peak"] > 1e7


def test_a_column_for_every_number_of_threads(run: Run, tiny: Path) -> None:
    table = run("--model", tiny, "--threads", 2, "--threads", 1).splitlines()
    assert table[0].split() == ["2", "threads", "1", "thread"]
    assert table[1].endswith("words/s")
    assert len({len(line) for line in table}) == 1


def test_nothing_to_time(run: Run, tiny: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text(" \n", encoding="utf-8")
    assert "nothing to time" in run(empty, "--model", tiny, status=1)
    bare = copytree(tiny, tmp_path / "bare")
    (bare / "example.json").unlink()
    assert "has no example.json" in run("--model", bare, status=1)
