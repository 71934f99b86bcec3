"""A model that says what a test has told it, in place of one that was trained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lehr.decoding import Floats, Ints
from lehr.document import Span
from lehr.resolver import Resolver
from lehr.resolver.config import Config

CONFIG: dict[str, Any] = {
    "scorer": "one-pass",
    "schemes": ["entities", "chains"],
    "window": 384,
    "overlap": 64,
    "max_width": 4,
    "candidate_ratio": 1.0,
    "pad_token_id": 0,
    "mention_threshold": 0.5,
    "link_threshold": 0.5,
    "candidate_floor": -5.0,
    "singleton_scheme": "entities",
}


class MadeModel:
    """Says of each span and pair of spans what it was told, and no of all others; counts how often it is asked.

    `mentions` has a probability for each scheme, `pairs` one for each pair, in either order; `seen` are
    the spans compared, each time.
    """

    def __init__(
        self,
        mentions: Mapping[Span, Sequence[float] | float],
        pairs: Mapping[tuple[Span, Span], float],
        **config: Any,
    ) -> None:
        self.config = Config(**{**CONFIG, **config})
        self.directory = Path("made")
        self.mentions = {s: [p] * 2 if isinstance(p, (int, float)) else p for s, p in mentions.items()}
        self.pairs = {**pairs, **{(b, a): p for (a, b), p in pairs.items()}}
        self.encoded = self.compared = 0
        self.seen: list[list[Span]] = []

    def vectors(self, words: Sequence[str]) -> tuple[Floats, Floats]:
        ((first, last),) = self.stream([words])
        return first, last

    def stream(self, parts: Iterable[Sequence[str]]) -> Iterator[tuple[Floats, Floats]]:
        """The vector of a word is its place, so that it is known wherever it is seen."""
        self.encoded += 1
        start = 0
        for words in parts:
            places = np.arange(start, start + len(words), dtype=np.float32)[:, None]
            start += len(words)
            yield places, places

    def mention_logits(self, first: Floats, last: Floats) -> Floats:
        logits = np.full((len(self.config.schemes), len(first), self.config.max_width), -9, np.float32)
        for (start, end), probabilities in self.mentions.items():
            for row in np.flatnonzero(first[:, 0] == start):
                logits[:, row, end - start] = [logit(p) for p in probabilities]
        return logits

    def pair_logits(self, first: Floats, last: Floats, spans: Ints, words: Ints, strings: Ints, kinds: Ints) -> Floats:
        self.compared += 1
        keys = [(int(a), int(b)) for a, b in zip(first[:, 0], last[:, 0], strict=True)]
        self.seen.append(keys)
        rows = [[logit(self.pairs.get((a, b), 0.01)) for b in keys] for a in keys]
        return np.array(rows, np.float32).reshape(len(keys), len(keys))


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def made(
    mentions: Mapping[Span, Sequence[float] | float], pairs: Mapping[tuple[Span, Span], float], **config: Any
) -> tuple[Resolver, MadeModel]:
    """A resolver and the model in it."""
    model = MadeModel(mentions, pairs, **config)
    return Resolver(model), model  # type: ignore[arg-type]
