"""How long an epoch of a small network on images of CIFAR's size takes here, data and training apart.

python benchmarks/images.py results/images.json

Every variant, float32 and, where the processor has it, bfloat16, with images channels last and not, trains on the same
batches in turn, batch by batch. The images are random, as their content costs nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from itertools import product
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lehr.files import write_text
from lehr.kd.trainer import bf16_pays
from lehr.versions import versions
from lehr.vision import CIFAR10, Images, network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--network", default="resnet8")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--epoch", type=int, default=50_000, help="images in an epoch")
    options = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = 10_000
    pixels = torch.randint(0, 256, (rows, 3, 32, 32), dtype=torch.uint8)
    images = Images(pixels, torch.randint(0, 10, (rows,)), CIFAR10, augmented=True)
    types = [torch.float32, torch.bfloat16] if bf16_pays() else [torch.float32]
    variants = list(product(types, [torch.channels_last, torch.contiguous_format]))
    models = [network(options.network, 10).to(device).train() for _ in variants]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4) for model in models]

    data_seconds: list[float] = []
    step_seconds: list[list[float]] = [[] for _ in variants]
    for _ in range(options.batches + 3):
        chosen = torch.randint(0, rows, (options.batch,)).tolist()
        began = time.perf_counter()
        batch = images.__getitems__(chosen)
        data_seconds.append(time.perf_counter() - began)
        for seconds, variant, model, optimizer in zip(step_seconds, variants, models, optimizers, strict=True):
            inputs = batch["images"].contiguous(memory_format=variant[1])
            began = time.perf_counter()
            step(model, optimizer, inputs.to(device), batch["labels"].to(device), variant[0])
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)

    # The first three batches warm up.
    data = statistics.median(data_seconds[3:])
    result = {
        "network": options.network,
        "batch": options.batch,
        "batches": options.batches,
        "images_per_epoch": options.epoch,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "data_milliseconds_median": round(1000 * data, 2),
        "variants": [
            {
                "type": str(kind).removeprefix("torch."),
                "layout": str(layout).removeprefix("torch."),
                "step_milliseconds_median": round(1000 * (step_median := statistics.median(seconds[3:])), 2),
                "images_per_second": round(options.batch / (data + step_median)),
                "epoch_seconds": round(options.epoch / options.batch * (data + step_median), 1),
            }
            for (kind, layout), seconds in zip(variants, step_seconds, strict=True)
        ],
        "versions": versions(),
    }
    write_text(options.result, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def step(
    model: nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor, labels: torch.Tensor, kind: torch.dtype
) -> None:
    """One step of training; `kind` is the type that convolutions multiply in."""
    with torch.autocast(images.device.type, torch.bfloat16, enabled=kind == torch.bfloat16):
        loss = F.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


if __name__ == "__main__":
    main()
