"""The trainer of resolvers, with two learning rates and our own score on the development part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from statistics import fmean
from typing import Any

import torch
from torch.optim import AdamW
from transformers import TrainingArguments

from ..kd.data import Learner, TaughtDataset
from ..kd.stages import Stage
from ..kd.trainer import DistillationTrainer
from ..scoring import Scores
from ..windows import Windower
from .network import LehrModel, Lesson
from .prediction import predict_all, tune

HEAD_RATE = 6.0
"""How many times the encoder's learning rate a head's is, where nobody says."""


class CorefLearner(Learner):
    """A resolver as `DistillationTrainer` trains it; it computes the losses itself."""

    def forward(self, **batch: Any) -> Any:
        return self.student(**batch)


class CorefTrainer(DistillationTrainer):
    """Trains a `LehrModel` by one stage of a recipe; its evaluation is the CoNLL F1 of the development documents.

    Args:
        learner: the student.
        args: Transformers' own; its `learning_rate` is the encoder's.
        head_rate: how many times that the learning rate is of everything else.
        stage: what to train by.
        train_dataset: documents, with what their teachers say.
        windower: cuts the development documents.
        soft: the stage's objective on the teacher's logits; None without a teacher.
        hard_weight: weight of the loss of the gold clusters beside it.
        title: what the progress bar calls the stage.
    """

    def __init__(
        self,
        learner: CorefLearner,
        args: TrainingArguments,
        *,
        head_rate: float,
        stage: Stage,
        train_dataset: TaughtDataset,
        windower: Windower,
        soft: Callable[..., torch.Tensor] | None,
        hard_weight: float,
        title: str,
    ) -> None:
        super().__init__(learner, args, stage=stage, train_dataset=train_dataset, title=title)
        self.head_rate, self.windower, self.soft, self.hard_weight = head_rate, windower, soft, hard_weight

    @property
    def network(self) -> LehrModel:
        """The student, out of what it is wrapped in."""
        network: LehrModel = self.accelerator.unwrap_model(self.model).student
        return network

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """See `optimizer`."""
        if self.optimizer is None:
            self.optimizer = optimizer(self.network, self.args, self.head_rate)
        return self.optimizer

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The stage's objective, over mentions and over pairs."""
        self._phi = self.stage.phi(self.progress())
        outputs = model(**inputs, lesson=Lesson(self.soft, self.hard_weight, self.progress()))
        self._errors["mention_loss"].append(outputs.mention_loss)
        self._errors["pair_loss"].append(outputs.pair_loss)
        return (outputs.loss, outputs) if return_outputs else outputs.loss

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """CoNLL F1 and its parts on the development documents; sets the student's thresholds."""
        assert isinstance(self.eval_dataset, TaughtDataset)
        examples = self.eval_dataset.inputs.train
        scores = tune(
            list(predict_all(self.network, self.windower, examples, bf16=self.args.bf16)), self.network.config
        )
        logs = {f"{metric_key_prefix}_{name}": value for name, value in by_name(*scores).items()}
        self.log(logs)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, logs)
        return logs


def optimizer(network: LehrModel, args: TrainingArguments, head_rate: float) -> torch.optim.Optimizer:
    """AdamW in four groups: encoder and head, matrices (with weight decay) and vectors (without)."""
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = defaultdict(list)
    for name, parameter in network.named_parameters():
        groups[name.startswith("encoder."), parameter.ndim > 1].append(parameter)
    return AdamW(
        [
            {
                "params": parameters,
                "lr": args.learning_rate * (1.0 if encoder else head_rate),
                "weight_decay": args.weight_decay if matrix else 0.0,
            }
            for (encoder, matrix), parameters in groups.items()
        ],
        lr=args.learning_rate,  # what schedules that end at a rate of their own take for the highest
        betas=(args.adam_beta1, args.adam_beta2),
        eps=args.adam_epsilon,
        fused=True,
    )


def by_name(*scores: Scores) -> dict[str, float]:
    """CoNLL F1 and its parts, as fractions; the means over several schemes', each counting alike."""
    found = {
        "conll_f1": [of.conll for of in scores],
        "mention_f1": [of.mentions.f1 for of in scores],
        "muc_f1": [of.muc.f1 for of in scores],
        "b_cubed_f1": [of.b_cubed.f1 for of in scores],
        "ceaf_e_f1": [of.ceaf_e.f1 for of in scores],
    }
    return {name: fmean(values) for name, values in found.items()}
