"""What a task has to say for its models to be distilled: the side of it that recipes and experiments see."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from .data import Inputs


class Problem(Protocol):
    """A task with its data. Models are described by a mapping, the keys of which are the task's own."""

    metric: str
    """The metric that chooses between epochs, a key of what `compute_metrics` gives; more of it is better."""

    def model(self, spec: Mapping[str, Any]) -> nn.Module:
        """A model as described; what is not pretrained in it is drawn from torch's random numbers."""

    def has_learned(self, spec: Mapping[str, Any]) -> bool:
        """Whether a model so described has learned the task before any stage, as a teacher has to."""

    def inputs(self, spec: Mapping[str, Any]) -> Inputs:
        """The training and the validation rows as that model sees them."""

    def compute_metrics(self, prediction: Any) -> dict[str, float]:
        """Metrics of logits, from 0 to 1, as Transformers' `Trainer` takes it."""

    def test(self, model: nn.Module, spec: Mapping[str, Any]) -> dict[str, float]:
        """Metrics on the test part, from 0 to 1, `metric` among them; to be read once, at the end; none without one."""

    def save(self, model: nn.Module, spec: Mapping[str, Any], folder: Path) -> None:
        """Write the model so that ``{"from": folder}`` describes it."""
