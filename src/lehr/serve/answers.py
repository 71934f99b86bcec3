"""What is asked of the resolver, as steps of work."""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from ..decoding import link_logits, probability
from ..document import Cluster, Document, Mention, Span
from ..language import language
from ..naming import Naming
from ..resolver import WHOLE, Encoding, Options, Passage, Resolver
from .gate import Refused
from .reading import Question

KEPT = 100_000_000
"""Bytes of encodings that are kept, of texts of up to `WHOLE` words, so that more can be asked of them at once: a few
of the longest, a hundred of a page."""
LEAST = 0.01
"""The least probability that a row tells."""


class Answers:
    """Answers of a resolver, as iterators that do a part of the work at each step; several threads may use one."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver, self.language = resolver, language(resolver.config.language)
        self._kept: OrderedDict[Document, tuple[Encoding, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def encode(self, document: Document) -> Encoding:
        """The document of up to `WHOLE` words as the model sees it, its matrix filled; the last few are kept."""
        with self._lock:
            if document in self._kept:
                self._kept.move_to_end(document)
                return self._kept[document][0]
        encoding = self.resolver.encode(document)
        _ = encoding.is_whole_with(()) and encoding.matrix
        with self._lock:
            if document not in self._kept:
                self._kept[document] = encoding, encoding.nbytes
                self._bytes += encoding.nbytes
            while self._bytes > KEPT:
                _, (_, size) = self._kept.popitem(last=False)
                self._bytes -= size
        return encoding

    def passages(self, question: Question) -> Iterator[Passage]:
        """The passages of a document that was read: one if it is decided as a whole.

        If mentions are asked for, an entity comes with the passage in which it is known to be one of theirs.

        Raises:
            ValueError: if the options do not suit the model.
        """
        document, mentions, options = question.document, question.mentions, question.options
        if options.get("horizon") is None and len(document.words) <= WHOLE:
            whole = {name: value for name, value in options.items() if name != "horizon"}
            encoding = self.encode(document)
            resolver = self.resolver
            found = resolver.entities(encoding, mentions, **whole) if mentions else resolver(encoding, **whole)
            decided = sorted(((c.id, m) for c in found.clusters for m in c.mentions), key=lambda item: item[1].span)
            yield Passage(0, len(document.text), document.text, len(document.words), tuple(decided))
            return
        if mentions:
            options = options | {"singletons": True}
        stream = self.resolver.stream(document, given=mentions, **options)
        yield from _only_of(stream, mentions) if mentions else stream

    def row(self, question: Question) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The mention of a question, and the others of its row in the span position matrix, as `schema.Cell` has them.

        Raises:
            Refused: if the document is not decided as a whole.
        """
        if (words := len(question.document.words)) > WHOLE:
            raise Refused(
                413, f"the text has {words:,} words; a row is of up to {WHOLE:,}: send those around the mention"
            )
        (mention,) = question.mentions
        encoding = self.encode(question.document)
        matrix = encoding.matrix_with([mention.span])
        options = Options(self.resolver.config, **question.options)
        (query,) = matrix.positions([mention.span])
        logits = options.logits(matrix.mention_logits)
        links = probability(link_logits(self.resolver.config.scorer, logits, matrix.pair_logits)[query])
        scores = probability(logits)
        entity = self.resolver(encoding, mention=mention, **question.options).clusters[0]
        members = {member.span for member in entity.mentions}

        def cell(place: int) -> dict[str, Any]:
            span: Span = tuple(matrix.spans[place].tolist())
            found = question.document.mention(*span)
            return {
                "start": found.start,
                "end": found.end,
                "text": found.text,
                "score": round(float(scores[place]), 4) if matrix.has_cell[place] else None,
                "probability": 1.0 if place == query else round(float(links[place]), 4),
                "coreferent": span in members,
            }

        likely = (scores >= options.thresholds["mention_threshold"]) & (links >= LEAST)
        likely[query] = False
        return cell(query), [cell(place) for place in np.flatnonzero(likely).tolist()]


class Entities:
    """The entities of the passages told so far, for their names and for the document as a whole."""

    def __init__(self, document: Document, answers: Answers) -> None:
        self.document = document
        self.naming = Naming(document, answers.language)
        self.mentions: defaultdict[int, list[Mention]] = defaultdict(list)
        self._named: dict[int, int] = {}

    def add(self, passage: Passage) -> None:
        for number, mention in passage.mentions:
            self.mentions[number].append(mention)

    def name(self, number: int) -> str:
        mentions = self.mentions[number]
        return _clip(self.naming.text(self.naming.best(Cluster(number, tuple(mentions)))))

    def news(self, passage: Passage) -> dict[int, str]:
        """The names of entities in a passage that is told; those with many mentions have theirs, by and large."""
        names = {}
        for number in dict(passage.mentions):
            size = len(self.mentions[number])
            if size >= 1.2 * self._named.get(number, 0):
                names[number], self._named[number] = self.name(number), size
        return names

    def resolved(self) -> tuple[Document, list[str]]:
        """The document with its clusters, in the order of their first mentions, and their names."""
        numbers = sorted(self.mentions, key=lambda number: min(m.span for m in self.mentions[number]))
        clusters = [self.mentions[number] for number in numbers]
        return self.document.with_clusters(clusters), [self.name(number) for number in numbers]


def _only_of(passages: Iterable[Passage], asked: Iterable[Mention]) -> Iterator[Passage]:
    """The passages with the entities of the mentions asked for alone."""
    spans = {mention.span for mention in asked}
    known: set[int] = set()
    held: defaultdict[int, list[Mention]] = defaultdict(list)
    for passage in passages:
        for number, mention in passage.mentions:
            held[number].append(mention)
            if mention.span in spans:
                known.add(number)
        told = [(number, mention) for number in known for mention in held.pop(number, ())]
        yield replace(passage, mentions=tuple(sorted(told, key=lambda item: item[1].span)))


def quiet(error: Exception) -> str:
    """The sentence of an error, without line breaks, and not as long as what it quotes may be."""
    return _clip(re.sub(r"\s+", " ", str(error)), 500)


def _clip(name: str, length: int = 60) -> str:
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"
