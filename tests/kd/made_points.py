"""A task small enough to train in a blink: which of three corners a point is nearest to."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lehr.kd.data import Inputs

CORNERS = torch.tensor([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])


class Points:
    """Rows of a point and its corner. In view v every point is shaken a little, by a draw of its own."""

    def __init__(self, rows: int, seed: int = 0, view: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.randint(3, (rows,), generator=generator)
        self.points = CORNERS[self.labels] + torch.randn(rows, 2, generator=generator)
        self.shaken = self.points + 0.1 * torch.randn(rows, 2, generator=torch.Generator().manual_seed(view)) * (
            view > 0
        )
        self.rows, self.seed = rows, seed

    def view(self, number: int) -> Points:
        return Points(self.rows, self.seed, number)

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"points": self.shaken[index], "labels": self.labels[index]}


def collate(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


class Net(nn.Module):
    """A perceptron with dropout, so that what a run draws by chance shows in its weights."""

    def __init__(self, width: int = 8, classes: int = 3, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layers = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, classes))

    def forward(self, points: Tensor) -> Tensor:
        return self.layers(points)


def inputs(rows: int = 64) -> Inputs:
    return Inputs(Points(rows), collate, Points(40, seed=1))


def accuracy(prediction: Any) -> dict[str, float]:
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
