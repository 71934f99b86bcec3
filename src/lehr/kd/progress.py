"""How far a run is, and how it says so: by bars in a terminal, by lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from tqdm.auto import tqdm
from transformers import ProgressCallback

from .annealing import temperature
from .stages import Stage


def progress(step: int, steps: int, epochs: int, per: str) -> float:
    """The share of a stage done once the epoch, or the step, at hand is over: exactly 1 in its last.

    Args:
        step: optimiser steps done.
        steps: optimiser steps in all, a multiple of `epochs`.
        epochs: epochs in all.
        per: `epoch` or `step`.
    """
    if per == "step":
        return min(step + 1, steps) / steps
    return min(step * epochs // steps + 1, epochs) / epochs


def tell(line: str) -> None:
    """Say a line where a bar would be, at once, for who reads a log file."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class StageProgress(ProgressCallback):
    """A bar that says which stage it is, at which temperature, what was last measured, and how much time is left.

    Where there is no terminal to draw it in, a line says so after every epoch, and every five minutes of a long one.
    """

    seconds = 300

    def __init__(self, stage: Stage, title: str) -> None:
        super().__init__()
        self.stage, self.title = stage, title
        self.measured: dict[str, str] = {}
        self.training_bar: Any = None
        self.prediction_bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.training_bar = tqdm(total=state.max_steps, desc=self.title, disable=None, dynamic_ncols=True)
            self.training_bar.update(state.global_step)
        self.current_step = self.first_step = state.global_step
        self.began = self.told = time.monotonic()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not control.should_evaluate:
            self._tell(args, state)

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        super().on_evaluate(args, state, control)  # type: ignore[no-untyped-call]
        self._tell(args, state)

    def _tell(self, args: Any, state: Any) -> None:
        if not state.is_world_process_zero or self.training_bar is None or not self.training_bar.disable:
            return
        measured = "".join(f", {name} {value}" for name, value in self.measured.items())
        self.told = time.monotonic()
        spent = self.told - self.began
        left = spent * (state.max_steps - state.global_step) / max(1, state.global_step - self.first_step)
        tell(
            f"{self.title}: epoch {round(state.epoch, 3):g} of {args.num_train_epochs:g}{measured}, "
            f"{tqdm.format_interval(spent)} spent, {tqdm.format_interval(left)} left"
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        self.training_bar.update(state.global_step - self.current_step)
        self.current_step = state.global_step
        if self.stage.tau_max:
            phi = self.stage.phi(
                progress(state.global_step, state.max_steps, int(args.num_train_epochs), self.stage.per)
            )
            self.training_bar.set_description(f"{self.title}, T {temperature(phi, self.stage.tau_max):.3g}", False)
        if time.monotonic() - self.told >= self.seconds:
            self._tell(args, state)

    def on_prediction_step(self, args: Any, state: Any, control: Any, eval_dataloader: Any = None, **_: Any) -> None:
        if state.is_world_process_zero:
            if self.prediction_bar is None:
                total = len(eval_dataloader)
                self.prediction_bar = tqdm(
                    total=total, desc="evaluation", leave=False, disable=None, dynamic_ncols=True
                )
            self.prediction_bar.update(1)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        if state.is_world_process_zero and self.training_bar is not None:
            short = {k: k if k == "eval_loss" else k.removeprefix("eval_") for k in logs or ()}
            told = {short[k]: v for k, v in (logs or {}).items() if isinstance(v, float)}
            untold = ("learning_rate", "grad_norm", "epoch", "phi", "seconds", "train_loss")
            self.measured |= {
                k: f"{v:.3g}" for k, v in told.items() if k not in untold and not k.endswith(("runtime", "per_second"))
            }
            self.training_bar.set_postfix(self.measured)
