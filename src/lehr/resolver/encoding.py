"""A document as the model sees it, kept so that it can be asked again without encoding it anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..decoding import Floats, Ints, select_candidates, sentence_last, string_ids, word_ids
from ..document import Document, Span
from .model import Model

MAX_CANDIDATES = 3600
"""Spans compared with each other at once: at the peak, a pair of them takes about 160 bytes, and all of them 2 GB."""


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The part of the span position matrix that is compared.

    `spans` int64 (K, 2), in the order of the text; `has_cell` (K,), false for spans that are too wide for the matrix or
    across sentences; `mention_logits` (schemes, K), 0 for these; `pair_logits` (K, K): row k is that of query k, at the
    cells of all spans.
    """

    spans: Ints
    has_cell: npt.NDArray[np.bool_]
    mention_logits: Floats
    pair_logits: Floats

    def positions(self, spans: Iterable[Span]) -> list[int]:
        """Where these spans, all of them in the matrix, stand in it."""
        places = {tuple(span): position for position, span in enumerate(self.spans.tolist())}
        return [places[span] for span in spans]


class Encoding:
    """What `Resolver.encode` gives.

    `document` has no clusters; `in_words` says that it came as lists of words and that pairs of numbers mean words of
    it. Memory: two vectors of the encoder for each of its words, and the matrix once it was asked for.

    Raises:
        ValueError: if the text is no Unicode, it is sure to have more than `MAX_CANDIDATES`, or the model fails.
    """

    def __init__(self, model: Model, document: Document, *, in_words: bool) -> None:
        self.model, self.document, self.in_words = model, replace(document, clusters=()), in_words
        _check_unicode(document)
        tokens, config = document.tokens, model.config
        if config.candidate_floor == -np.inf:
            self._check_number(int(config.candidate_ratio * len(tokens)))
        self._words, self._reach = word_ids(tokens), sentence_last(document.sentences)
        if tokens:
            self._first, self._last = model.vectors(tokens)
            self._logits = model.mention_logits(self._first, self._last)
        else:
            self._first = self._last = np.zeros((0, 0), np.float32)
            self._logits = np.zeros((len(config.schemes), 0, config.max_width), np.float32)
        self._candidates = select_candidates(self._logits, self._reach, config.candidate_ratio, config.candidate_floor)

    @cached_property
    def matrix(self) -> Matrix:
        """The matrix of the spans that are most probably mentions, filled at the first question.

        Raises:
            ValueError: if there are more than `MAX_CANDIDATES`.
        """
        return self._fill(self._candidates)

    def matrix_with(self, spans: Iterable[Span]) -> Matrix:
        """The matrix with these spans among the others; filled anew if it lacks one, as all of them see each other.

        Raises:
            ValueError: if there are more than `MAX_CANDIDATES`.
        """
        given = np.array([*spans], np.int64).reshape(-1, 2)
        union = np.unique(np.concatenate([self._candidates, given]), axis=0)
        return self.matrix if len(union) == len(self._candidates) else self._fill(union)

    def _check_number(self, spans: int) -> None:
        if spans > MAX_CANDIDATES:
            words = round(MAX_CANDIDATES / self.model.config.candidate_ratio, -2)
            raise ValueError(
                f"document {self.document.id!r} of {len(self.document.words):,} words has {spans:,} spans to compare, "
                f"and this version compares {MAX_CANDIDATES:,}: resolve it in parts of up to about {words:,.0f} words"
            )

    def _fill(self, spans: Ints) -> Matrix:
        self._check_number(len(spans))
        starts, ends = spans.T
        width = self._logits.shape[2]
        has_cell = (ends - starts < width) & (ends <= self._reach[starts])
        cells = self._logits[:, starts, np.minimum(ends - starts, width - 1)] * has_cell
        if not len(spans):
            return Matrix(spans, has_cell, cells, np.zeros((0, 0), np.float32))
        pairs = self.model.pair_logits(
            self._first[starts], self._last[ends], spans, self._words[spans], string_ids(self._words, spans)
        )
        return Matrix(spans, has_cell, cells, pairs)


def _check_unicode(document: Document) -> None:
    try:
        document.text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"document {document.id!r} has half of a surrogate pair, {document.text[error.start]!r}, at character "
            f"{error.start}: decode it from UTF-16 first"
        ) from error
