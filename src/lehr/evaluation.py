"""How good and how fast a resolver is on documents whose clusters are known.

A resolver is any function from a document to the same document with clusters, so that models of any kind, and the
same model on gold words or on raw text, are measured alike. It never sees the gold clusters, and the gold mentions only
if its links alone are to be measured.

A link is an unordered pair of mentions of one cluster: all pairs, not neighbours only, as it is the pairs far apart
that tell whether an entity holds together over a long document. Its distance is the number of words from the first word
of the earlier mention to that of the later. A link is found where key and response both have it, with the exact spans;
recall alone would reward a response that merges everything, so precision stands beside it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path, PurePath
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from .document import Document, Span
from .formats import detect, read, read_source, text
from .formats.folders import ANNOTATED, files_in
from .formats.gap import GapExample, GapScore, gap_score, read_examples
from .scoring import Score, Scores, score_document

Resolve = Callable[[Document], Document]
"""Gives a document clusters and leaves its text and words as they are."""

LIMITS = (50, 200, 1000)
DISTANCES = ("same_sentence", *(f"up_to_{limit}" for limit in LIMITS), f"beyond_{LIMITS[-1]}")
"""The kinds of links, of which every link is one: the two mentions begin in the same sentence, or else are at most so
many words apart and more than those of the kind before, or are farther apart than all of them."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Report:
    """What a resolver made of documents, micro-averaged, and how long it took."""

    scores: Scores
    links: Mapping[str, Score]
    """Recall and precision of the links of each kind of `DISTANCES`; clusters of one mention have none."""
    documents: int
    words: int
    seconds: float
    """Time in the resolver alone; reading and scoring are not in it."""
    answers: Sequence[Document]
    """The documents as they were resolved."""

    @property
    def all_links(self) -> Score:
        return sum(self.links.values(), Score())

    @property
    def words_per_second(self) -> float:
        return _speed(self.words, self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """All of it, as fractions and counts, ready for JSON."""
        links = {**self.links, "all": self.all_links}
        return {
            "scores": self.scores.as_dict(),
            "links": {
                distance: {
                    "recall": score.recall,
                    "precision": score.precision,
                    "f1": score.f1,
                    "gold": int(score.key),
                    "response": int(score.response),
                    "found": int(score.recalled),
                }
                for distance, score in links.items()
            },
            "documents": self.documents,
            "words": self.words,
            "seconds": self.seconds,
            "words_per_second": self.words_per_second,
        }


@dataclass(frozen=True, slots=True)
class GapReport:
    """What a resolver made of GAP, and how long it took."""

    score: GapScore
    examples: int
    words: int
    seconds: float

    @property
    def words_per_second(self) -> float:
        return _speed(self.words, self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """All of it, as fractions and counts, ready for JSON."""
        return {
            "f1": self.score.overall / 100,
            "masculine_f1": self.score.masculine / 100,
            "feminine_f1": self.score.feminine / 100,
            "bias": self.score.bias,
            "examples": self.examples,
            "words": self.words,
            "seconds": self.seconds,
            "words_per_second": self.words_per_second,
        }


def evaluate(
    resolve: Resolve, documents: Iterable[Document], *, singletons: bool = True, gold_mentions: bool = False
) -> Report:
    """Resolve documents and compare with the clusters they have.

    Without `singletons`, clusters of one mention are removed from both sides before scoring. With `gold_mentions`, the
    documents that `resolve` gets have those that are scored, each in a cluster of its own, and else no clusters.

    Raises:
        ValueError: if there is no document, no cluster to compare with, or `resolve` gives back other words.
    """
    documents = list(documents)
    fewest = 1 if singletons else 2
    if not documents:
        raise ValueError("there are no documents to evaluate on")
    if not any(len(cluster) >= fewest for document in documents for cluster in document.clusters):
        kind = "clusters" if singletons else "clusters of more than one mention"
        raise ValueError(f"{_counted(len(documents), 'document')} without any gold {kind}: nothing can be scored")

    scores, links, seconds = Scores(singletons=singletons), dict.fromkeys(DISTANCES, Score()), 0.0
    answers = []
    for document in documents:
        alone = {span for cluster in document.spans if len(cluster) >= fewest for span in cluster if gold_mentions}
        answer, taken = _timed(resolve, document.with_clusters([span] for span in sorted(alone)))
        scores += score_document(in_order(document), in_order(answer), singletons=singletons)
        links = {distance: links[distance] + score for distance, score in link_scores(document, answer).items()}
        seconds += taken
        answers.append(answer)
    return Report(scores, links, len(documents), sum(len(document.words) for document in documents), seconds, answers)


def evaluate_gap(resolve: Resolve, examples: Sequence[GapExample]) -> GapReport:
    """Resolve the passages of GAP, which are raw text, and score what that says of their pronouns.

    Raises:
        ValueError: if there is no example or `resolve` gives back other words.
    """
    if not examples:
        raise ValueError("there are no GAP examples to evaluate on")
    answers, times = zip(*(_timed(resolve, example.document) for example in examples), strict=True)
    words = sum(len(example.document.words) for example in examples)
    return GapReport(gap_score(examples, answers), len(examples), words, sum(times))


def link_scores(key: Document, response: Document) -> dict[str, Score]:
    """Recall and precision of the links of each kind of `DISTANCES`, between documents of the same words.

    A mention that stands in several clusters of two or more belongs to the last of them in the key and to the first in
    the response, as in `scoring`. Time is O(M log M) for M mentions, and memory O(M), however large the clusters.
    """
    owner = {span: k for k, cluster in enumerate(_with_links(key)) for span in cluster}
    found: dict[Span, int] = {}
    answers = _with_links(response)
    for r, cluster in enumerate(answers):
        for span in cluster:
            found.setdefault(span, r)
    both = {span: k * len(answers) + found[span] for span, k in owner.items() if span in found}
    begins = np.repeat(*np.array([(first, end - first) for first, end in key.sentences], np.int64).reshape(-1, 2).T)
    counts = zip(*(_links(groups, begins) for groups in (both, owner, found)), strict=True)
    return {distance: Score.of(*of_distance) for distance, of_distance in zip(DISTANCES, counts, strict=True)}


def _links(groups: Mapping[Span, int], begins: Ints) -> list[int]:
    """The pairs within each group of spans, counted by distance; `begins` (n,) is where each word's sentence begins.

    Of the mentions of a group, those that are linked to a mention from some distance stand before it without a gap, so
    two ranks in the sorted mentions say how many they are.
    """
    n = len(begins)
    table = np.array(sorted((group, first) for (first, _), group in groups.items()), np.int64).reshape(-1, 2)
    start, origin = table[:, 1], table[:, 0] * n  # as if the groups were texts of n words, one after the other
    sentence = begins[start]
    edges = [sentence, *(np.minimum(sentence, start - limit) for limit in LIMITS), np.zeros_like(start)]
    before = [np.searchsorted(origin + start, origin + np.maximum(edge, 0)).sum() for edge in edges]
    ranks = [np.arange(len(table)).sum(), *before]
    return [int(nearer - farther) for nearer, farther in pairwise(ranks)]


def align(response: Document, key: Document) -> Document:
    """The key with the clusters of the response, which has the same text in other words.

    Mentions are mapped by their characters; one that ends inside a word of the key is moved outward to its edge. Those
    of a cluster that fall on the same words become one, those that hold no word of the key are left out, and nothing
    but the spans is kept of any.

    Raises:
        ValueError: if the texts differ.
    """
    if response.text != key.text:
        raise ValueError(f"document {response.id!r} does not have the text of document {key.id!r}")
    moved = (
        {key.words_at(mention.start, mention.end) for mention in cluster.mentions} for cluster in response.clusters
    )
    return key.with_clusters(spans for cluster in moved if (spans := [span for span in cluster if span is not None]))


def from_text(resolve: Resolve, language: str = "en") -> Resolve:
    """`resolve` as it does on raw text: it gets the text in lehr's own words and sentences, and no speakers.

    What it finds is aligned to the words that the document came with.
    """

    def resolve_text(document: Document) -> Document:
        (raw,) = text.read(document.text, name="", language=language)
        return align(resolve(replace(raw, id=document.id, part=document.part)), document)

    return resolve_text


@dataclass(frozen=True, slots=True)
class Data:
    """What there is to evaluate on: documents with gold clusters, and rows of GAP, which have none."""

    documents: Sequence[Document]
    examples: Sequence[GapExample]


def read_data(
    paths: Iterable[str | os.PathLike[str]], ids: str | os.PathLike[str] | None = None, language: str = "en"
) -> Data:
    """All documents and GAP examples of files, and of the CoNLL, CoNLL-U, JSONL and TSV files anywhere in folders.

    `ids` is a file of names, one a line, of what to keep: names of documents, of GAP examples or of files, these with
    any ending or none. What comes without words, or without text, is split or joined as in `language`.

    Raises:
        ValueError: if a path holds nothing to evaluate on, or `ids` no name or one that nothing has.
        FormatError: if a file is not in its format.
        OSError: if it cannot be read.
    """
    items: list[tuple[Path, Document | GapExample]] = []
    for path in map(Path, paths):
        found = [(file, item) for file in files_in(path, (*ANNOTATED, ".tsv")) for item in _read(file, language)]
        if not found:
            raise ValueError(
                f"{path} holds nothing to evaluate on: no document in CoNLL, CoNLL-U or JSONL, no GAP example"
            )
        items += found
    kept = [item for _, item in items] if ids is None else _select(items, ids)
    return Data(
        [item for item in kept if isinstance(item, Document)],
        [item for item in kept if isinstance(item, GapExample)],
    )


def _read(file: Path, language: str) -> Sequence[Document | GapExample]:
    """The documents or examples of a file; none of plain text, which has no clusters."""
    source = read_source(file)
    format = detect(file, source)
    if format == "gap":
        return read_examples(source, name=str(file))
    return read(source, format, name=str(file), language=language) if format != "text" else []


def _select(
    items: Sequence[tuple[Path, Document | GapExample]], ids: str | os.PathLike[str]
) -> list[Document | GapExample]:
    """The items that a file of names lists, in their own order."""
    named: defaultdict[str, list[int]] = defaultdict(list)
    for position, (file, item) in enumerate(items):
        for name in {item.id, file.name, file.stem}:
            named[name].append(position)
    listed = [line.strip() for line in read_source(ids).splitlines() if line.strip()]
    if not listed:
        raise ValueError(f"{os.fspath(ids)} lists no names")
    found = {name: named.get(name) or named.get(PurePath(name).stem, []) for name in listed}
    if missing := [name for name, positions in found.items() if not positions]:
        shown = ", ".join(missing[:3]) + f" and {len(missing) - 3} more" * (len(missing) > 3)
        raise ValueError(f"not in the data, of what {os.fspath(ids)} names: {shown}")
    kept = set(chain.from_iterable(found.values()))
    return [item for position, (_, item) in enumerate(items) if position in kept]


def _timed(resolve: Resolve, document: Document) -> tuple[Document, float]:
    """The answer of a resolver and the seconds it took."""
    start = perf_counter()
    answer = resolve(document)
    taken = perf_counter() - start
    if (answer.text, answer.words) != (document.text, document.words):
        raise ValueError(f"the resolver gave document {document.id!r} back with another text or other words")
    return answer, taken


def in_order(document: Document) -> list[list[Span]]:
    """The clusters as they begin in the text: the order in which the official scorer judges repeated mentions."""
    return sorted(document.spans, key=lambda cluster: cluster[:1])


def _with_links(document: Document) -> list[list[Span]]:
    return [cluster for cluster in in_order(document) if len(set(cluster)) > 1]


def _speed(words: int, seconds: float) -> float:
    return words / seconds if seconds else 0.0


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
