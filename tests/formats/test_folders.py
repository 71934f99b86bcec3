"""Which files of a folder are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from lehr.formats.folders import ABOUT, anywhere_in, files_in


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    for name in (
        "b.txt",
        "deep/er/a.CONLL",
        "notes.md",
        ".hidden.txt",
        ".git/description.txt",
        "deep/.venv/entry_points.txt",
        "a.errors.jsonl",
        f"out/{ABOUT}",
        "out/deep/b.jsonl",
    ):
        file = tmp_path / "shelf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "shelf"


def test_what_is_hidden_and_results_are_passed_over(shelf: Path) -> None:
    assert files_in(shelf, results=False) == [shelf / "b.txt", shelf / "deep/er/a.CONLL"]
    others = [shelf / name for name in ("a.errors.jsonl", "b.txt", "deep/er/a.CONLL", "notes.md")]
    assert sorted(anywhere_in(shelf, results=False)) == others
    assert sorted(anywhere_in(shelf)) == [*others, shelf / "out/deep/b.jsonl", shelf / "out" / ABOUT]
    assert files_in(shelf) == [shelf / "b.txt", shelf / "deep/er/a.CONLL", shelf / "out/deep/b.jsonl"]


def test_what_is_named_is_read(shelf: Path) -> None:
    assert files_in(shelf / "out") == [shelf / "out/deep/b.jsonl"]
    assert files_in(shelf / ".git") == [shelf / ".git/description.txt"]
    assert files_in(shelf / "notes.md") == [shelf / "notes.md"]


def test_a_folder_without_any(shelf: Path) -> None:
    with pytest.raises(ValueError, match=r"no file in .* ends in \.parquet"):
        files_in(shelf, (".parquet",))
