"""Whether one response is better than another, or only luckier in its documents: a paired bootstrap.

Documents are drawn anew, with replacement, as many as there are, and both responses scored on the same draw; how much
their difference changes from draw to draw says how much it hangs on the documents (Efron and Tibshirani 1993; in
language processing since Koehn 2004, https://aclanthology.org/W04-3250). Few documents vary less among themselves than
those that they stand for, so that the interval is the expanded percentile one (Hesterberg 2015, arXiv:1411.5279). What
another seed would have trained it does not say.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from .document import Document
from .evaluation import DISTANCES, in_order, link_scores
from .extras import needs
from .scoring import Scores, score_document

Floats = npt.NDArray[np.float64]

DRAWS = 2000
FEWEST = 6
"""Documents: of fewer, all have the same sign more often than one time in twenty where there is no difference."""
METRICS = (*Scores().metrics, "conll", *DISTANCES)
"""The metrics of `scoring`, the CoNLL mean, and the links of each kind of `evaluation.DISTANCES`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What one response has more of a metric's F1 than another, as fractions.

    `low` and `high` are the ends of its interval of 95 per cent. If 0 is between them, the choice of documents may have
    made the difference. A number is nan where there is nothing to score: no link of a kind, say, on either side.
    """

    one: float
    other: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        return self.one - self.other

    def as_dict(self) -> dict[str, float | None]:
        """All of it, ready for JSON, None for nan."""
        found = {**asdict(self), "difference": self.difference}
        return {name: None if math.isnan(value) else value for name, value in found.items()}


def compare(
    documents: Sequence[tuple[Document, Document, Document]], *, singletons: bool = True
) -> dict[str, Difference]:
    """The differences between two responses, for each of `METRICS`; the same draws, and so the same answer, each time.

    Args:
        documents: each as the key has it, as the one response, and as the other; all of the same words. Parts of one
            are drawn one by one.
        singletons: keep clusters of one mention, or remove them everywhere first.

    Raises:
        ValueError: if there are fewer than `FEWEST` documents.
        ImportError: if SciPy is not installed.
    """
    if (n := len(documents)) < FEWEST:
        raise ValueError(f"there is no telling how sure a difference is from fewer than {FEWEST} documents; got {n}")
    needs("score")
    from scipy.stats import norm, t  # type: ignore[import-untyped]

    counts = np.array(
        [[_counts(key, answer, singletons) for answer in answers] for key, *answers in documents]
    )  # (documents, 2, scores, 4)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), DRAWS)
    one, other = _f1(counts.sum(0))
    drawn = _f1(np.tensordot(weights, counts, 1))  # (draws, 2, metrics)
    tail = 100 * norm.cdf(np.sqrt(n / (n - 1)) * t.ppf(0.025, n - 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all draws may be without anything to score
        low, high = np.nanpercentile(drawn[:, 0] - drawn[:, 1], [tail, 100 - tail], axis=0)
    columns = zip(METRICS, one.tolist(), other.tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Difference(*values) for name, *values in columns}


def _counts(key: Document, answer: Document, singletons: bool) -> list[tuple[float, float, float, float]]:
    """What one document adds to each score: those of `METRICS`, where BLANC has two and the CoNLL mean none."""
    of = score_document(in_order(key), in_order(answer), singletons=singletons)
    scores = [
        of.mentions,
        of.muc,
        of.b_cubed,
        of.ceaf_m,
        of.ceaf_e,
        of.lea,
        of.blanc.coreference,
        of.blanc.non_coreference,
    ]
    scores += link_scores(key, answer).values()
    return [(score.recalled, score.key, score.precise, score.response) for score in scores]


def _f1(counts: Floats) -> Floats:
    """The F1 (..., metrics) of sums (..., scores, 4) of what documents add; see `scoring` for what each metric is."""
    recalled, key, precise, response = np.moveaxis(counts, -1, 0)
    recall, precision = (over / np.maximum(under, 1) for over, under in ((recalled, key), (precise, response)))
    f1 = 2 * precision * recall / np.where(precision + recall > 0, precision + recall, 1)
    place = METRICS.index("blanc")
    kinds = slice(place, place + 2)
    in_key = (key[..., kinds] > 0).sum(-1)
    blanc = np.where(in_key > 0, f1[..., kinds].sum(-1) / np.maximum(in_key, 1), np.nan)
    conll = f1[..., [METRICS.index(name) for name in ("muc", "b_cubed", "ceaf_e")]].mean(-1)
    there = key + response > 0
    conll, f1 = np.where(there[..., 0], conll, np.nan), np.where(there, f1, np.nan)
    return np.concatenate([f1[..., :place], blanc[..., None], conll[..., None], f1[..., place + 2 :]], -1)
