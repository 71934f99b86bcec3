"""Mentions as brackets around words, which both CoNLL formats write."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from ..document import Document, Span


@dataclass(frozen=True, slots=True)
class Brackets:
    """The clusters of the mentions that end at a word, begin at it, and are nothing but it, as they nest."""

    closing: list[int] = field(default_factory=list)
    opening: list[int] = field(default_factory=list)
    single: list[int] = field(default_factory=list)


def brackets(document: Document, format: str) -> dict[int, Brackets]:
    """What stands at each word that needs brackets: the inner mentions close first and open last.

    Raises:
        ValueError: if two mentions of one cluster cross, as the brackets cannot say which of them closes where; the
            message names the `format`.
    """
    closing: defaultdict[int, list[Span]] = defaultdict(list)
    opening: defaultdict[int, list[Span]] = defaultdict(list)
    single: defaultdict[int, list[int]] = defaultdict(list)
    for cluster in document.clusters:
        enclosing: list[Span] = []
        for first, last in sorted((mention.span for mention in cluster.mentions), key=lambda span: (span[0], -span[1])):
            while enclosing and enclosing[-1][1] <= first:
                enclosing.pop()
            if enclosing and enclosing[-1][1] < last:
                raise ValueError(
                    f"document {document.id!r}: mentions {enclosing[-1]} and {(first, last)} of cluster {cluster.id} "
                    f"cross, which {format} cannot say"
                )
            enclosing.append((first, last))
            if first == last:
                single[first].append(cluster.id)
            else:
                opening[first].append((-last, cluster.id))
                closing[last].append((-first, cluster.id))
    return {
        word: Brackets(
            [cluster for _, cluster in sorted(closing[word])],
            [cluster for _, cluster in sorted(opening[word])],
            sorted(single[word]),
        )
        for word in sorted(closing.keys() | opening.keys() | single.keys())
    }
