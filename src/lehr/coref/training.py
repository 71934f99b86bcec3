"""From a recipe to a trained model and a line in `results/`."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from accelerate import PartialState  # type: ignore[import-untyped]
from transformers import AutoTokenizer, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from ..files import write_text
from ..kd.distillation import last_checkpoint
from ..kd.trainer import machine
from ..versions import versions
from .configuration import LehrConfig
from .data import Collator, fingerprint, windower
from .network import LehrModel
from .prediction import Prediction, evaluate, predict_all, tune
from .recipe import Recipe
from .trainer import CorefTrainer

DEFAULTS: dict[str, Any] = {
    "num_train_epochs": 12,
    "learning_rate": 1e-4,
    "per_device_train_batch_size": 1,
    "warmup_steps": 0.1,
    "weight_decay": 0.01,
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "save_total_limit": 2,
    "load_best_model_at_end": True,
    "metric_for_best_model": "conll_f1",
    "greater_is_better": True,
    "logging_steps": 20,
    "remove_unused_columns": False,
    "report_to": ["tensorboard"],
}
"""What a recipe's `training` need not say."""


def train(recipe: Recipe, output: Path, *, resume: bool = False) -> dict[str, Any]:
    """Train as `recipe` says; the best model by development CoNLL F1 is left in ``output/model``.

    Args:
        recipe: what to train.
        output: folder for checkpoints, logs and the model.
        resume: go on from the last checkpoint there, bit for bit where one CPU process trains and checkpoints are
            written between epochs, as they are by default; amid one, other windows would be drawn for the next batch.

    Returns:
        what ran, on what, for how long, and the scores of the development and test parts; the same in each of several
        processes, of which the main one alone writes files.

    Raises:
        ValueError: if there is nothing to resume from, or something would be overwritten.
    """
    PartialState(cpu=machine(recipe.training)["use_cpu"])
    checkpoint = None
    if output.is_dir():
        checkpoint = last_checkpoint(output) if resume else get_last_checkpoint(str(output))
    if resume and checkpoint is None:
        raise ValueError(f"{output} holds no checkpoint to resume from")
    if checkpoint is not None and not resume:
        raise ValueError(f"{output} holds a checkpoint already; resume it with --resume or choose another --output")
    if checkpoint is None and (output / "model").exists():
        raise ValueError(f"{output} holds a model already; choose another --output")
    arguments = TrainingArguments(str(output), **{**machine(recipe.training), **DEFAULTS, **recipe.training})
    set_seed(arguments.seed)
    encoder = recipe.encoder_path()
    tokenizer = AutoTokenizer.from_pretrained(encoder, add_prefix_space=True)
    model = LehrModel.from_encoder(encoder, schemes=recipe.schemes, **recipe.model)
    train_set, dev, test = (recipe.examples(sources) for sources in (recipe.train, recipe.dev, recipe.test))
    config = model.config
    windows = windower(tokenizer, config)
    trainer = CorefTrainer(
        model,
        arguments,
        head_learning_rate=recipe.head_learning_rate,
        train=train_set,
        dev=dev,
        collator=Collator(windower(tokenizer, config, recipe.train_overlap), config.max_width),
        windower=windows,
    )
    began = time.monotonic()
    trainer.train(resume_from_checkpoint=checkpoint)
    minutes = (time.monotonic() - began) / 60

    model.eval()
    dev_scores, test_scores = (
        {
            scheme: list(predict_all(model, windows, [e for e in part if recipe.schemes[e.scheme] == scheme]))
            for scheme in recipe.schemes
        }
        for part in (dev, test)
    )
    chosen = tune([p for predictions in dev_scores.values() for p in predictions], config)
    if trainer.is_world_process_zero():
        model.save_pretrained(output / "model")
        tokenizer.save_pretrained(output / "model")
    trainer.accelerator.wait_for_everyone()
    return {
        "recipe": dataclasses.asdict(recipe),
        "seed": arguments.seed,
        "data": {"train": fingerprint(train_set), "dev": fingerprint(dev), "test": fingerprint(test)},
        "documents": {"train": len(train_set), "dev": len(dev), "test": len(test)},
        "epochs": trainer.state.epoch,
        "minutes_of_training": round(minutes, 1),
        "resumed": resume,
        "bf16": arguments.bf16,
        "thresholds": {"mention": config.mention_threshold, "link": config.link_threshold},
        "dev_conll": chosen.conll,
        "dev": _scores(dev_scores, config),
        "test": _scores(test_scores, config),
        "dev_by_epoch": [
            {key.removeprefix("eval_"): value for key, value in entry.items()}
            for entry in trainer.state.log_history
            if "eval_conll_f1" in entry
        ],
        "versions": versions(),
    }


def _scores(predictions: dict[str, list[Prediction]], config: LehrConfig) -> dict[str, Any]:
    """Scores by scheme, with and without singletons."""
    return {
        scheme: {
            "with_singletons": evaluate(found, config).as_dict(),
            "without_singletons": evaluate(found, config, singletons=False).as_dict(),
        }
        for scheme, found in predictions.items()
        if found
    }


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a run's result as JSON."""
    write_text(path, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
