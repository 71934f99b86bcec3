"""The Transformers `Trainer`, for one stage of a recipe."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState  # type: ignore[import-untyped]
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import get_last_checkpoint

from .attention import attention_in_parts
from .data import Inputs, Learner, TaughtCollator, TaughtDataset, counted, lengths
from .objectives import NO_LABEL, Objective, hard_labels
from .progress import StageProgress, progress
from .stages import Stage
from .teacher import logits_of


def bf16_pays(use_cpu: bool = False) -> bool:
    """Whether this machine multiplies in bfloat16 faster than in float32; a CPU without it is many times slower."""
    if torch.cuda.is_available() and not use_cpu:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def machine(training: Mapping[str, Any]) -> dict[str, Any]:
    """What Transformers' `TrainingArguments` have to be told of the machine, unless `training` says it already.

    It takes bf16 on a CPU only where `use_cpu` is said as well.
    """
    use_cpu = training.get("use_cpu", not (torch.cuda.is_available() or torch.backends.mps.is_available()))
    bf16 = training.get("bf16", not training.get("fp16") and bf16_pays(use_cpu))
    return {"use_cpu": use_cpu, "bf16": bf16, "dataloader_pin_memory": not use_cpu}


def last_checkpoint(folder: Path) -> str | None:
    """The last checkpoint that was written to its end; those that a kill cut short are removed.

    Transformers writes `trainer_state.json` last of all.
    """
    if PartialState().is_main_process:
        for checkpoint in folder.glob("checkpoint-*"):
            try:
                json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
            except (FileNotFoundError, json.JSONDecodeError):
                shutil.rmtree(checkpoint)
    PartialState().wait_for_everyone()
    last: str | None = get_last_checkpoint(str(folder))
    return last


class DistillationTrainer(Trainer):
    """Trains a student by one stage's objective.

    Args:
        learner: the student and what its objective learns.
        args: Transformers' own.
        stage: what to train by.
        train_dataset: rows with what their teachers say; its `inputs` have those that choose between epochs.
        online: teachers to ask at every step, instead of kept logits; averaged.
        teacher_collator: of the rows as online teachers see them.
        compute_metrics: as Transformers takes it; its predictions are logits.
        title: what the progress bar calls the stage.
    """

    def __init__(
        self,
        learner: Learner,
        args: TrainingArguments,
        *,
        stage: Stage,
        train_dataset: TaughtDataset,
        online: Sequence[nn.Module] = (),
        teacher_collator: Any = None,
        compute_metrics: Callable[[Any], dict[str, float]] | None = None,
        title: str = "",
    ) -> None:
        args.label_names = ["labels"]
        args._n_gpu = min(args.n_gpu, 1)  # torch's DataParallel cuts batches along axes that are no rows
        inputs = train_dataset.inputs
        super().__init__(
            learner,
            args,
            data_collator=TaughtCollator(inputs.collator, teacher_collator),  # type: ignore[arg-type]
            train_dataset=train_dataset,
            eval_dataset=None if inputs.eval is None else TaughtDataset(Inputs(inputs.eval, inputs.collator), views=0),
            compute_metrics=compute_metrics,
        )
        self.model_accepts_loss_kwargs = True  # so that a loss is a mean over the items of all accumulated batches
        self.stage = stage
        self.objective: Objective = stage.function()
        self.online = [teacher.to(args.device).eval() for teacher in online]
        self._errors: dict[str, list[Tensor]] = defaultdict(list)
        self._phi = 1.0
        self._clock = _Clock()
        self.add_callback(self._clock)
        if self.pop_callback(ProgressCallback):
            self.add_callback(StageProgress(stage, title))
        self.pop_callback(
            PrinterCallback
        )  # without a bar, Transformers prints every log; whoever has no bar wants silence
        self.add_callback(_Views(train_dataset))

    def progress(self) -> float:
        """The share of the stage that is done once the epoch, or the step, at hand is over."""
        return progress(self.state.global_step, self.state.max_steps, int(self.args.num_train_epochs), self.stage.per)

    @property
    def seconds(self) -> float:
        """Time spent on training so far, in the runs that this one resumes too, up to their last log."""
        return self._clock.seconds()

    def train(self, *arguments: Any, **settings: Any) -> Any:
        """As Transformers does, with the attention that is faster here."""
        slow = self.args.bf16 and self.args.device.type == "cpu"
        assert isinstance(self.model, nn.Module)
        with attention_in_parts(self.model) if slow else nullcontext():
            return super().train(*arguments, **settings)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """Rows of about the same length together, where the arguments ask for it; else as Transformers draws them."""
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        return _ByLength(size, train_dataset, seed)

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_eval_sampler(eval_dataset)
        return _ByLength(self.args.eval_batch_size, eval_dataset, self.args.seed)

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        """The stage's milestones where it has some, else the schedule that the arguments name."""
        if not self.stage.milestones:
            return super().create_scheduler(num_training_steps, optimizer)
        chosen = optimizer if optimizer is not None else self.optimizer
        assert chosen is not None
        edges = [milestone * num_training_steps for milestone in self.stage.milestones]
        self.lr_scheduler = LambdaLR(chosen, lambda step: 0.1 ** sum(step >= edge for edge in edges))
        return self.lr_scheduler

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The stage's objective; in evaluation, where no teacher is heard, the loss of the hard labels."""
        batch = dict(inputs)
        labels, teacher = batch.pop("labels", None), batch.pop("teacher_logits", None)
        seen_by_teacher = batch.pop("teacher_inputs", None)
        logits, learned = model(**batch)
        if not model.training:
            loss = logits.new_zeros(()) if labels is None else hard_labels(logits, None, labels, 1.0)
            return (loss, {"logits": logits}) if return_outputs else loss
        if seen_by_teacher is not None:
            with torch.no_grad(), self.accelerator.autocast():
                teacher = torch.stack([logits_of(one, seen_by_teacher).float() for one in self.online]).mean(0)
        mask = counted(labels, batch.get("attention_mask"))
        loss = self.objective(logits, teacher, labels, self.progress(), mask=mask, items=num_items_in_batch, **learned)
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            loss = loss * self.accelerator.num_processes  # which the mean over processes takes back
        self._note(logits.detach(), teacher, labels, mask)
        return (loss, {"logits": logits}) if return_outputs else loss

    def _note(self, logits: Tensor, teacher: Tensor | None, labels: Tensor | None, mask: Tensor | None) -> None:
        self._phi = self.stage.phi(self.progress())
        if teacher is not None and (mask is None or mask.any()):
            centre = self.stage.centre
            errors = (logits.float() - centre - self._phi * (teacher - centre)).square()
            self._errors["regression_error"].append((errors if mask is None else errors[mask]).mean())
        if labels is not None and labels.ne(NO_LABEL).any():
            self._errors["label_error"].append(hard_labels(logits.float(), None, labels, 1.0))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds Φ, the distance from the annealed teacher and the loss of the hard labels; refuses to go on from NaN.

        Raises:
            ValueError: if the loss is not finite.
        """
        for name in ("loss", "train_loss", "eval_loss"):
            if not math.isfinite(logs.get(name, 0.0)):
                raise ValueError(
                    f"{self.stage.title()}: the {name.replace('_', ' ')} is {logs[name]} by {self._step_and_help()}"
                )
        if "loss" in logs:
            logs |= {name: float(torch.stack(values).mean()) for name, values in self._errors.items() if values}
            logs |= {"phi": self._phi, "seconds": round(self.seconds, 1)}
            self._errors.clear()
        super().log(logs, start_time)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        """The items that the objective counts: those without a label too, unless it learns from labelled ones alone."""
        if self.stage.name not in ("hard-labels", "dkd"):
            batch_samples = [{"labels": _items(batch)} for batch in batch_samples if "labels" in batch]
        items = super()._get_num_items_in_batch(batch_samples, device)
        return items.clamp(min=1) if isinstance(items, Tensor) else items

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        """Weights that are tied are written twice: safetensors takes no two names for one memory."""
        weights = self.accelerator.unwrap_model(self.model).state_dict() if state_dict is None else state_dict
        super()._save(output_dir, {name: tensor.detach().clone().contiguous() for name, tensor in weights.items()})

    def refuse_broken(self) -> None:
        """See that every weight is finite: the step whose loss is not may be between two logs, or after the last.

        Raises:
            ValueError: if one is not.
        """
        weights = self.accelerator.unwrap_model(self.model).named_parameters()
        if broken := [name for name, tensor in weights if not tensor.isfinite().all()]:
            raise ValueError(f"{self.stage.title()}: {broken[0]} is not finite by {self._step_and_help()}")

    def _step_and_help(self) -> str:
        return (
            f"step {self.state.global_step}; lower the learning rate or clip gradients (training.max_grad_norm), in "
            "another output"
        )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self.refuse_broken()
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:  # torch's and safetensors' own for a full disk
            raise OSError(
                f"{self.args.output_dir}: the checkpoint of step {self.state.global_step} could not be written, is the "
                f"disk full? Make room and resume ({str(error).splitlines()[0]})"
            ) from error

    def _determine_best_metric(self, metrics: Any, trial: Any) -> bool:
        """No epoch before Φ is 1 is the best one, unless the stage says that any may be."""
        if self.args.metric_for_best_model is None:  # the last epoch's weights go on
            return False
        name = f"eval_{self.args.metric_for_best_model.removeprefix('eval_')}"
        if name not in metrics:
            timed = ("runtime", "per_second", "epoch")
            known = ", ".join(key.removeprefix("eval_") for key in metrics if not key.endswith(timed))
            raise ValueError(f"there is no metric {name.removeprefix('eval_')!r} to choose by; there are {known}")
        if self.stage.choose == "best-at-full" and self.stage.phi(self.state.global_step / self.state.max_steps) < 1:
            return False
        return bool(super()._determine_best_metric(metrics, trial))


def _items(batch: Mapping[str, Any]) -> Tensor:
    """What counts of a batch with labels, as labels of which `NO_LABEL` does not."""
    counts = counted(batch["labels"], batch.get("attention_mask"))
    return torch.zeros_like(batch["labels"]) if counts is None else torch.where(counts, 0, NO_LABEL)


class _ByLength(LengthGroupedSampler):
    """Transformers' sampler with an order that seed and epoch alone decide, so that a resumed run finds it again.

    The epoch is the data set's own: Accelerate, in several processes, would not tell a sampler that skips batches.
    """

    def __init__(self, batch_size: int, dataset: TaughtDataset, seed: int) -> None:
        super().__init__(batch_size, lengths=lengths(dataset.inputs.train))
        self.dataset, self.seed = dataset, seed

    def __iter__(self) -> Iterator[int]:
        self.generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.dataset.epoch)
        return iter(super().__iter__())  # type: ignore[no-untyped-call]


class _Clock(TrainerCallback):
    """Goes on from what the log of a resumed run says, and has every epoch log what is its own."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.before = max((entry.get("seconds", 0.0) for entry in state.log_history), default=0.0)
        self.began = time.monotonic()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_log = args.logging_strategy != "no"

    def seconds(self) -> float:
        return float(self.before + time.monotonic() - self.began)


class _Views(TrainerCallback):
    """Turns the data to each epoch's view, in every process; Accelerate tells a data set so only where there is one."""

    def __init__(self, dataset: TaughtDataset) -> None:
        self.dataset = dataset

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.dataset.set_epoch(state.global_step * int(args.num_train_epochs) // state.max_steps)
