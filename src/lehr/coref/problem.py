"""Coreference as recipes and experiments see it: resolvers distilled by the same stages as classifiers are."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedTokenizerBase

from ..decoding import select_candidates, sentence_last
from ..files import read_object, write_text
from ..kd.data import Inputs, TaughtDataset
from ..kd.distillation import Run
from ..kd.objectives import OBJECTIVES, objective
from ..kd.recipe import check_fields, fill
from ..kd.stages import Stage
from ..kd.teacher import Logits, keep_logits
from ..kd.trainer import machine
from ..kinds import kinds_of_spans
from ..windows import Windower
from .annotated import Annotated
from .configuration import DECISIONS, LehrConfig
from .data import Bundles, Collator, Example, Examples, windower
from .described import KEYS, config_of, fields_of, resolver, tokenizer_of
from .leaks import refuse_shared
from .network import Ensemble, LehrModel, Matrix, refuse_other_cells
from .prediction import Prediction, clusters, evaluate, predict_all, tune
from .trainer import HEAD_RATE, CorefLearner, CorefTrainer, by_name
from .unlabelled import Unlabelled, sources

DEFAULTS: dict[str, Any] = {
    "learning_rate": 1e-4,
    "per_device_train_batch_size": 1,
    "warmup_steps": 0.1,
    "weight_decay": 0.01,
}
"""What a recipe's `training` need not say, over `lehr.kd.distillation.DEFAULTS`."""

LEARNED_HERE = ("hard-labels", "pseudo-labels", "annealed-regression", "kd")
"""The objectives that are carried over to matrices."""


@dataclass(frozen=True)
class CorefInputs(Inputs):
    """Documents as one resolver sees them.

    Args:
        windower: cuts them as the resolver is used; the collator's windows, those of training, may overlap less.
        tokenizer: the resolver's.
    """

    windower: Windower = None  # type: ignore[assignment]
    tokenizer: PreTrainedTokenizerBase = None  # type: ignore[assignment]


