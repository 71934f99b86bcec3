"""GAP: tab-separated rows of a passage, a pronoun in it and two names, either of which may be its antecedent.

Of each passage three mentions are annotated, and nothing is known of the others.

Webster et al. 2018, "Mind the GAP: A Balanced Corpus of Gendered Ambiguous Pronouns".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..document import Document, Span
from . import text
from .errors import FormatError

Characters = tuple[int, int]
"""``(start, end)``, half-open."""
Gender = Literal["masculine", "feminine"]

_COLUMNS = ("ID", "Text", "Pronoun", "Pronoun-offset", "A", "A-offset", "A-coref", "B", "B-offset", "B-coref", "URL")
_GENDERS: Mapping[str, Gender] = {
    **dict.fromkeys(("he", "him", "his"), "masculine"),
    **dict.fromkeys(("she", "her", "hers"), "feminine"),
}
_LABELS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class GapExample:
    """One row: a passage without clusters, three spans of its characters, and whether each name is the antecedent."""

    document: Document
    pronoun: Characters
    a: Characters
    b: Characters
    a_coref: bool
    b_coref: bool
    gender: Gender

    @property
    def id(self) -> str:
        return self.document.id


@dataclass(frozen=True, slots=True)
class GapScore:
    """F1 in per cent, over all examples and by the gender of the pronoun, and their ratio.

    `bias` is the feminine F1 over the masculine, None where either is 0.
    """

    overall: float
    masculine: float
    feminine: float

    @property
    def bias(self) -> float | None:
        return self.feminine / self.masculine if self.feminine and self.masculine else None


def is_header(line: str) -> bool:
    """Whether this is the first line of a GAP file."""
    return tuple(line.rstrip("\r\n").split("\t")[: len(_COLUMNS) - 1]) == _COLUMNS[:-1]


def read(source: str, *, name: str) -> list[Document]:
    """The passages alone, as documents named after the rows; raises as `read_examples` does."""
    return [example.document for example in read_examples(source, name=name)]


def read_known(source: str, *, name: str) -> list[Document]:
    """The same with the clusters that are known: the pronoun with its antecedent, and each name that is none alone."""
    return [_with_clusters(example) for example in read_examples(source, name=name)]


def _with_clusters(example: GapExample) -> Document:
    pronoun, a, b = (example.document.words_at(*span) for span in (example.pronoun, example.a, example.b))
    groups = ([pronoun, a if example.a_coref else None, b if example.b_coref else None], [a], [b])
    clusters: list[list[Span]] = []
    for group in groups:
        seen = {span for cluster in clusters for span in cluster}
        if new := [span for span in group if span and span not in seen]:
            clusters.append(new)
    clusters.sort(key=min)
    return example.document.with_clusters(clusters)


def read_examples(source: str, *, name: str) -> list[GapExample]:
    """The examples of a GAP file.

    Raises:
        FormatError: if there is no header, or a row has too few columns, an offset at which its name does not stand,
            a label other than TRUE and FALSE, or a pronoun other than he, him, his, she, her and hers.
    """
    header, *lines = source.split("\n")
    if not is_header(header):
        raise FormatError.at(name, 1, found=repr(header[:80]), expected="the header 'ID<tab>Text<tab>Pronoun…'")
    return [_example(line.rstrip("\r"), name, number) for number, line in enumerate(lines, 2) if line.strip()]


def _example(line: str, name: str, number: int) -> GapExample:
    columns = line.split("\t")
    if len(columns) < len(_COLUMNS) - 1:
        expected = f"at least {len(_COLUMNS) - 1}, separated by tabs"
        raise FormatError.at(name, number, found=f"{len(columns)} columns", expected=expected)
    row = dict(zip(_COLUMNS, columns, strict=False))
    passage = row["Text"]

    def characters(column: str) -> Characters:
        value, offset = row[column], row[f"{column}-offset"]
        start = int(offset) if offset.isdecimal() and len(offset) < 18 else len(passage)
        if not value or not passage.startswith(value, start):
            expected = f"the character at which {value!r} stands in the text"
            raise FormatError.at(name, number, found=f"{column}-offset {offset!r}", expected=expected)
        return start, start + len(value)

    def label(column: str) -> bool:
        value = row[column].strip().lower()
        if value not in _LABELS:
            raise FormatError.at(name, number, found=f"{column} {row[column]!r}", expected="TRUE or FALSE")
        return _LABELS[value]

    gender = _GENDERS.get(row["Pronoun"].lower())
    if gender is None:
        expected = f"one of {', '.join(_GENDERS)}"
        raise FormatError.at(name, number, found=f"the pronoun {row['Pronoun']!r}", expected=expected)
    (document,) = text.read(passage, name="")
    document = replace(document, id=row["ID"])
    spans = characters("Pronoun"), characters("A"), characters("B")
    return GapExample(document, *spans, label("A-coref"), label("B-coref"), gender)


def predict(example: GapExample, resolved: Document) -> tuple[bool, bool]:
    """Whether the clusters of a resolved passage link the pronoun to name A and to name B.

    The protocol is that of Joshi et al. 2019 ("BERT for Coreference Resolution", whose GAP numbers others report):
    a cluster must hold the pronoun as a mention of its own, and a mention that covers the name or lies within it, by
    words.

    Raises:
        ValueError: if the document is not that of the example.
    """
    if resolved.text != example.document.text:
        raise ValueError(f"document {resolved.id!r} does not have the text of GAP example {example.id!r}")
    pronoun = resolved.words_at(*example.pronoun)
    for cluster in resolved.spans:
        if pronoun in cluster:
            names = resolved.words_at(*example.a), resolved.words_at(*example.b)
            a, b = (any(_nested(mention, name) for mention in cluster) for name in names)
            return a, b
    return False, False


def _nested(mention: Span, name: Span | None) -> bool:
    """Whether one of two spans lies within the other."""
    if name is None:
        return False
    return (mention[0] <= name[0] and name[1] <= mention[1]) or (name[0] <= mention[0] and mention[1] <= name[1])


def gap_score(examples: Sequence[GapExample], documents: Iterable[Document]) -> GapScore:
    """Score resolved passages, in the order of the examples, as the official `gap_scorer.py` does.

    Every example gives two decisions, one a name; F1 is that of the decision that a name is the antecedent.

    Raises:
        ValueError: if there are not as many documents as examples, or one is not that of its example.
    """
    counts = {gender: [0, 0, 0] for gender in ("masculine", "feminine")}
    for example, document in zip(examples, documents, strict=True):
        for gold, predicted in zip((example.a_coref, example.b_coref), predict(example, document), strict=True):
            for place, count in enumerate((gold and predicted, gold, predicted)):
                counts[example.gender][place] += count
    masculine, feminine = counts["masculine"], counts["feminine"]
    overall = [sum(pair) for pair in zip(masculine, feminine, strict=True)]
    return GapScore(*(_f1(*count) for count in (overall, masculine, feminine)))


def _f1(correct: int, gold: int, predicted: int) -> float:
    """F1 in per cent; 0 where nothing is right."""
    return 200 * correct / (gold + predicted) if correct else 0.0
