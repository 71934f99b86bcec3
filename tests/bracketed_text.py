"""Documents written as text with their mentions marked: ``[1 Tom] lost [1 his] hat.``"""

from __future__ import annotations

import re

from lehr.document import Document
from lehr.formats.text import read


def bracketed(source: str) -> Document:
    """The document with the mentions in brackets, which may nest; the clusters are in the order of their numbers."""
    text = ""
    open_: list[tuple[str, int]] = []
    clusters: dict[str, list[tuple[int, int]]] = {}
    for piece in re.split(r"(\[\d+ |\])", source):
        if piece == "]":
            number, start = open_.pop()
            clusters.setdefault(number, []).append((start, len(text)))
        elif re.fullmatch(r"\[\d+ ", piece):
            open_.append((piece[1:-1], len(text)))
        else:
            text += piece
    (document,) = read(text, name="")
    spans = [[document.words_at(*offsets) for offsets in clusters[number]] for number in sorted(clusters)]
    return document.with_clusters([span for span in cluster if span] for cluster in spans)