class CorefProblem:
    """Documents to resolve.

    A model is described by `from`, a folder or hub id of an encoder or of a resolver; `layers`, those of the encoder
    to keep; for a fresh resolver the fields of `LehrConfig` and `head`, the folder of the resolver, its teacher as a
    rule, with whose head it begins; or by `members` alone, folders of resolvers that teach together.

    Args:
        documents: `train`, `dev` and `test`, each a list of `lehr.coref.annotated.Annotated`, and `unlabelled`, one or
            a list of `lehr.coref.unlabelled.Unlabelled`, which stages with a teacher read too. Those of `dev` choose
            the epoch, and are what calibration and thresholds are fitted to; those of `test` are scored once, at the
            end. Both may be missing, and no document may be in two parts. The first scheme of `train` is the one whose
            score is the run's.
        data: folder that holds the data sets.
        language: in which raw text is split, as the student's `language`.

    Raises:
        ValueError: if something is unknown, or not there.
    """

    metric = "conll_f1"

    def __init__(self, documents: Mapping[str, Any], data: str = "../shared/data", language: str = "en") -> None:
        parts = dict.fromkeys(("train", "dev", "test"), list[Mapping[str, Any]] | None)
        check_fields(documents, {**parts, "unlabelled": Any}, "documents")
        self.data, self.language = Path(data), language
        self.annotated = {
            part: [fill(Annotated, given, f"documents: {part}") for given in documents.get(part) or []]
            for part in parts
        }
        self.schemes = list(dict.fromkeys(source.scheme for source in self.annotated["train"]))
        if not self.schemes:
            raise ValueError("documents: there is no `train`")
        if unknown := {s.scheme for part in ("dev", "test") for s in self.annotated[part]} - set(self.schemes):
            raise ValueError(f"documents: scheme {min(unknown)!r} is scored but never trained")
        self.test_examples = self._examples("test")  # before hours of training: it is asked for after them
        if self.test_examples and not any(example.scheme == 0 for example in self.test_examples):
            raise ValueError(f"documents: `test` has no document of {self.schemes[0]!r}, whose score is the run's")
        self.unlabelled: list[Example] = []
        for given in sources(documents):
            drawn = fill(Unlabelled, {"language": language, **given}, "documents: unlabelled")
            if drawn.scheme not in self.schemes:
                raise ValueError(f"documents: unlabelled: scheme {drawn.scheme!r} is never trained")
            self.unlabelled += drawn.examples(self.data, self.schemes.index(drawn.scheme))

    @cached_property
    def train(self) -> list[Example]:
        """Annotated documents, then those that are not."""
        annotated = self._examples("train")
        refuse_shared({"train": annotated, "dev": self.dev, "test": self.test_examples}, self.unlabelled)
        return annotated + self.unlabelled

    @cached_property
    def dev(self) -> list[Example]:
        return self._examples("dev")

    def _examples(self, part: str) -> list[Example]:
        found = [
            example
            for source in self.annotated[part]
            for example in source.examples(self.data, self.schemes.index(source.scheme), self.language)
        ]
        if self.annotated[part] and not found:
            raise ValueError(f"documents: `{part}` has no document with words")
        if part != "train" and (known := [one.document.id for one in found if not one.complete]):
            raise ValueError(
                f"documents: {known[0]!r} in `{part}` is not annotated completely, so that it can be learned from, but "
                "chooses and scores nothing: take it out, and let `lehr eval` score GAP"
            )
        return found

    def model(self, spec: Mapping[str, Any]) -> nn.Module:
        """A resolver, or an `Ensemble` of some."""
        check_fields(spec, KEYS, "model")
        if "members" in spec:
            if len(spec) > 1 or not spec["members"]:
                raise ValueError("model: `members` are the folders of one resolver or more, and go with no other key")
            pieces = [tokenizer_of(member).get_vocab() for member in spec["members"]]
            if any(other != pieces[0] for other in pieces):
                raise ValueError("model: `members` read text in different word pieces, so they cannot teach together")
            return Ensemble([resolver({"from": member}, self.schemes) for member in spec["members"]])
        if "from" not in spec:
            raise ValueError("model: give `from`, the folder or hub id of an encoder or a resolver")
        return resolver(spec, self.schemes)

    def has_learned(self, spec: Mapping[str, Any]) -> bool:
        """Whether it is a resolver, or several, and no bare encoder."""
        sources = spec.get("members") or [spec["from"]]
        return all(isinstance(config_of(source), LehrConfig) for source in sources)

    def inputs(self, spec: Mapping[str, Any]) -> CorefInputs:
        """The documents in the pieces of the model's own tokenizer."""
        source = spec["members"][0] if "members" in spec else spec["from"]
        config = config_of(source)
        tokenizer = tokenizer_of(source)
        if not isinstance(config, LehrConfig):
            config = LehrConfig(config, schemes=self.schemes, **fields_of(spec))
        if config.scorer != "one-pass" and not all(example.complete for example in self.train):
            raise ValueError(
                "documents: from what is not annotated completely, as GAP, only `scorer: one-pass` learns, which "
                "decides about each cell by itself"
            )
        collator = Collator(windower(tokenizer, config, overlap=0), config.max_width)
        return CorefInputs(
            Examples(self.train),
            collator,
            Examples(self.dev) if self.dev else None,
            windower(tokenizer, config),
            tokenizer,
        )

    def compute_metrics(self, prediction: Any) -> dict[str, float]:
        """Not asked: `CorefTrainer` measures whole documents."""
        raise NotImplementedError

    def test(self, model: nn.Module, spec: Mapping[str, Any]) -> dict[str, float]:
        """CoNLL F1 and its parts on the test documents, of the first scheme and, by their names, of the others.

        Singletons count where the documents have some; then those without them are given as well. The thresholds are
        those that the model's configuration has.
        """
        assert isinstance(model, LehrModel)
        return self.scored(list(predict_all(model, self.inputs(spec).windower, self.test_examples)), model.config)

    def scored(self, predictions: Sequence[Prediction], config: LehrConfig) -> dict[str, float]:
        """Scores of the test documents, as `test` gives them."""
        found: dict[str, float] = {}
        for number, scheme in enumerate(self.schemes):
            if own := [p for p in predictions if p.example.scheme == number]:
                alone = any(len(cluster) == 1 for p in own for cluster in p.example.document.clusters)
                for singletons, ending in [(True, ""), (False, "_without_singletons")] if alone else [(False, "")]:
                    scores = by_name(evaluate(own, config, singletons=singletons))
                    found |= {(f"{scheme}_" if number else "") + name + ending: f1 for name, f1 in scores.items()}
        return found

    def save(self, model: nn.Module, spec: Mapping[str, Any], folder: Path) -> None:
        """As Transformers does, with the tokenizer."""
        model.save_pretrained(folder)  # type: ignore[operator]
        self.inputs(spec).tokenizer.save_pretrained(folder)


