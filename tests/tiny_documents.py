"""Short documents with clusters."""

from __future__ import annotations

import re

from lehr.document import Document, Span

GAP_HEADER = "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n"
"""The first line of a GAP file."""


def marked(text: str, id: str = "") -> Document:
    """A document of a sentence a line, in which the mentions of cluster 3 stand between ``(3`` and ``3)``."""
    sentences: list[list[str]] = []
    clusters: dict[str, list[Span]] = {}
    begun: list[int] = []
    n = 0
    for line in text.strip().splitlines():
        sentences.append([])
        for word in line.split():
            if re.fullmatch(r"\(\d", word):
                begun.append(n)
            elif re.fullmatch(r"\d\)", word):
                clusters.setdefault(word[0], []).append((begun.pop(), n - 1))
            else:
                sentences[-1].append(word)
                n += 1
    return Document.from_sentences(sentences, id=id, clusters=clusters.values())


HOUSE = marked(
    """
    (1 Mary Ann 1) called (2 (1 her 1) brother 2) on (3 Sunday 3) .
    (1 She 1) told (2 him 2) that (4 the old house by (5 the river 5) 4) had been sold .
    (6 (4 Its 4) new owners , (6 the Millers 6) , 6) wanted to move in before Christmas .
    (2 Tom 2) was not pleased .
    “ (6 They 6) might have asked (2 me 2) , ” (2 he 2) said to (1 (2 his 2) sister 1) .
    """,
    "house",
)
SHIP = marked(
    """
    (1 The captain 1) looked at (2 the sea 2) .
    (2 It 2) was calm , and (1 he 1) told (3 (1 his 1) men 3) to rest .
    (3 They 3) thanked (1 him 1) .
    """,
    "ship",
)
RAIN = marked("It rained .\nNobody came .", "rain")
GARDEN = marked(
    """
    (1 The gardener 1) showed (2 Lucy 2) (3 (1 his 1) roses 3) .
    (2 She 2) liked (3 them 3) , and (1 he 1) gave (2 her 2) one .
    """,
    "garden",
)
WALK = marked(
    """
    (1 My aunt 1) took (2 her 2) to (3 the park 3) .
    (1 She 1) said that (3 it 3) was far , but (2 Lucy 2) was glad .
    (4 Tom 4) saw (5 (2 her 2) dog 5) there .
    """,
    "walk",
)
LETTER = marked(
    """
    (1 The teacher 1) wrote (2 a letter to (3 the mayor 3) 2) .
    (3 The mayor 3) never read (2 it 2) , so (1 she 1) wrote again .
    """,
    "letter",
)
