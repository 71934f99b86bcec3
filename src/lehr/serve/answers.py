"""What is asked of the resolver, as steps of work."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..decoding import link_logits, probability
from ..document import Cluster, Document, Mention, Span
from ..formats import READERS, detect
from ..formats import text as raw_text
from ..naming import Naming, language
from ..resolver import Encoding, Passage, Resolver
from ..resolver.answer import Options
from ..resolver.blocks import of_document
from ..resolver.passages import passages
from ..resolver.source import find_mention
from .gate import Refused
from .limits import WHOLE, Limits

KEPT = 8
"""Texts of up to `WHOLE` words whose encodings are kept, so that more can be asked of them at once."""
LEAST = 0.01
"""The least probability that a row tells."""
_PIECE = 2**16
"""Characters that are split into words in one step."""


@dataclass(slots=True)
class Question:
    """A document and how to answer for it.

    `document` is there once `read` is through, its words given as they are if it came `in_words`; `mentions` are those
    whose entities alone are asked for.
    """

    source: str | Sequence[Any]
    options: dict[str, Any]
    asked: Sequence[Any] = ()
    input_format: str = "text"
    document: Document = field(default_factory=lambda: Document("", "", (), ()))
    in_words: bool = False
    mentions: list[Mention] = field(default_factory=list)


class Answers:
    """Answers of a resolver, as iterators that do a part of the work at each step; several threads may use one."""

    def __init__(self, resolver: Resolver, limits: Limits, code: str = "en") -> None:
        self.resolver, self.limits, self.language = resolver, limits, language(code)
        self._encode = lru_cache(KEPT)(resolver.encode)

    def encode(self, document: Document) -> Encoding:
        """The document of up to `WHOLE` words as the model sees it; the last few are kept."""
        return self._encode(document)

    def read(self, question: Question) -> Iterator[bool]:
        """Fill in the document of a question and its mentions.

        Raises:
            ValueError: if it is not in its format, or a mention is not in it.
            Refused: if it has too many words.
        """
        source = question.source
        if not isinstance(source, str):
            sentences = [source] if all(isinstance(word, str) for word in source) else source
            self._check_words(sum(map(len, sentences)))
            question.document, question.in_words = Document.from_sentences(sentences, id="words"), True
            if sentences and sentences[0] is source:
                found = raw_text.split_sentences(question.document.text, question.document.words)
                question.document = replace(question.document, sentences=tuple(found))
        else:
            format = detect("", source) if question.input_format == "auto" else question.input_format
            if format in ("conll", "jsonl"):
                question.document, question.in_words = _only(READERS[format](source, name="the text"))
            else:
                yield from self._read_text(question, source)
        self._check_words(len(question.document.words))
        question.mentions = [
            find_mention(question.document, tuple(m) if isinstance(m, list) else m, in_words=question.in_words)
            for m in question.asked
        ]
        yield True

    def passages(self, question: Question) -> Iterator[Passage]:
        """The passages of a document that was read: one if it is decided as a whole.

        Raises:
            ValueError: if the options do not suit the model.
        """
        document, mentions, options = question.document, question.mentions, question.options
        if options.get("horizon") is None and len(document.words) <= WHOLE:
            whole = {name: value for name, value in options.items() if name != "horizon"}
            encoding = self.encode(document)
            if mentions:
                rows = (self.resolver(encoding, mention=mention, **whole).clusters[0].mentions for mention in mentions)
                clusters = document.with_clusters(dict.fromkeys(rows)).clusters
            else:
                clusters = self.resolver(encoding, **whole).clusters
            decided = sorted(((c.id, m) for c in clusters for m in c.mentions), key=lambda item: item[1].span)
            yield Passage(0, len(document.text), document.text, len(document.words), tuple(decided))
            return
        if mentions:
            options = options | {"singletons": True}
        given = {mention.span: (mention, -1) for mention in mentions}
        # Resolver.stream takes texts alone, whose words it would find anew.
        yield from passages(
            self.resolver._model, of_document(document), Options(self.resolver.config, **options), given
        )

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

    def _read_text(self, question: Question, source: str) -> Iterator[bool]:
        """Split a text into words and sentences, some pages at a step."""
        words: list[tuple[int, int]] = []
        sentences: list[tuple[int, int]] = []
        offset = 0
        pieces = (source[at : at + _PIECE] for at in range(0, len(source), _PIECE))
        for text, part, ranges in raw_text.stream(pieces):
            sentences += [(first + len(words), end + len(words)) for first, end in ranges]
            words += [(start + offset, end + offset) for start, end in part]
            offset += len(text)
            self._check_words(len(words))
            yield False
        question.document = Document("text", source, tuple(words), tuple(sentences))

    def _check_words(self, words: int) -> None:
        if words > self.limits.words:
            raise Refused(413, f"the document has more than {self.limits.words:,} words: send it in parts")


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


def _clip(name: str, length: int = 60) -> str:
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def _only(documents: list[Document]) -> tuple[Document, bool]:
    """The one document of a file, without its clusters.

    Raises:
        ValueError: if there is another number of them.
    """
    if len(documents) != 1:
        names = ", ".join(repr(document.id) for document in documents[:3]) + (", …" if len(documents) > 3 else "")
        raise ValueError(f"the text holds {len(documents)} documents ({names}): send one at a time")
    return replace(documents[0], clusters=()), True


def quiet(error: Exception) -> str:
    """The sentence of an error, without line breaks."""
    return re.sub(r"\s+", " ", str(error))
