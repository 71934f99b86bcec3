"""Recipes: what to train, on what, and how, in one YAML file whose keys are the fields of these dataclasses."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import TrainingArguments

from ..formats import read_file
from ..kd.recipe import fill, read_recipe, refuse_unknown
from ..shelf import encoder_path
from .configuration import LehrConfig
from .data import Example

MODEL_KEYS = [*inspect.signature(LehrConfig.__init__).parameters][1:-1]
TRAINING_KEYS = [field.name for field in dataclasses.fields(TrainingArguments)]
DECIDED_HERE = {"encoder", "schemes", "output_dir"}
"""Keys that a recipe's sections have no say in, as the rest of it, or the command line, has."""


@dataclass(frozen=True)
class Source:
    """Documents of one annotation scheme.

    Args:
        scheme: its name; every scheme has a mention score of its own in the model.
        files: glob patterns below the recipe's `data` folder.
        ids: a file below `data` that lists the documents to take, by the stem of their file; all of them if absent.
        about: what they are and under which licence, for the model card.
    """

    scheme: str
    files: list[str]
    ids: str | None = None
    about: str = ""


@dataclass(frozen=True)
class Recipe:
    """A training run.

    Args:
        encoder: folder or hub id of a pretrained encoder. A name that is no folder here is looked for in the folder
            that the environment variable LEHR_ENCODERS names, or ``~/.cache/lehr/encoders``, before the hub.
        data: folder that holds the data sets.
        train: what to learn from.
        dev: what chooses thresholds and the best epoch.
        test: what is scored once, at the end.
        model: fields of `LehrConfig`.
        training: fields of Transformers' `TrainingArguments`; `learning_rate` is the encoder's.
        head_learning_rate: of everything else.
        train_overlap: pieces that windows share while training, where `model.overlap` is for use.

    Raises:
        ValueError: if documents are scored of a scheme that none are learned from.
    """

    encoder: str
    train: list[Source]
    dev: list[Source]
    test: list[Source] = field(default_factory=list)
    data: str = "../shared/data"
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    head_learning_rate: float = 5e-4
    train_overlap: int = 0

    def __post_init__(self) -> None:
        if unknown := {source.scheme for source in [*self.dev, *self.test]} - set(self.schemes):
            raise ValueError(f"scheme {min(unknown)!r} is scored but never trained")

    @property
    def schemes(self) -> list[str]:
        """The schemes of all training sources, in their order."""
        return list(dict.fromkeys(source.scheme for source in self.train))

    def encoder_path(self) -> str:
        """The encoder's folder where it is on this machine, else its hub id."""
        return encoder_path(self.encoder)

    def examples(self, sources: Sequence[Source]) -> list[Example]:
        """The documents of `sources` that have words.

        Raises:
            ValueError: if a pattern matches nothing, or a listed document is not there.
        """
        return [
            Example(document, self.schemes.index(source.scheme))
            for source in sources
            for path in self._files(source)
            for document in read_file(path, language=self.model.get("language", "en"))
            if document.words
        ]

    def _files(self, source: Source) -> list[Path]:
        root = Path(self.data)
        files: list[Path] = []
        for pattern in source.files:
            files += matching(root, pattern)
        if source.ids is None:
            return files
        by_stem = {path.stem: path for path in files}
        stems = [Path(line).stem for line in (root / source.ids).read_text("utf-8").split()]
        absent = [stem for stem in stems if stem not in by_stem]
        if absent:
            raise ValueError(f"{root / source.ids} lists {absent[0]}, and no file of {source.files} has that name")
        return [by_stem[stem] for stem in stems]


def matching(root: Path, pattern: str) -> list[Path]:
    """The files below a folder of data sets that match a glob pattern, sorted.

    Raises:
        ValueError: if there are none, or the pattern is no path below the folder.
    """
    if Path(pattern).is_absolute():
        raise ValueError(f"{pattern}: patterns are below the recipe's `data`, {root}")
    if not (found := sorted(root.glob(pattern))):
        raise ValueError(f"no file matches {root / pattern}; set the recipe's `data` to the folder of the data sets")
    return found


def load_recipe(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe, after `settings` of the form ``key=value`` or ``section.key=value``, values in YAML.

    Raises:
        ValueError: if a key is unknown or missing, a setting has no ``=``, or something is no YAML.
    """
    fields = read_recipe(path, settings)
    try:
        for part in {"train", "dev", "test"} & fields.keys():
            fields[part] = [fill(Source, source, part) for source in fields[part]]
        recipe = fill(Recipe, fields, "recipe")
        if not recipe.train or not recipe.dev:
            raise ValueError("`train` and `dev` name one source of documents or more")
        refuse_unknown(recipe.model, [key for key in MODEL_KEYS if key not in DECIDED_HERE], "model")
        refuse_unknown(recipe.training, [key for key in TRAINING_KEYS if key not in DECIDED_HERE], "training")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return recipe
