"""Word pieces and overlapping encoder windows: what training and the runtime both feed to the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

MAX_PIECES_PER_WORD = 16
"""Longer words keep their first pieces only, so that one absurd word cannot fill a window."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Windows:
    """The encoder's input for one document of n words.

    `input_ids` and `attention_mask` are int64 of shape (windows, pieces). `first` and `last`, int64 of shape (n,), say
    where each word's first and last piece stand, as flat positions ``window * pieces + piece``, in the window where
    the word has most context.
    """

    input_ids: Ints
    attention_mask: Ints
    first: Ints
    last: Ints


class Windower:
    """Cuts documents into windows of at most `length` pieces that share up to `overlap` pieces with their neighbour.

    Raises:
        ValueError: if the windows have no room for their overlap, or the tokenizer has no padding token.
    """

    def __init__(self, tokenizer: Tokenizer, length: int, overlap: int, pad: int) -> None:
        self.tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        probe = self.tokenizer.encode("a", add_special_tokens=True)
        inner = [i for i, special in enumerate(probe.special_tokens_mask) if not special]
        if not inner:
            raise ValueError("the tokenizer gives no piece for the letter 'a': it is broken or has no vocabulary")
        self.prefix, self.suffix = probe.ids[: inner[0]], probe.ids[inner[-1] + 1 :]
        named = self.tokenizer.token_to_id(getattr(self.tokenizer.model, "unk_token", None) or "")
        self.unknown = probe.ids[inner[0]] if named is None else named
        self.room = length - len(self.prefix) - len(self.suffix)
        if self.room < 2 * max(overlap, MAX_PIECES_PER_WORD):
            raise ValueError(f"windows of {length} pieces have no room for an overlap of {overlap} on both sides")
        self.overlap, self.pad = overlap, pad

    def pieces(self, words: Sequence[str]) -> tuple[Ints, Ints]:
        """Word pieces of all words, and the (n + 1) positions where words begin and the last one ends."""
        if not words:
            return np.zeros(0, np.int64), np.zeros(1, np.int64)
        encoding = self.tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False)
        of_word = np.array([-1 if w is None else w for w in encoding.word_ids], np.int64)
        ids = np.array(encoding.ids, np.int64)
        # Words without any piece get one that says so; words with too many lose their tail.
        missing = np.setdiff1d(np.arange(len(words)), of_word)
        ids = np.concatenate([ids, np.full(len(missing), self.unknown, np.int64)])
        of_word = np.concatenate([of_word, missing])
        order = np.argsort(of_word, kind="stable")
        ids, of_word = ids[order], of_word[order]
        begins = np.searchsorted(of_word, np.arange(len(words) + 1))
        keep = np.arange(len(ids)) - begins[of_word] < MAX_PIECES_PER_WORD
        ids, of_word = ids[keep], of_word[keep]
        return ids, np.searchsorted(of_word, np.arange(len(words) + 1))

    def __call__(self, words: Sequence[str], shift: int = 0) -> Windows:
        """Cut a document; `shift` pieces are left out of the first window, so that training sees other seams."""
        ids, begins = self.pieces(words)
        ranges = self._ranges(begins, shift)
        width = max((begins[end] - begins[start] for start, end in ranges), default=0)
        width += len(self.prefix) + len(self.suffix)
        input_ids = np.full((len(ranges), width), self.pad, np.int64)
        mask = np.zeros((len(ranges), width), np.int64)
        first, last = np.zeros(len(words), np.int64), np.zeros(len(words), np.int64)
        seams = self._seams(begins, ranges)
        for row, (start, end) in enumerate(ranges):
            content = [*self.prefix, *ids[begins[start] : begins[end]], *self.suffix]
            input_ids[row, : len(content)] = content
            mask[row, : len(content)] = 1
            own = np.arange(seams[row], seams[row + 1])
            base = row * width + len(self.prefix) - begins[start]
            first[own] = base + begins[own]
            last[own] = base + begins[own + 1] - 1
        return Windows(input_ids, mask, first, last)

    def _ranges(self, begins: Ints, shift: int) -> list[tuple[int, int]]:
        """Half-open ranges of words, each as long as fits and begun `overlap` pieces before the last one's end."""
        n, ranges, start, room = len(begins) - 1, [], 0, max(self.room - shift, self.room // 2)
        while start < n:
            end = int(np.searchsorted(begins, begins[start] + room, side="right")) - 1
            ranges.append((start, end))
            if end >= n:
                break
            start, room = max(int(np.searchsorted(begins, begins[end] - self.overlap)), start + 1), self.room
        return ranges

    @staticmethod
    def _seams(begins: Ints, ranges: list[tuple[int, int]]) -> list[int]:
        """Where the words change from one window to the next: in the middle of what the two share."""
        inner = [
            int(np.searchsorted(begins, (begins[start] + begins[end]) / 2)) for (_, end), (start, _) in pairwise(ranges)
        ]
        return [0, *inner, ranges[-1][1] if ranges else 0]
