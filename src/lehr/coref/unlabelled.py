"""Text that nobody has annotated, cut into documents for a teacher to read."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..formats import detect, read, read_source
from ..formats.text import read as read_text
from .annotated import matching
from .data import Example


@dataclass(frozen=True)
class Unlabelled:
    """Documents without annotation.

    Args:
        scheme: the annotation scheme that a teacher's clusters are read under, where clusters are wanted of it.
        files: glob patterns of texts below the `data` folder; of other formats, GAP's for one, each document is taken
            as it is and what is annotated in it is not.
        words: how many words to take in all, all that there are if None. A larger number takes what a smaller one
            takes, and more.
        length: words of a document at least, counted by white space; it has whole paragraphs. A shorter text is one.
        without: files below the `data` folder that list documents to leave out. A text is left out whole if its name
            begins with the number that a listed one begins with, as LitBank's documents and novels do.
        seed: of the draw.
        language: the ISO 639 code of the language in which they are split into words.
        about: what they are and under which licence, for the model card.

    Raises:
        ValueError: if a number is not above 0.
    """

    scheme: str
    files: list[str]
    words: int | None = None
    length: int = 1000
    without: Sequence[str] = ()
    seed: int = 0
    language: str = "en"
    about: str = ""

    def __post_init__(self) -> None:
        if (self.words is not None and self.words < 1) or self.length < 1:
            raise ValueError(f"unlabelled: words and length are 1 or more; got {self.words} and {self.length}")

    def examples(self, root: Path, scheme: int) -> list[Example]:
        """Documents drawn at random from all texts, from one as many as from another as long as each has some.

        Args:
            root: the `data` folder.
            scheme: position of `scheme` among the model's.

        Raises:
            ValueError: if a pattern matches nothing, or the texts have fewer words.
        """
        texts = self._texts(root)
        parts = [self._parts(path) for path in texts]
        for path, own in zip(texts, parts, strict=True):
            random.Random(f"{self.seed} {path.name}").shuffle(own)
        drawn = [
            (path.stem, turn, own[turn])
            for turn in range(max(map(len, parts), default=0))
            for path, own in zip(texts, parts, strict=True)
            if turn < len(own)
        ]
        found: list[Example] = []
        words = 0
        for name, turn, text in drawn:
            if self.words is not None and words >= self.words:
                return found
            (document,) = read_text(text, name=f"{name}-{turn}", language=self.language)
            if document.words:
                found.append(Example(document, scheme, labelled=False))
                words += len(document.words)
        if self.words is not None and words < self.words:
            raise ValueError(f"unlabelled: {', '.join(self.files)} have {words:,} words, and {self.words:,} are wanted")
        return found

    def _parts(self, path: Path) -> list[str]:
        source = read_source(path)
        if (format := detect(path, source)) == "text":
            return list(_parts(source, self.length))
        return [document.text for document in read(source, format, name=str(path), language=self.language)]

    def _texts(self, root: Path) -> list[Path]:
        lists = [(root / file).read_text("utf-8").split() for file in self.without]
        left_out = {_number(Path(line).stem) for lines in lists for line in lines}
        matched = [path for pattern in self.files for path in matching(root, pattern)]
        found = [path for path in matched if _number(path.stem) not in left_out]
        if self.without and len(found) in (0, len(matched)):
            left = "nothing" if found else "everything"
            raise ValueError(
                f"unlabelled: `without` {', '.join(self.without)} leaves {left} out of {', '.join(self.files)}"
            )
        random.Random(self.seed).shuffle(found)
        return found


def _number(stem: str) -> str:
    """What tells a text: the number that its name begins with, or the name if there is none."""
    begins = re.match(r"\d+", stem)
    return begins[0] if begins else stem


def sources(documents: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The fields of each `Unlabelled` that a recipe's `documents` name: of one, of a list of them, or of none.

    Raises:
        ValueError: if they are something else.
    """
    given = documents.get("unlabelled") or []
    found = list(given) if isinstance(given, list) else [given]
    for one in found:
        if not isinstance(one, Mapping):
            raise ValueError(f"documents: unlabelled: keys and values belong here, and not {one!r}")
    return found


def _parts(text: str, length: int) -> Iterator[str]:
    """A text in parts of whole paragraphs that have `length` words or a few more; the rest at the end is dropped."""
    part: list[str] = []
    words, whole = 0, True
    for paragraph in re.split(r"\n\s*\n", text):
        part.append(paragraph)
        words += len(paragraph.split())
        if words >= length:
            yield "\n\n".join(part)
            part, words, whole = [], 0, False
    if whole and words:
        yield text
