"""Documents of any length, in blocks of bounded size: their words, with the encoder's vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..decoding import Floats, Ints, sentence_last
from ..document import Document, Mention
from ..formats import text as raw_text
from .encoding import check_unicode
from .model import Model

_PART = 1024
"""Words of a document that are cut into word pieces at once."""


@dataclass(slots=True)
class Words:
    """Some words in a row: the document's from `start` on.

    `text` is that from character `offset` on; `words` are half-open characters of the document, `tokens` the same as
    strings, `last`, int64 (n,), the last word of each word's sentence, counted in the document.
    """

    start: int = 0
    offset: int = 0
    text: str = ""
    words: list[tuple[int, int]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    last: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.words)

    def add(self, following: Words) -> None:
        """Append the words that follow."""
        self.text += following.text
        self.words += following.words
        self.tokens += following.tokens
        self.last = np.concatenate([self.last, following.last])

    def drop(self, n: int) -> None:
        """Forget the first `n` words."""
        end = self.words[n - 1][1]
        self.start, self.text, self.offset = self.start + n, self.text[end - self.offset :], end
        del self.words[:n], self.tokens[:n]
        self.last = self.last[n:]

    def mention(self, first: int, last: int) -> Mention:
        """The mention of these words, both inclusive and counted in the document."""
        start, end = self.words[first - self.start][0], self.words[last - self.start][1]
        return Mention(start, end, self.text[start - self.offset : end - self.offset], first, last)


@dataclass(frozen=True, slots=True)
class Block:
    """`n` words, and some that follow, as far as mentions that begin in the block may reach.

    `first` and `last`, (n + those, hidden), are the vectors of each word's first and last piece.
    """

    n: int
    words: Words
    first: Floats
    last: Floats


def of_document(document: Document) -> Iterator[Words]:
    """The words of a document, a part at a time."""
    reach = sentence_last(document.sentences)
    offset = 0
    for start in range(0, len(document.words), _PART):
        words = list(document.words[start : start + _PART])
        text = document.text[offset : words[-1][1]]
        tokens = [document.text[a:b] for a, b in words]
        yield Words(start, offset, text, words, tokens, reach[start : start + _PART])
        offset = words[-1][1]


def of_stream(pieces: Iterable[str], language: str) -> Iterator[Words]:
    """The words of a text in a language that comes in pieces.

    Raises:
        TypeError: if a piece is no string.
        ValueError: if the text is no Unicode.
    """
    start = offset = 0
    for text, words, sentences in raw_text.stream(pieces, language):
        check_unicode(text, "the stream of text", offset)
        tokens = [text[a:b] for a, b in words]
        moved = [(a + offset, b + offset) for a, b in words]
        yield Words(start, offset, text, moved, tokens, sentence_last(sentences) + start)
        start, offset = start + len(words), offset + len(text)


def blocks(model: Model, parts: Iterable[Words], length: int, ahead: int) -> Iterator[Block]:
    """Blocks of `length` words, the last one shorter, each with up to `ahead` words that follow it.

    The windows of the encoder are those of the document as a whole, wherever a block ends. What is held is one block,
    one window and one part.
    """
    held = Words()

    def read() -> Iterator[list[str]]:
        for part in parts:
            held.add(part)
            yield part.tokens

    first: list[Floats] = []
    last: list[Floats] = []
    encoded = 0
    for window in model.stream(read()):
        first.append(window[0])
        last.append(window[1])
        encoded += len(window[0])
        while encoded >= length + ahead:
            first, last = [np.concatenate(first)], [np.concatenate(last)]
            yield Block(length, held, first[0][: length + ahead], last[0][: length + ahead])
            held.drop(length)
            first, last = [first[0][length:]], [last[0][length:]]
            encoded -= length
    while encoded:
        n = min(length, encoded)
        first, last = [np.concatenate(first)], [np.concatenate(last)]
        yield Block(n, held, first[0][: n + ahead], last[0][: n + ahead])
        held.drop(n)
        first, last = [first[0][n:]], [last[0][n:]]
        encoded -= n
