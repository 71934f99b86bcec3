"""Answers for documents of any length, passage by passage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..document import Document, Mention
from .answer import Given, Options
from .blocks import Words, blocks, of_document
from .entities import Entities
from .model import Model

HORIZON = 1000
"""Words that are decided at once if nobody says."""

Told: TypeAlias = Callable[[int], object]
"""Is told how many more words are decided."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text whose mentions are decided, for good.

    `start` and `end` are half-open characters of the whole text: a passage begins where the one before has ended, and
    ends with a word. `text` is what stands there, `words` the number of words in it. `mentions` are pairs of the number
    of an entity and a mention, in the order of the text, each with its half-open characters and its words in the whole
    text. Entities are numbered from 0 on in the order in which they are met; numbers of entities that are not reported,
    as they would stand alone, are left out. A mention's `antecedent` counts the mentions of its entity from 0 on, those
    of earlier passages first.

    A mention that begins in a passage may end after it. One that was not to stand alone is in the passage where its
    entity has its second.
    """

    start: int
    end: int
    text: str
    words: int
    mentions: tuple[tuple[int, Mention], ...]


def passages(
    model: Model, parts: Iterable[Words], options: Options, given: Given, *, only_given: bool = False
) -> Iterator[Passage]:
    """Decide words that come in parts, block by block; `given` and `only_given` as in `answer.cluster`.

    Time is linear in the number of words, and memory does not grow with it.
    """
    entities = Entities(model, options, given, only_given=only_given)
    wide = max((last - first + 1 for first, last in given), default=0)
    ahead = max(model.config.max_width, wide) - 1
    for block in blocks(model, parts, options.horizon or HORIZON, ahead):
        words = block.words
        end = words.words[block.n - 1][1]
        text = words.text[: end - words.offset]
        yield Passage(words.offset, end, text, block.n, tuple(entities.decide(block)))


def cluster_in_blocks(
    model: Model,
    document: Document,
    options: Options,
    given: Given,
    *,
    only_given: bool,
    told: Told | None = None,
) -> Document:
    """As `answer.cluster`, for a document of any length; a given cluster is known from its first mention on."""
    entities: defaultdict[int, list[Mention]] = defaultdict(list)
    for passage in passages(model, of_document(document), options, given, only_given=only_given):
        for number, mention in passage.mentions:
            entities[number].append(mention)
        if told:
            told(passage.words)
    clusters = sorted(entities.values(), key=lambda found: found[0].span)
    return document.with_clusters(clusters)


def entities_in_blocks(
    model: Model, document: Document, options: Options, mentions: Iterable[Mention], *, told: Told | None = None
) -> Document:
    """The document with the clusters of some mentions, which need not be any in the model's eyes, from one reading."""
    given = {mention.span: (mention, -1) for mention in mentions}
    reported = replace(options, singletons=True)
    found = cluster_in_blocks(model, document, reported, given, only_given=False, told=told)
    return found.with_clusters(c.mentions for c in found.clusters if any(m.span in given for m in c.mentions))
