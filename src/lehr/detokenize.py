"""Words to running text, for documents that come without their text."""

from __future__ import annotations

from collections.abc import Sequence


def join_words(sentences: Sequence[Sequence[str]]) -> tuple[str, list[tuple[int, int]]]:
    """Join words into text; return it with every word's half-open character offsets."""
    text, offsets, length = [], [], 0
    for sentence in sentences:
        for word in sentence:
            if length:
                text.append(" ")
                length += 1
            offsets.append((length, length + len(word)))
            text.append(word)
            length += len(word)
    return "".join(text), offsets
