"""CIFAR as recipes and experiments see it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from ..files import aside, write_text
from ..kd.data import Inputs
from ..kd.recipe import check_fields
from ..kd.teacher import ask, fetch
from .data import VALIDATION, collate, load
from .networks import network

BATCH = 500


class VisionProblem:
    """CIFAR-10 or CIFAR-100 with its images.

    A model is described by `network`, a name, or by `from`, a folder that `save` wrote.

    Args:
        data: the data set's name on the Hub, or a folder with a copy of it.
        validation: images of the training part that choose between epochs, or below 1 their share of it.
        seed: of that cut.
        augment_seed: of the augmentation; runs that share it share their views, and so their teachers' logits.

    Raises:
        ValueError: if the data cannot be read.
    """

    metric = "accuracy"
    KEYS = {"network": str, "from": str}  # noqa: RUF012

    def __init__(self, data: str, *, validation: float = VALIDATION, seed: int = 0, augment_seed: int = 0) -> None:
        self.splits = load(data, validation=validation, seed=seed, augment_seed=augment_seed)

    def model(self, spec: Mapping[str, Any]) -> nn.Module:
        """A network with fresh weights, or with saved ones.

        Raises:
            ValueError: if the network is unknown, was saved for another number of classes, or is another than is said.
        """
        check_fields(spec, self.KEYS, "model")
        if "from" not in spec:
            if "network" not in spec:
                raise ValueError("model: give `network`, a name, or `from`, a folder")
            return network(spec["network"], self.splits.classes)
        folder = Path(spec["from"])
        try:
            about = json.loads((folder / "config.json").read_text("utf-8"))
            about["network"], about["classes"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{folder} holds no saved network") from error
        if spec.get("network", about["network"]) != about["network"]:
            raise ValueError(
                f"model: {folder} is a {about['network']}, and no {spec['network']}: leave out one of the two"
            )
        if about["classes"] != self.splits.classes:
            raise ValueError(f"{folder}: a network of {about['classes']} classes; here are {self.splits.classes}")
        model = network(about["network"], about["classes"])
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return model

    def has_learned(self, spec: Mapping[str, Any]) -> bool:
        """Whether it is a saved one."""
        return "from" in spec

    def inputs(self, spec: Mapping[str, Any]) -> Inputs:
        """The same images for every network."""
        return Inputs(self.splits.train, collate, self.splits.validation if len(self.splits.validation) else None)

    def compute_metrics(self, prediction: Any) -> dict[str, float]:
        """The share of images that are classed right."""
        return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}

    def test(self, model: nn.Module, spec: Mapping[str, Any]) -> dict[str, float]:
        """On the data set's own test part."""
        rows, right = self.splits.test, 0
        model.eval()
        for start in range(0, len(rows), BATCH):
            batch = fetch(rows, range(start, min(start + BATCH, len(rows))))
            right += int((ask(model, batch).argmax(-1) == batch["labels"]).sum())
        return {"accuracy": right / len(rows)}

    def save(self, model: nn.Module, spec: Mapping[str, Any], folder: Path) -> None:
        """The weights, and which network they are of."""
        name = spec.get("network") or json.loads((Path(spec["from"]) / "config.json").read_text("utf-8"))["network"]
        folder.mkdir(parents=True, exist_ok=True)
        with aside(folder / "model.safetensors") as temporary:
            save_file({key: value.cpu().contiguous() for key, value in model.state_dict().items()}, temporary)
        write_text(folder / "config.json", json.dumps({"network": name, "classes": self.splits.classes}) + "\n")
