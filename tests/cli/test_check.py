"""`lehr check` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import copytree

import pytest

Run = Callable[..., str]


@pytest.fixture
def run(lehr: Run) -> Run:
    return partial(lehr, "check")


def test_a_model_that_answers_as_it_did(run: Run, tiny: Path) -> None:
    assert run(tiny) == f"{tiny} is whole and answers as it did when it was made\n"


def test_a_model_that_answers_otherwise(run: Run, tiny: Path, tmp_path: Path) -> None:
    model = copytree(tiny, tmp_path / "model")
    (model / "example.json").write_text(json.dumps({"text": "Mary said.", "clusters": [[[0, 4], [5, 9]]]}))
    message = run(model, status=1)
    assert message.startswith(f"lehr: {model} does not answer example.json")
    assert "['Mary', 'said']" in message
    assert message.count("\n") == 1


def test_a_model_that_is_damaged(run: Run, tiny: Path, tmp_path: Path) -> None:
    model = copytree(tiny, tmp_path / "model")
    (model / "pairs.onnx").write_bytes(b"half")
    assert "pairs.onnx is no ONNX graph, or damaged" in run(model, status=1)


def test_the_shipped_model(run: Run) -> None:
    assert "edge_en is whole" in run()
