"""A document: its text, words, sentences, speakers and coreference clusters.

Two conventions hold everywhere in lehr:

* characters are half-open: ``document.text[mention.start:mention.end] == mention.text``;
* words are inclusive: a span ``(first_word, last_word)`` holds both of its words, as in CoNLL-2012 brackets.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .detokenize import join_words

DEEPEST = 10
"""Mentions around a word of a document, on average, at most; annotations have less than one."""

Span = tuple[int, int]
"""``(first_word, last_word)``, both inclusive."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A run of words that refers to an entity.

    `start` and `end` are half-open characters of the document's text; `first_word` and `last_word` are inclusive
    word positions. A resolver also fills `score`, the probability that this is a mention at all, and, for all but the
    first mention of a cluster, `antecedent`, the position in the cluster of the earlier mention that is most
    probably coreferent, and `link`, the probability of that link.
    """

    start: int
    end: int
    text: str
    first_word: int
    last_word: int
    score: float | None = None
    antecedent: int | None = None
    link: float | None = None

    @property
    def span(self) -> Span:
        return self.first_word, self.last_word


@dataclass(frozen=True, slots=True)
class Cluster:
    """The mentions of one entity, in the order of the text."""

    id: int
    mentions: tuple[Mention, ...]

    def __len__(self) -> int:
        return len(self.mentions)


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its words as half-open character offsets and its sentences as half-open ranges of words.

    The sentences cover all words, in order, without gaps. `speakers`, where known, has one entry a word.

    Raises:
        ValueError: if words overlap or leave the text, if the sentences do not tile the words, or if `speakers`
            does not have one entry a word.
    """

    id: str
    text: str
    words: tuple[tuple[int, int], ...]
    sentences: tuple[tuple[int, int], ...]
    clusters: tuple[Cluster, ...] = ()
    speakers: tuple[str | None, ...] | None = None
    part: int = 0

    def __post_init__(self) -> None:
        previous = 0
        for start, end in self.words:
            if not previous <= start < end <= len(self.text):
                raise ValueError(
                    f"document {self.id!r}: word at characters {start}:{end} is empty, overlaps the one before it or "
                    f"leaves the text of {len(self.text)} characters"
                )
            previous = end
        following = 0
        for first, end in self.sentences:
            if first != following or end <= first:
                raise ValueError(
                    f"document {self.id!r}: sentence of words {first}:{end} does not follow word {following}"
                )
            following = end
        if following != len(self.words):
            raise ValueError(f"document {self.id!r}: sentences cover {following} of {len(self.words)} words")
        if self.speakers is not None and len(self.speakers) != len(self.words):
            raise ValueError(f"document {self.id!r}: {len(self.speakers)} speakers for {len(self.words)} words")

    @classmethod
    def from_sentences(
        cls,
        sentences: Iterable[Sequence[str]],
        *,
        id: str = "",
        clusters: Iterable[Iterable[Span]] = (),
        speakers: Sequence[str | None] | None = None,
        part: int = 0,
        language: str = "en",
    ) -> Document:
        """Make a document of words that came without their text; the text is joined by `detokenize.join_words`.

        Sentences without words are left out. `clusters` are of inclusive word spans, `speakers` has one entry a word,
        `language` is the ISO 639 code of theirs.

        Raises:
            ValueError: if a word is empty, a span is not in the document or the speakers do not fit the words.
        """
        kept = [list(sentence) for sentence in sentences if sentence]
        text, offsets = join_words(kept, language)
        ranges, first = [], 0
        for sentence in kept:
            ranges.append((first, first + len(sentence)))
            first += len(sentence)
        document = cls(id, text, tuple(offsets), tuple(ranges), (), None if speakers is None else tuple(speakers), part)
        return document.with_clusters(clusters)

    @property
    def tokens(self) -> list[str]:
        """The words as strings, sliced anew on every call."""
        return [self.text[start:end] for start, end in self.words]

    @property
    def spans(self) -> list[list[Span]]:
        """The clusters as lists of inclusive word spans, which is what the scorer reads."""
        return [[mention.span for mention in cluster.mentions] for cluster in self.clusters]

    def mention(
        self,
        first_word: int,
        last_word: int,
        *,
        score: float | None = None,
        antecedent: int | None = None,
        link: float | None = None,
    ) -> Mention:
        """The mention made of the words `first_word` to `last_word`, both inclusive.

        Raises:
            ValueError: if the words are not in the document.
        """
        if not 0 <= first_word <= last_word < len(self.words):
            raise ValueError(
                f"document {self.id!r} has {len(self.words)} words, so no mention of words {first_word} to {last_word}"
            )
        start, end = self.words[first_word][0], self.words[last_word][1]
        return Mention(start, end, self.text[start:end], first_word, last_word, score, antecedent, link)

    def with_clusters(self, clusters: Iterable[Iterable[Span | Mention]]) -> Document:
        """This document with other clusters; mentions are put in the order of the text, clusters keep theirs.

        A cluster without a mention is left out.

        Raises:
            ValueError: if a mention is not in the document, or they are nested so deep in a long text that all of them
                together are more than `DEEPEST` times as long as it: each has its own copy of what it is of.
        """
        built: list[Cluster] = []
        room = DEEPEST * (len(self.text) + 1_000_000)
        for members in clusters:
            mentions = []
            for member in members:
                mentions.append(member if isinstance(member, Mention) else self.mention(*member))
                room -= mentions[-1].end - mentions[-1].start
                if room < 0:
                    raise ValueError(f"document {self.id!r}: its mentions are more than {DEEPEST} times as long as it")
            if mentions:
                mentions.sort(key=lambda m: (m.first_word, m.last_word))
                built.append(Cluster(len(built), tuple(mentions)))
        return replace(self, clusters=tuple(built))

    def words_at(self, start: int, end: int) -> Span | None:
        """The smallest span of words that covers the half-open characters `start` to `end`; None if they hold no word.

        Offsets that fall inside a word are moved outward to its edges.
        """
        first = bisect_right(self.words, start, key=lambda word: word[1])
        last = bisect_left(self.words, end, key=lambda word: word[0]) - 1
        return (first, last) if first <= last else None
