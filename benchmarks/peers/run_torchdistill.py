"""Plain KD with torchdistill: seconds per step, the teacher online, as torchdistill keeps no logits.

python run_torchdistill.py EXPORTED/images --threads 2
"""

from __future__ import annotations

from typing import Any

import torch
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

# torchvision, which torchdistill imports for its model zoo, stops beside a torch of another build, as these operators
# of its compiled part are not there. Nothing here calls them: it is enough that they are declared.
declared = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torchdistill.core.distillation import DistillationBox  # noqa: E402

LOGITS = {"text": "classifier", "images": "."}
"""The module that gives the logits; in Transformers' models it is not the model, which gives more."""


def configuration(kind: str) -> dict[str, Any]:
    optimizer, settings = OPTIMIZERS[kind]
    path = LOGITS[kind]
    hook = {} if path == "." else {"forward_hook": {"output": [path]}}
    loss = {"temperature": TEMPERATURE, "alpha": 1 - SOFT_WEIGHT}
    for model in ("student", "teacher"):
        loss |= {f"{model}_module_path": path, f"{model}_module_io": "output"}
    forward = "forward_batch_only_as_kwargs" if kind == "text" else "forward_batch_only"
    return {
        "num_epochs": 1,
        "train_data_loader": {
            "dataset_id": "train",
            "sampler": {"class_or_func": torch.utils.data.SequentialSampler},
            "kwargs": {"batch_size": None},
        },
        "teacher": {**hook, "forward_proc": forward, "requires_grad": False},
        "student": {**hook, "forward_proc": forward},
        "optimizer": {"key": optimizer, "kwargs": dict(settings), "max_grad_norm": MAX_NORM[kind]},
        "criterion": {
            "key": "WeightedSumLoss",
            "kwargs": {"sub_terms": {"kd": {"criterion": {"key": "KDLoss", "kwargs": loss}, "weight": 1.0}}},
        },
    }


def examples(kind: str, batches: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """Batches as torchdistill's loader takes them: what the model sees, and the labels."""
    pairs = []
    for batch in batches:
        labels = batch.pop("labels")
        pairs.append((batch if kind == "text" else batch["images"], labels))
    return pairs


def main() -> None:
    options = arguments()
    kind = options.folder.name
    student, teacher = models(options.folder)
    data = {"train": examples(kind, load_batches(options.folder))}
    box = DistillationBox(teacher, student, data, configuration(kind), DEVICE, None, False, 1)
    clock = Clock(box.optimizer)
    box.pre_epoch_process(epoch=0)
    for seen, labels, more in box.train_data_loader:
        seen = {k: v.to(DEVICE) for k, v in seen.items()} if kind == "text" else seen.to(DEVICE)
        box.post_forward_process(loss=box.forward_process(seen, labels.to(DEVICE), more))
    box.post_epoch_process()
    report({"online": clock.seconds()}, "torchdistill")


if __name__ == "__main__":
    main()
