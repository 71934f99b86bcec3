"""Batches of rows of about one length: `train_sampling_strategy: group_by_length`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import pytest
import torch
from made_points import Points, accuracy, same, weights
from test_distillation import Kill
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lehr.kd.data import Inputs, TaughtDataset, lengths
from lehr.kd.distillation import Run, distill
from lehr.kd.trainer import _ByLength

ROWS, BATCH, EPOCHS = 48, 4, 2
SETTINGS = {
    "learning_rate": 0.02,
    "per_device_train_batch_size": BATCH,
    "use_cpu": True,
    "train_sampling_strategy": "group_by_length",
    "eval_strategy": "steps",
    "save_strategy": "steps",
    "eval_steps": 4,
    "save_steps": 4,
}


def sentences(rows: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of 1 to 12 pieces, first its number and then 1 to 9; the label is whether the last is above 4."""
    generator = torch.Generator().manual_seed(seed)
    pieces = [torch.randint(1, 10, (1 + 7 * row % 12,), generator=generator).tolist() for row in range(rows)]
    return [{"input_ids": [10 + row, *rest], "labels": int(rest[-1] > 4)} for row, rest in enumerate(pieces)]


def pad(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
    pieces = [torch.tensor(row["input_ids"]) for row in rows]
    return {"input_ids": pad_sequence(pieces, True), "labels": torch.tensor([row["labels"] for row in rows])}


class Bag(nn.Module):
    """Notes the rows of every batch that it is trained on; its dropout shows what is drawn by chance."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.pieces, self.dropout, self.layer = nn.Embedding(99, 4, padding_idx=0), nn.Dropout(0.2), nn.Linear(4, 2)
        self.batches: list[list[int]] = []

    def forward(self, input_ids: Tensor) -> Tensor:
        if self.training:
            self.batches.append((input_ids[:, 0] - 10).tolist())
        return self.layer(self.dropout(self.pieces(input_ids).sum(1)))


def run(output: Path, seed: int = 0, **settings: Any) -> Bag:
    student = Bag()
    given = {"train_dataset": sentences(ROWS), "eval_dataset": sentences(10, 1), "training": SETTINGS, **settings}
    common: dict[str, Any] = {"collator": pad, "compute_metrics": accuracy, "metric": "accuracy"}
    distill(None, student, recipe="scratch", epochs=EPOCHS, output=output, seed=seed, **common, **given)
    return student


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    return run(tmp_path_factory.mktemp("whole"))


def test_batches_are_of_about_one_length_and_every_row_is_in_one(whole: Bag) -> None:
    per_epoch = ROWS // BATCH
    assert len(whole.batches) == EPOCHS * per_epoch
    rows = lengths(sentences(ROWS))
    epochs = [whole.batches[:per_epoch], whole.batches[per_epoch:]]
    for batches in epochs:
        assert sorted(row for batch in batches for row in batch) == list(range(ROWS))
        # Sorted within each quarter of the rows; the longest row of all changes places with the first one.
        spread = [max(rows[row] for row in batch) - min(rows[row] for row in batch) for batch in batches]
        assert sum(spread) / len(spread) < 4, "in any order it is about 7"
    assert epochs[0] != epochs[1]


def test_seed_and_epoch_alone_decide_the_order() -> None:
    data = TaughtDataset(Inputs(datasets.Dataset.from_list(sentences(ROWS)), pad))
    orders = {}
    for seed in (0, 1):
        for epoch in (0, 1):
            data.set_epoch(epoch)
            orders[seed, epoch] = list(_ByLength(BATCH, data, seed))
            torch.rand(1)
            assert list(_ByLength(BATCH, data, seed)) == orders[seed, epoch]
    assert len(set(map(tuple, orders.values()))) == 4


def test_a_run_that_was_cut_amid_an_epoch_is_the_whole_one(
    whole: Bag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Run._trainer

    def mortal(self: Any, *arguments: Any) -> Any:
        trainer = made(self, *arguments)
        trainer.add_callback(Kill(18))  # half through the second epoch; the last checkpoint is of step 16
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(Run, "_trainer", mortal)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    resumed = run(tmp_path, resume=True)
    assert resumed.batches == whole.batches[16:]
    assert same(weights(resumed), weights(whole))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train_dataset": Points(ROWS)}, "rows without `input_ids` cannot be grouped by length"),
        ({"train_dataset": [(1, 2)] * 9}, "rows without `input_ids` cannot be grouped by length"),
        ({"eval_dataset": Points(8)}, "rows without `input_ids` cannot be grouped by length"),
        (
            {"training": {**SETTINGS, "train_sampling_strategy": "batch_rebalance"}},
            "unknown train_sampling_strategy 'batch_rebalance'; known are random, sequential, group_by_length",
        ),
    ],
)
def test_rows_that_cannot_be_grouped_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(tmp_path, **settings)
    assert not list(tmp_path.iterdir())
