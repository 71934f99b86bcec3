"""The Transformers `Trainer`, with two learning rates and our own score on the development part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch.optim import AdamW
from transformers import Trainer, TrainingArguments

from ..windows import Windower
from .data import Collator, Example, Examples
from .network import LehrModel
from .prediction import predict_all, tune


class CorefTrainer(Trainer):
    """Trains a `LehrModel`; its evaluation is the CoNLL F1 of the development documents, thresholds tuned on them.

    Args:
        model: what to train.
        args: Transformers' own; its `learning_rate` is the encoder's.
        head_learning_rate: of everything that is not the encoder.
        train: examples to learn from.
        dev: examples that choose thresholds and the best checkpoint.
        collator: makes batches; its windows are the training's.
        windower: cuts the development documents.
    """

    def __init__(
        self,
        model: LehrModel,
        args: TrainingArguments,
        *,
        head_learning_rate: float,
        train: Sequence[Example],
        dev: Sequence[Example],
        collator: Collator,
        windower: Windower,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            model, args, data_collator=collator, train_dataset=Examples(train), eval_dataset=Examples(dev), **kwargs
        )
        self.head_learning_rate = head_learning_rate
        self.dev = list(dev)
        self.windower = windower
        self._losses: dict[str, list[float]] = defaultdict(list)

    @property
    def network(self) -> LehrModel:
        """The model, out of what Accelerate may have wrapped it in."""
        network: LehrModel = self.accelerator.unwrap_model(self.model)
        return network

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW in four groups: encoder and head, matrices (with weight decay) and vectors (without)."""
        if self.optimizer is None:
            groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = defaultdict(list)
            for name, parameter in self.network.named_parameters():
                groups[name.startswith("encoder."), parameter.ndim > 1].append(parameter)
            self.optimizer = AdamW(
                [
                    {
                        "params": parameters,
                        "lr": self.args.learning_rate if encoder else self.head_learning_rate,
                        "weight_decay": self.args.weight_decay if matrix else 0.0,
                    }
                    for (encoder, matrix), parameters in groups.items()
                ],
                betas=(self.args.adam_beta1, self.args.adam_beta2),
                eps=self.args.adam_epsilon,
                fused=True,
            )
        return self.optimizer

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        outputs = model(**inputs)
        self._losses["mention_loss"].append(float(outputs.mention_loss))
        self._losses["pair_loss"].append(float(outputs.pair_loss))
        return (outputs.loss, outputs) if return_outputs else outputs.loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            logs |= {name: round(sum(values) / len(values), 4) for name, values in self._losses.items() if values}
            self._losses.clear()
        super().log(logs, start_time)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """CoNLL F1 and its parts on the development documents, in per cent; sets the model's thresholds."""
        model = self.network
        examples = self.dev if eval_dataset is None else eval_dataset.examples
        predictions = list(predict_all(model, self.windower, examples, bf16=self.args.bf16))
        scores = tune(predictions, model.config)
        metrics = {
            "conll_f1": scores.conll,
            "mention_f1": scores.mentions.f1,
            "muc_f1": scores.muc.f1,
            "b_cubed_f1": scores.b_cubed.f1,
            "ceaf_e_f1": scores.ceaf_e.f1,
        }
        logs = {f"{metric_key_prefix}_{name}": round(100 * value, 2) for name, value in metrics.items()}
        logs[f"{metric_key_prefix}_mention_threshold"] = model.config.mention_threshold
        logs[f"{metric_key_prefix}_link_threshold"] = model.config.link_threshold
        self.log(logs)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, logs)
        return logs
