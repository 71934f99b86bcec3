"""A document as the model sees it, kept so that it can be asked again without encoding it anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from sys import getsizeof

import numpy as np
import numpy.typing as npt

from ..decoding import Floats, Ints, select_candidates, sentence_last, string_ids, word_ids
from ..document import Document, Span
from ..kinds import kinds_of_spans
from .model import Model

WHOLE = 4000
"""Words of a document that is decided as a whole if nobody says otherwise; a longer one is decided in blocks, see
`entities`, which is as good or better, and takes less memory."""
MAX_CANDIDATES = 3600
"""Spans compared with each other at once: at the peak, a pair of them takes about 65 bytes, and all of them 0.8 GB."""


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The part of the span position matrix that is compared.

    `spans` int64 (K, 2), in the order of the text; `has_cell` (K,), false for spans that are too wide for the matrix or
    across sentences; `mention_logits` (schemes, K), 0 for these; `pair_logits` (K, K): row k is that of query k, at the
    cells of all spans; `kinds` int64 (K,), see `lehr.kinds`.
    """

    spans: Ints
    has_cell: npt.NDArray[np.bool_]
    mention_logits: Floats
    pair_logits: Floats
    kinds: Ints

    def positions(self, spans: Iterable[Span]) -> list[int]:
        """Where these spans, all of them in the matrix, stand in it."""
        places = {tuple(span): position for position, span in enumerate(self.spans.tolist())}
        return [places[span] for span in spans]


class Encoding:
    """What `Resolver.encode` gives.

    `document` has no clusters; `in_words` says that it came as lists of words and that pairs of numbers mean words of
    it. Memory: two vectors of the encoder for each of its words, and the matrix once it was asked for; or nothing but
    the document if it is too long to be decided as a whole, so that it is encoded block by block at each question.

    Raises:
        ValueError: if the text is no Unicode, or the model fails.
    """

    def __init__(self, model: Model, document: Document, *, in_words: bool, whole: bool = True) -> None:
        self.model, self.document, self.in_words = model, replace(document, clusters=()), in_words
        check_unicode(document.text, f"document {document.id!r}")
        config = model.config
        words = len(document.words)
        self._whole = whole and words <= WHOLE and int(config.candidate_ratio * words) <= MAX_CANDIDATES
        tokens = document.tokens if self._whole else []
        if tokens:
            self._words, self._reach = word_ids(tokens), sentence_last(document.sentences)
            self._first, self._last = model.vectors(tokens)
            self._logits = model.mention_logits(self._first, self._last)
        else:
            self._words = self._reach = np.zeros(0, np.int64)
            self._first = self._last = np.zeros((0, 0), np.float32)
            self._logits = np.zeros((len(config.schemes), 0, config.max_width), np.float32)
        self._matrix: Matrix | None = None
        self._candidates = select_candidates(self._logits, self._reach, config.candidate_ratio, config.candidate_floor)

    @property
    def nbytes(self) -> int:
        """Bytes that are held, by and large: the text, its words, the vectors, and the matrix once it was asked for."""
        arrays = [self._words, self._reach, self._first, self._last, self._logits, self._candidates]
        if self._matrix:
            arrays += [self._matrix.mention_logits, self._matrix.pair_logits]
        return sum(array.nbytes for array in arrays) + getsizeof(self.document.text) + 150 * len(self.document.words)

    @property
    def matrix(self) -> Matrix:
        """The matrix of the spans that are most probably mentions, filled at the first question.

        Raises:
            ValueError: if there would be more than `MAX_CANDIDATES`.
        """
        if self._matrix is None:  # no `cached_property`, which computes for one document at a time until Python 3.12
            self._matrix = self._fill(self._candidates)
        return self._matrix

    def matrix_with(self, spans: Iterable[Span]) -> Matrix:
        """The matrix with these spans among the others; filled anew if it lacks one, as all of them see each other.

        Raises:
            ValueError: if there would be more than `MAX_CANDIDATES`.
        """
        union = self._candidates_with(spans)
        return self.matrix if len(union) == len(self._candidates) else self._fill(union)

    def is_whole_with(self, spans: Iterable[Span]) -> bool:
        """Whether one matrix can hold these spans and the others."""
        return self._whole and len(self._candidates_with(spans)) <= MAX_CANDIDATES

    def _candidates_with(self, spans: Iterable[Span]) -> Ints:
        given = np.array([*spans], np.int64).reshape(-1, 2)
        if not len(given):
            return self._candidates  # in order already, and NumPy's `unique` is slow to start
        return np.unique(np.concatenate([self._candidates, given]), axis=0)

    def _fill(self, spans: Ints) -> Matrix:
        if not self._whole or len(spans) > MAX_CANDIDATES:
            raise ValueError(
                f"document {self.document.id!r} of {len(self.document.words):,} words has more than "
                f"{MAX_CANDIDATES:,} spans to compare, too many for one matrix: ask the resolver, which goes by blocks"
            )
        starts, ends = spans.T
        cells, has_cell = cells_of(self._logits, self._reach, spans)
        if not len(spans):
            return Matrix(spans, has_cell, cells, np.zeros((0, 0), np.float32), np.zeros(0, np.int64))
        own = kinds_of_spans(self.document.tokens, spans, self.model.config.language)
        pairs = self.model.pair_logits(
            self._first[starts], self._last[ends], spans, self._words[spans], string_ids(self._words, spans), own
        )
        return Matrix(spans, has_cell, cells, pairs, own)


def cells_of(logits: Floats, reach: Ints, spans: Ints) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The mention logits (schemes, K) of spans (K, 2), 0 where (K,) says that they have no cell.

    `logits` (schemes, n, W) are those of all cells, `reach` (n,) the last words of each word's sentence.
    """
    starts, ends = spans.T
    width = logits.shape[2]
    has_cell = (ends - starts < width) & (ends <= reach[starts])
    return logits[:, starts, np.minimum(ends - starts, width - 1)] * has_cell, has_cell


def check_unicode(text: str, name: str, offset: int = 0) -> None:
    """See that a text, which begins at the character `offset` of what has the name, has no half of a surrogate pair.

    Raises:
        ValueError: if it has one.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} has half of a surrogate pair, {text[error.start]!r}, at character {offset + error.start}: "
            f"decode it from UTF-16 first"
        ) from error
