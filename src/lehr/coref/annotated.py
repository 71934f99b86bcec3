"""Annotated documents, as recipes name them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..formats import detect, read_known, read_source
from .data import Example


@dataclass(frozen=True)
class Annotated:
    """Documents of one annotation scheme.

    Args:
        scheme: its name; every scheme has a mention score of its own in the model.
        files: glob patterns below the recipe's `data` folder.
        ids: a file below `data` that lists the documents to take, by the stem of their file; all of them if absent.
        complete: whether all that the scheme calls a mention is annotated. If not, a model learns which of those that
            are belong together, and nothing about any other. GAP's passages, with three each, are never complete.
        about: what they are and under which licence, for the model card.
    """

    scheme: str
    files: list[str]
    ids: str | None = None
    complete: bool = True
    about: str = ""

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("`files` is a list of patterns, as [train/*.conll], and not empty")

    def examples(self, data: Path, scheme: int, language: str) -> list[Example]:
        """The documents that have words.

        Args:
            data: folder of the data sets.
            scheme: what stands for this scheme in the model, see `Example`.
            language: in which raw text is split.

        Raises:
            ValueError: if a pattern matches nothing, a listed document is not there, or a file is text alone.
        """
        found: list[Example] = []
        for path in self._files(data):
            source = read_source(path)
            if (format := detect(path, source)) == "text":
                raise ValueError(f"{path} has no annotation: narrow the pattern, or name it under `unlabelled`")
            documents = read_known(source, format, name=str(path), language=language)
            complete = self.complete and format != "gap"
            found += [Example(document, scheme, complete=complete) for document in documents if document.words]
        return found

    def _files(self, data: Path) -> list[Path]:
        files = [path for pattern in self.files for path in matching(data, pattern)]
        if self.ids is None:
            return files
        by_stem = {path.stem: path for path in files}
        stems = [Path(line).stem for line in (data / self.ids).read_text("utf-8").split()]
        absent = [stem for stem in stems if stem not in by_stem]
        if absent:
            raise ValueError(f"{data / self.ids} lists {absent[0]}, and no file of {self.files} has that name")
        return [by_stem[stem] for stem in stems]


def matching(data: Path, pattern: str) -> list[Path]:
    """The files below a folder of data sets that match a glob pattern, sorted.

    Raises:
        ValueError: if there are none, or the pattern is no path below the folder.
    """
    if Path(pattern).is_absolute():
        raise ValueError(f"{pattern}: patterns are below the recipe's `data`, {data}")
    if not (found := sorted(data.glob(pattern))):
        raise ValueError(f"no file matches {data / pattern}: patterns are below {data}, the recipe's `data`")
    return found
