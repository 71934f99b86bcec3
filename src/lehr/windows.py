"""Word pieces and overlapping encoder windows: what training and the runtime both feed to the encoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

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


@dataclass(frozen=True, slots=True)
class Window:
    """One window, and its own words: those that have most context in it, and follow those of the window before.

    `input_ids` is int64 (pieces,); `first` and `last`, int64 (own words,), say where in it their pieces begin and end.
    """

    input_ids: Ints
    first: Ints
    last: Ints


class Windower:
    """Cuts documents into windows of at most `length` pieces that share up to `overlap` pieces with their neighbour.

    The tokenizer becomes its own and neither truncates nor pads any more; a copy takes as long as reading the file.

    Raises:
        ValueError: if the windows have no room for their overlap, or the tokenizer has no padding token.
    """

    def __init__(self, tokenizer: Tokenizer, length: int, overlap: int, pad: int) -> None:
        self.tokenizer = tokenizer
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
        found = np.zeros(len(words), bool)
        found[of_word[of_word >= 0]] = True
        missing = np.flatnonzero(~found)
        ids = np.concatenate([ids, np.full(len(missing), self.unknown, np.int64)])
        of_word = np.concatenate([of_word, missing])
        order = np.argsort(of_word, kind="stable")
        ids, of_word = ids[order], of_word[order]
        begins = np.searchsorted(of_word, np.arange(len(words) + 1))
        keep = np.arange(len(ids)) - begins[of_word] < MAX_PIECES_PER_WORD
        ids, of_word = ids[keep], of_word[keep]
        return ids, np.searchsorted(of_word, np.arange(len(words) + 1))

    def __call__(self, words: Sequence[str], shift: int = 0) -> Windows:
        """Cut a document; the first window is `shift` pieces shorter, so that training sees other seams."""
        windows = list(self.stream([words], shift))
        width = max((len(window.input_ids) for window in windows), default=0)
        input_ids = np.full((len(windows), width), self.pad, np.int64)
        mask = np.zeros((len(windows), width), np.int64)
        for row, window in enumerate(windows):
            input_ids[row, : len(window.input_ids)] = window.input_ids
            mask[row, : len(window.input_ids)] = 1
        none = [np.zeros(0, np.int64)]
        first = np.concatenate([row * width + window.first for row, window in enumerate(windows)] or none)
        last = np.concatenate([row * width + window.last for row, window in enumerate(windows)] or none)
        return Windows(input_ids, mask, first, last)

    def stream(self, parts: Iterable[Sequence[str]], shift: int = 0) -> Iterator[Window]:
        """The windows of a document whose words come in parts, each as soon as it is full, however the parts are cut.

        A window is as long as fits and begins `overlap` pieces before the end of the one before; in the middle of what
        the two share, words change from one to the other. What is held is one window and one part.
        """
        ids, begins = np.zeros(0, np.int64), np.zeros(1, np.int64)
        start = own = 0  # where the window begins, and its own words do
        room = max(self.room - shift, self.room // 2)
        for part in chain(parts, [None]):
            if part is not None:
                new, edges = self.pieces(part)
                begins = begins[start:] - begins[start]
                ids = np.concatenate([ids[len(ids) - begins[-1] :], new])
                begins = np.concatenate([begins, begins[-1] + edges[1:]])
                start, own = 0, own - start
            n = len(begins) - 1
            while start < n:
                end = int(np.searchsorted(begins, begins[start] + room, side="right")) - 1
                if end >= n:
                    break
                following = max(int(np.searchsorted(begins, begins[end] - self.overlap)), start + 1)
                seam = int(np.searchsorted(begins, (begins[following] + begins[end]) / 2))
                yield self._window(ids, begins, start, end, own, seam)
                start, own, room = following, seam, self.room
        if start < len(begins) - 1:
            yield self._window(ids, begins, start, n, own, n)

    def _window(self, ids: Ints, begins: Ints, start: int, end: int, own: int, seam: int) -> Window:
        """The window of the words `start` to `end`, of which those from `own` to `seam` are its own."""
        content = [*self.prefix, *ids[begins[start] : begins[end]], *self.suffix]
        places = begins[own : seam + 1] + len(self.prefix) - begins[start]
        return Window(np.array(content, np.int64), places[:-1], places[1:] - 1)
