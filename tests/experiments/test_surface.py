"""Loss surfaces that are known: of a linear student, whose losses are paraboloids, and of a batch normalisation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from test_cell_results import Halves, HalvesProblem
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from lehr.experiments.figures import loss_surface, save, style
from lehr.experiments.recipe import Recipe
from lehr.experiments.surface import Losses, over_plane, principal_plane, surface

CLASSES, INPUTS = 3, 4


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(INPUTS, CLASSES, bias=False)

    def forward(self, points: Tensor) -> Tensor:
        return self.layer(points)


def test_the_surface_of_a_linear_student_is_a_paraboloid() -> None:
    """Rows √d·e_i: the mean of (W x − Φ W_t x)² over rows and classes is |W − Φ W_t|² / C, wherever the plane is."""
    torch.manual_seed(0)
    target = torch.randn(CLASSES, INPUTS, dtype=torch.float64)
    rows = INPUTS**0.5 * torch.eye(INPUTS)
    batches = [{"points": part, "labels": torch.zeros(len(part), dtype=torch.int64)} for part in rows.split(3)]
    losses = Losses(Linear(), batches, (rows.double() @ target.T).float(), [0.25, 1.0])
    plane = principal_plane(torch.randn(5, CLASSES * INPUTS))
    found = over_plane(losses, plane, side=5)
    left, right = float(plane.places[:, 0].min()), float(plane.places[:, 0].max())
    assert found["axes"][0][::4] == pytest.approx([1.25 * left - 0.25 * right, 1.25 * right - 0.25 * left], rel=1e-4)
    for phi, values in zip((0.25, 1.0), found["losses"], strict=False):
        for y, row in zip(found["axes"][1], values, strict=True):
            for x, value in zip(found["axes"][0], row, strict=True):
                weights = plane.origin + x * plane.directions[0] + y * plane.directions[1]
                distance = (weights - phi * target.flatten()).square().sum()
                assert value == pytest.approx(float(distance) / CLASSES, rel=1e-3)


def test_the_plane_of_points_in_a_plane() -> None:
    """On a cross, whose arms are the principal components, of 8 and 2 units of variance."""
    along, across = torch.eye(6, dtype=torch.float64)[[4, 1]]
    centre = torch.full((6,), 3.0, dtype=torch.float64)
    plane = principal_plane(torch.stack([centre - 2 * along, centre - across, centre + across, centre + 2 * along]))
    assert plane.explained == pytest.approx((0.8, 0.2))
    assert torch.allclose(plane.directions[0], along)
    assert torch.allclose(plane.directions[1].abs(), across)
    assert torch.allclose(plane.places[:, 0], torch.tensor([-4.0, -2, -2, 0], dtype=torch.float64))
    assert torch.allclose(
        plane.origin + plane.places @ plane.directions,
        centre
        + torch.outer(torch.tensor([-2.0, 0, 0, 2], dtype=torch.float64), along)
        + torch.outer(torch.tensor([0.0, -1, 1, 0], dtype=torch.float64), across),
    )
    assert plane.apart.max() < 1e-9


def test_how_far_points_are_from_the_plane() -> None:
    axes = torch.eye(3, dtype=torch.float64)
    corners = torch.stack([-5 * axes[0], -3 * axes[1], 3 * axes[1], 5 * axes[0] + axes[2], 5 * axes[0] - axes[2]])
    plane = principal_plane(torch.cat([corners, 5 * axes[:1]]))
    assert plane.apart.tolist() == pytest.approx([0, 0, 0, 1, 1, 0], abs=1e-9)


def test_points_on_one_line_have_no_plane() -> None:
    with pytest.raises(ValueError, match="not on one line; train for more epochs"):
        principal_plane(torch.arange(4.0)[:, None] * torch.ones(7))


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2, eps=1e-9)

    def forward(self, points: Tensor) -> Tensor:
        return self.norm(points)


def test_means_and_variances_are_those_of_the_rows() -> None:
    """With γ and β for weights, logits are γ·(x − m) / s + β: their mean square is γ²·(n − 1) / n + β²."""
    model = Normed()
    model.norm.running_mean.fill_(100.0)
    points = 7 + 3 * torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    losses = Losses(model, [{"points": points, "labels": torch.zeros(50).long()}], torch.zeros(50, 2), [1.0])
    regression, _ = losses(torch.tensor([2.0, 3, 0.5, -0.5]))
    assert regression == pytest.approx(((4 + 9) * 49 / 50 + 0.5) / 2, rel=1e-5)
    assert not model.training


class Apart(HalvesProblem):
    """Whose teacher is not what the student begins as."""

    def model(self, spec: Mapping[str, Any]) -> nn.Module:
        model = super().model({})
        if "network" in spec:
            nn.init.eye_(model.layer.weight)
        return model


TRAINING = {"per_device_train_batch_size": 8, "use_cpu": True, "learning_rate": 0.05}
STAGES: list[dict[str, Any]] = [
    {"objective": {"name": "annealed-regression", "tau_max": 3}, "epochs": 3, "teacher": "teacher"},
    {"objective": "hard-labels", "epochs": 2},
]


def annealing(**fields: Any) -> Recipe:
    models: dict[str, dict[str, Any]] = {"teacher": {"network": "resnet8"}, "student": {}}
    return Recipe(**{"task": "cifar10", "models": models, "stages": STAGES, "training": TRAINING, "seed": 4, **fields})


def test_the_path_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEHR_CACHE", str(tmp_path / "cache"))
    found = surface(annealing(), tmp_path / "run", rows=16, side=3, problem=Apart())
    path = found["path"]
    assert [(point["stage"], point["epoch"]) for point in path] == [
        (1, 0),
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 0),
        (2, 1),
        (2, 2),
    ]
    assert [point.get("phi") for point in path] == [None, pytest.approx(1 / 3), pytest.approx(2 / 3), 1, *[None] * 3]
    assert found["temperatures"] == [3, 2, 1]
    assert path[4]["losses"] == path[3]["losses"], "the one epoch with Φ = 1 is what goes on"
    assert (path[-1]["place"], path[-1]["apart"]) == ([0, 0], 0)
    assert sum(found["explained"]) > 0.5
    assert path[3]["losses"][2] < path[0]["losses"][2]
    assert path[-1]["losses"][-1] < path[0]["losses"][-1]
    torch.manual_seed(4)
    assert found["weights"] == len(parameters_to_vector(Halves().parameters())) == 6

    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*")}
    again = surface(annealing(), tmp_path / "run", rows=16, side=3, problem=Apart())
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*")} == before
    assert {**again, "seconds": 0} == {**found, "seconds": 0}

    for name in ("first", "second"):
        with style():
            save(loss_surface(json.loads(json.dumps(found))), tmp_path / f"{name}.svg")
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    assert len(list(ElementTree.parse(tmp_path / "first.svg").getroot().iter())) > 100


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stages": STAGES[1:]}, "no stage of 'student' anneals"),
        (
            {"stages": [{**STAGES[0], "objective": {"name": "annealed-regression", "centre": 1}}, *STAGES[1:]]},
            "surfaces are drawn of annealed-regression around 0",
        ),
        (
            {"stages": [{**STAGES[0], "objective": "continuation-kd"}]},
            "continuation-kd from teacher: surfaces are drawn",
        ),
        (
            {"stages": [{"objective": "hard-labels", "epochs": 1, "student": "teacher"}, *STAGES]},
            "teachers must be models that were trained before",
        ),
        ({"task": "coref/x", "documents": {"train": []}}, "are drawn for GLUE and images, and not for coreference"),
    ],
)
def test_recipes_without_an_annealing_path(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        surface(annealing(**fields), tmp_path / "run", problem=Apart())
    assert not (tmp_path / "run").exists()
