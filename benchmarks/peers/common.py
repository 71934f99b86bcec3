"""What all toolkits are given alike: models, batches, optimiser, threads, and the clock. Only torch, no lehr."""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

NETWORKS = Path(__file__).parents[2] / "src/lehr/vision/networks.py"
TEMPERATURE, SOFT_WEIGHT = 5.0, 0.5
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "text": ("AdamW", {"lr": 5e-5, "weight_decay": 0.0, "fused": True}),
    "images": ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4}),
}
MAX_NORM = {"text": 1.0, "images": None}
"""All of these as benchmarks/distillation.py has lehr do it; None is no clipping."""
WARM_UP = 3
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Clock:
    """Seconds from the end of one step of an optimiser to the end of the next: all that a training loop does."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.stamps: list[float] = []
        optimizer.register_step_post_hook(self._stamp)

    def _stamp(self, *_: Any) -> None:
        wait()
        self.stamps.append(time.perf_counter())

    def seconds(self) -> float:
        """The median, without the first steps, which warm up."""
        steps = [late - early for early, late in zip(self.stamps, self.stamps[1:], strict=False)]
        if len(steps) < WARM_UP:
            raise ValueError(f"{len(self.stamps)} steps are too few; give {WARM_UP + 1} batches or more")
        return statistics.median(steps[WARM_UP - 1 :])


def wait() -> None:
    """Until the device is done."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="`text` or `images`, as benchmarks/distillation.py --export made it")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    return options


def models(folder: Path) -> tuple[nn.Module, nn.Module]:
    """Student and teacher, which return logits or Transformers' output."""
    return _model(folder / "student").train(), _model(folder / "teacher").eval()


def _model(folder: Path) -> nn.Module:
    about = json.loads((folder / "config.json").read_text("utf-8"))
    if "network" not in about:
        from transformers import AutoModelForSequenceClassification

        found: nn.Module = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
        return found.to(DEVICE)
    spec = importlib.util.spec_from_file_location("networks", NETWORKS)
    assert spec is not None
    assert spec.loader is not None
    networks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(networks)
    model: nn.Module = networks.network(about["network"], about["classes"])
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.to(DEVICE)


def save_batches(folder: Path, batches: list[dict[str, Tensor]]) -> None:
    flat = {f"{i}.{name}": value.contiguous() for i, batch in enumerate(batches) for name, value in batch.items()}
    save_file(flat, folder / "batches.safetensors")


def load_batches(folder: Path) -> list[dict[str, Tensor]]:
    """In their order; images as lehr's own loader gives them, channels last."""
    batches: dict[int, dict[str, Tensor]] = {}
    for key, value in load_file(folder / "batches.safetensors").items():
        number, name = key.split(".", 1)
        layout = torch.channels_last if value.ndim == 4 else torch.contiguous_format
        batches.setdefault(int(number), {})[name] = value.contiguous(memory_format=layout)
    return [batches[number] for number in sorted(batches)]


def report(seconds: dict[str, float], toolkit: str) -> None:
    """One line of JSON: seconds per step, with the teacher's logits `kept` or the teacher `online`."""
    print(json.dumps({"seconds": seconds, "versions": {name: version(name) for name in (toolkit, "torch")}}))
