"""Whether one response is better than another, or only luckier in its documents: a paired bootstrap.

Documents are drawn anew, with replacement, as many as there are, and both responses scored on the same draw; how much
their difference changes from draw to draw says how much it hangs on the documents (Efron and Tibshirani 1993; in
language processing since Koehn 2004, https://aclanthology.org/W04-3250). What another seed would have trained it does
not say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from .document import Document
from .evaluation import DISTANCES, in_order, link_scores
from .scoring import Scores, score_document

Floats = npt.NDArray[np.float64]

DRAWS = 2000
METRICS = (*Scores().metrics, "conll", *DISTANCES)
"""The metrics of `scoring`, the CoNLL mean, and the links of each kind of `evaluation.DISTANCES`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What one response has more of a metric's F1 than another, as fractions.

    `low` and `high` are where the difference lies in 95 of 100 draws of the documents. If both are above 0, or both
    below, the difference is hardly the choice of documents alone.
    """

    one: float
    other: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        return self.one - self.other

    def as_dict(self) -> dict[str, float]:
        """All of it, ready for JSON."""
        return {**asdict(self), "difference": self.difference}


def compare(
    documents: Sequence[tuple[Document, Document, Document]], *, singletons: bool = True
) -> dict[str, Difference]:
    """The differences between two responses, for each of `METRICS`; the same draws, and so the same answer, each time.

    Args:
        documents: each as the key has it, as the one response, and as the other; all of the same words.
        singletons: keep clusters of one mention, or remove them everywhere first.

    Raises:
        ValueError: if there are fewer than two documents, which leaves nothing to draw.
        ImportError: if SciPy is not installed.
    """
    if (n := len(documents)) < 2:
        raise ValueError(f"responses are compared by drawing among documents, of which there must be two; got {n}")
    counts = np.array(
        [[_counts(key, answer, singletons) for answer in answers] for key, *answers in documents]
    )  # (documents, 2, scores, 4)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), DRAWS)
    one, other = _f1(counts.sum(0))
    drawn = _f1(np.tensordot(weights, counts, 1))  # (draws, 2, metrics)
    low, high = np.percentile(drawn[:, 0] - drawn[:, 1], [2.5, 97.5], axis=0)
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
    recall, precision = _quotient(recalled, key), _quotient(precise, response)
    f1 = _quotient(2 * precision * recall, precision + recall)
    place = METRICS.index("blanc")
    kinds = slice(place, place + 2)
    blanc = _quotient(f1[..., kinds].sum(-1), (key[..., kinds] > 0).sum(-1))
    conll = f1[..., [METRICS.index(name) for name in ("muc", "b_cubed", "ceaf_e")]].mean(-1)
    return np.concatenate([f1[..., :place], blanc[..., None], conll[..., None], f1[..., place + 2 :]], -1)


def _quotient(over: Floats, under: Floats) -> Floats:
    """0 with nothing below the line."""
    result: Floats = over / np.where(under > 0, under, 1)
    return result