@dataclass
class CorefRun(Run):
    """A recipe carried out on documents; the fields are those of `Run`.

    Args:
        head_rate: how many times the encoder's learning rate that of everything else is.

    Stages with a teacher read all documents, the others those that are annotated. In a stage of `pseudo-labels`, the
    documents that are not have the clusters that the teacher finds in them.

    Raises:
        ValueError: on construction, if the fields do not fit together, or an objective is not carried over to matrices.
    """

    head_rate: float = HEAD_RATE

    def __post_init__(self) -> None:
        self.training = DEFAULTS | self.training
        super().__post_init__()

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "head_rate": self.head_rate}

    def _check_stages(self) -> None:
        for number, stage in enumerate(self.stages):
            if isinstance(self.models[stage.student], Ensemble):
                raise ValueError(f"{stage.title()}: several `members` can teach, but they are no student")
            if stage.name not in LEARNED_HERE or stage.settings.get("standardise"):
                raise ValueError(f"{stage.title()}: resolvers learn by {', '.join(LEARNED_HERE)}, and not standardised")
            for key in ("optim", "optim_args", "optim_target_modules"):
                if key in {**self.training, **stage.training}:
                    raise ValueError(f"{stage.title()}: resolvers are trained by AdamW; leave out `{key}`")
            if self.online:
                raise ValueError(f"{stage.title()}: resolvers learn from kept logits, not from a teacher online")
            if (stage.name == "hard-labels") == bool(stage.teachers):
                raise ValueError(f"{stage.title()}: only hard-labels does without a teacher")
            if len(stage.teachers) > 1:
                raise ValueError(f"{stage.title()}: several resolvers teach together as one model of several `members`")
            if stage.teachers and self._arguments(number).per_device_train_batch_size > 1:
                raise ValueError(
                    f"{stage.title()}: with a teacher, a batch is one document: set per_device_train_batch_size to 1 "
                    "and gradient_accumulation_steps to what it was"
                )
            for name in stage.teachers:
                refuse_other_cells(_cells(self.models[stage.student]), _cells(self.models[name]))

    def _carry_out(self, number: int) -> dict[str, Any]:
        report = super()._carry_out(number)
        student, inputs = self.stages[number].student, self._inputs(number)
        if inputs.eval is None:
            return report
        # The weights that go on may be those of another epoch than the last. What is decided of them is kept, as on
        # another device it would be another by a hair, and so be another teacher's for the stages after this.
        model, path = self.models[student], self._folder(number) / "decided.json"
        assert isinstance(model, LehrModel)
        if not path.exists():
            scores = by_name(*tune(list(predict_all(model, inputs.windower, inputs.eval)), model.config))
            decided = {"config": {name: getattr(model.config, name) for name in DECISIONS}, "scores": scores}
            if PartialState().is_main_process:
                write_text(path, json.dumps(decided) + "\n")
        PartialState().wait_for_everyone()
        decided = read_object(path)
        for name, value in decided["config"].items():
            setattr(model.config, name, value)
        return report | {"chosen": decided["scores"][self.metric], "scores": decided["scores"]}

    def _inputs(self, number: int) -> CorefInputs:
        inputs = self.inputs[self.stages[number].student]
        assert isinstance(inputs, CorefInputs)
        return inputs

    def _lessons(self, number: int) -> tuple[TaughtDataset, list[str]]:
        stage, inputs = self.stages[number], self._inputs(number)
        before = self._before(number)
        epochs = before + stage.epochs  # each of which is a view; the teacher, who sees whole documents, has but one
        if not stage.teachers:
            annotated = Bundles(Examples([example for example in inputs.train if example.labelled]))
            inputs = dataclasses.replace(inputs, train=annotated)
            return TaughtDataset(inputs, views=epochs, first_epoch=before), []
        kept = self._kept(stage.teachers[0], 0)
        if stage.name == "pseudo-labels":
            config = _cells(self.models[stage.teachers[0]])
            found = Bundles(Examples([_as_found(e, kept[i], config) for i, e in enumerate(inputs.train)]))
            inputs = dataclasses.replace(inputs, train=found)
            return TaughtDataset(inputs, views=epochs, first_epoch=before), []
        return TaughtDataset(inputs, views=epochs, logits=[[kept]] * epochs, first_epoch=before), []

    def _kept(self, name: str, view: int) -> Logits:
        inputs, config = self.inputs[name], _cells(self.models[name])
        assert isinstance(inputs, CorefInputs)
        return keep_logits(
            self.models[name],
            inputs.train,
            Collator(inputs.windower, config.max_width, config.language, to_learn=False),
            cache=self.cache,
            batch_size=1,
            bf16=machine(self.training)["bf16"],
            title=f"logits of {name}",
            part=32,
        )

    def _trainer(self, number: int, dataset: TaughtDataset, online: list[str]) -> CorefTrainer:
        stage = self.stages[number]
        soft, hard_weight = _parts(stage)
        return CorefTrainer(
            CorefLearner(self.models[stage.student]),
            self._arguments(number),
            head_rate=self.head_rate,
            stage=stage,
            train_dataset=dataset,
            windower=self._inputs(number).windower,
            soft=soft,
            hard_weight=hard_weight,
            title=f"stage {number + 1} of {len(self.stages)}: {stage.title()}",
        )


