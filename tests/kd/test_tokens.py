"""Students that are taught token by token, in rows of different lengths."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from made_points import weights
from test_distillation import SMALL
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lehr.kd.data import Lesson, TaughtCollator
from lehr.kd.distillation import distill
from lehr.kd.stages import Stage

Row = dict[str, list[int]]
ROWS: list[Row] = [
    {"input_ids": [(3 * row + token) % 7 for token in range(row % 6 + 1)], "labels": [row % 3] * (row % 6 + 1)}
    for row in range(24)
]


def padded(rows: list[Row]) -> dict[str, Tensor]:
    """A batch as long as its longest row, filled up on the right."""
    ids, labels = (
        pad_sequence([torch.tensor(row[name]) for row in rows], batch_first=True, padding_value=fill)
        for name, fill in (("input_ids", 0), ("labels", -100))
    )
    return {"input_ids": ids, "attention_mask": (labels != -100).long(), "labels": labels}


class Tagger(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layers = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 3))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.layers(input_ids)


def with_no_label(rows: list[Row]) -> dict[str, Tensor]:
    batch = padded(rows)
    return {**batch, "labels": torch.full_like(batch["labels"], -100)}


def test_padding_is_not_taught(tmp_path: Path) -> None:
    def without_labels(rows: list[Row]) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in padded(rows).items() if name != "labels"}

    stage, places = Stage("annealed-regression", 1, teacher="teacher"), {"output": tmp_path, "cache": tmp_path}
    with pytest.raises(ValueError, match="logits of 'student' are one a token, padding too, and no"):
        distill(Tagger(1), Tagger(2), ROWS, collator=without_labels, recipe=[stage], training=SMALL, **places)


@pytest.mark.parametrize("pad", [padded, with_no_label])
def test_kept_logits_of_tokens_teach_as_an_online_teacher_does(tmp_path: Path, pad: Any) -> None:
    """Of a row without labels all tokens teach, as here of a row with them, but no padding."""
    students = {}
    for name, online, collator in (("kept", False, pad), ("online", True, pad), ("labelled", True, padded)):
        training = {**SMALL, "per_device_train_batch_size": 2, "per_device_eval_batch_size": 5}
        training["gradient_accumulation_steps"] = 3
        stage = Stage("annealed-regression", 2, teacher="teacher")
        places: dict[str, Any] = {"output": tmp_path / name, "cache": tmp_path / "cache"}
        distill(
            Tagger(1),
            student := Tagger(2),
            ROWS,
            collator=collator,
            recipe=[stage],
            training=training,
            online=online,
            **places,
        )
        students[name] = weights(student)
    for name, tensor in students["labelled"].items():
        torch.testing.assert_close(tensor, students["kept"][name])
        torch.testing.assert_close(tensor, students["online"][name])


def test_logits_that_are_not_of_these_tokens_are_refused() -> None:
    def taught(rows: list[Row], lengths: list[int], pad: Any = padded) -> Tensor:
        logits = [np.arange(3.0 * length, dtype=np.float32).reshape(length, 3) for length in lengths]
        found: Tensor = TaughtCollator(pad)(Lesson(rows, logits))["teacher_logits"]
        return found

    assert taught(ROWS[1:3], [6, 3]).shape == (2, 3, 3)
    with pytest.raises(ValueError, match="logits are of 2 tokens, and the row has more that count"):
        taught(ROWS[1:3], [6, 2])

    def on_the_left(rows: list[Row]) -> dict[str, Tensor]:
        return {name: tensor.flip(1) for name, tensor in padded(rows).items()}

    with pytest.raises(ValueError, match="need rows that are padded on the right; these are on the left"):
        taught(ROWS[1:3], [6, 3], on_the_left)

    on_the_left.tokenizer = SimpleNamespace(padding_side="left")  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="need rows that are padded on the right; these are on the left"):
        taught(ROWS[2:3] * 2, [6, 6], on_the_left)  # in which nothing is padded
