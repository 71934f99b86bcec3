from __future__ import annotations

from pathlib import Path

import pytest

from lehr.shelf import encoder_path, state_of


def test_encoders_on_the_shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEHR_ENCODERS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert encoder_path("some/encoder") == "some/encoder"  # nowhere: the hub's
    (tmp_path / "encoder").mkdir()
    assert encoder_path("some/encoder") == encoder_path(Path("some/encoder")) == str(tmp_path / "encoder")
    (tmp_path / "some/encoder").mkdir(parents=True)
    assert encoder_path("some/encoder") == "some/encoder"  # a folder here is meant itself


def test_the_shelf_has_a_usual_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LEHR_ENCODERS", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".cache/lehr/encoders/encoder").mkdir(parents=True)
    assert encoder_path("encoder") == str(tmp_path / ".cache/lehr/encoders/encoder")


def test_a_folder_has_another_name_whenever_it_changes(tmp_path: Path) -> None:
    one, other = tmp_path / "a/data", tmp_path / "b/data"
    for folder in (one, other):
        folder.mkdir(parents=True)
        (folder / "rows").write_text("1")
    before = state_of(one)
    assert state_of(one) == before != state_of(other)
    (one / "rows").write_text("12")
    assert state_of(one) != before