def _parts(stage: Stage) -> tuple[Any, float]:
    """What a stage learns from the teacher's logits, if anything, and the weight of the gold clusters beside it."""
    if stage.name in ("hard-labels", "pseudo-labels"):
        return None, 1.0
    settings = stage.settings
    default = inspect.signature(OBJECTIVES[stage.name]).parameters.get("hard_weight")
    if default is None:
        return objective(stage.name, **settings), 0.0
    weight = settings.get("hard_weight", default.default)
    return objective(stage.name, **settings | {"hard_weight": 0.0}), float(weight)


def _as_found(example: Example, kept: NDArray[np.float32], config: LehrConfig) -> Example:
    """The example or, if nobody annotated it, with the clusters that a teacher's logits (L,) make."""
    if example.labelled:
        return example
    calibrated = copy.copy(config)
    # Kept logits are calibrated already.
    calibrated.link_scale, calibrated.link_shift, calibrated.kind_shift = 1.0, 0.0, []
    found = example.document.with_clusters(clusters(matrix_of(kept, example, config), calibrated, example.scheme))
    return dataclasses.replace(example, document=found, labelled=True)


def matrix_of(logits: NDArray[np.float32], example: Example, config: LehrConfig) -> Matrix:
    """What a teacher's logits (L,) for a document say, as the matrices that clusters are decided from."""
    document = example.document
    cells = len(config.schemes) * len(document.words) * config.max_width
    mentions = logits[:cells].reshape(len(config.schemes), len(document.words), config.max_width)
    spans = select_candidates(mentions, sentence_last(document.sentences), config.candidate_ratio)
    pairs = np.zeros((len(spans), len(spans)), np.float32)
    pairs[np.triu_indices(len(spans), 1)] = logits[cells:]
    own = kinds_of_spans(document.tokens, spans, config.language)
    return Matrix(spans, mentions[:, spans[:, 0], spans[:, 1] - spans[:, 0]], pairs + pairs.T, own)


def _cells(model: nn.Module) -> LehrConfig:
    config: Any = model.config
    assert isinstance(config, LehrConfig)
    return config
