"""Plain KD with TextBrewer: seconds per step, the teacher online, and with TextBrewer's cache of its logits.

python run_textbrewer.py EXPORTED/text --threads 2

The loss is TextBrewer's own, without the factor T². Its cache keeps whole batches with their logits in memory and
changes their order; nothing is logged, and one checkpoint is written, at the end, after the clock has stopped.
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch
import torch.nn.functional as F
from common import (
    DEVICE,
    MAX_NORM,
    OPTIMIZERS,
    SOFT_WEIGHT,
    TEMPERATURE,
    Clock,
    arguments,
    load_batches,
    models,
    report,
)
from textbrewer import BasicDistiller, DistillationConfig, TrainingConfig
from torch import Tensor, nn


class Labelled(nn.Module):
    """TextBrewer calls a model with the whole batch, labels and all; a bare network takes images only."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.network(images)
        return {"logits": logits, "loss": F.cross_entropy(logits, labels)}


def adaptor(batch: Any, output: Any) -> dict[str, Any]:
    return {"logits": output["logits"], "losses": output["loss"]}


def main() -> None:
    options = arguments()
    kind = options.folder.name
    optimizer_name, settings = OPTIMIZERS[kind]
    seconds = {}
    for variant in ("online", "kept"):
        student, teacher = models(options.folder)
        if kind == "images":
            student, teacher = Labelled(student), Labelled(teacher)
        optimizer = getattr(torch.optim, optimizer_name)(student.parameters(), **settings)
        clock = Clock(optimizer)
        with tempfile.TemporaryDirectory() as folder:
            distiller = BasicDistiller(
                TrainingConfig(output_dir=folder, device=DEVICE),
                DistillationConfig(
                    temperature=TEMPERATURE,
                    kd_loss_weight=SOFT_WEIGHT,
                    hard_label_weight=1 - SOFT_WEIGHT,
                    is_caching_logits=variant == "kept",
                ),
                teacher,
                student,
                adaptor,
                adaptor,
            )
            with distiller:
                distiller.train(
                    optimizer, load_batches(options.folder), num_epochs=1, max_grad_norm=MAX_NORM[kind] or -1.0
                )
        seconds[variant] = clock.seconds()
    report(seconds, "textbrewer")


if __name__ == "__main__":
    main()
