"""Whether probabilities mean what they say, and what makes logits mean it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .decoding import Floats, Ints, probability
from .document import Document
from .extras import needs

Outcomes = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Reliability:
    """Probabilities in bins of equal width beside what came true of them, arrays (bins,).

    `count` is how many probabilities fall into each bin, `predicted` their mean, `observed` the share of them that came
    true; the two are 0 where there is none.
    """

    count: Ints
    predicted: Floats
    observed: Floats

    @property
    def expected_calibration_error(self) -> float:
        """How far a probability is off on average: the mean of |predicted − observed| over all (Naeini et al. 2015)."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.count))

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "expected_calibration_error": self.expected_calibration_error,
            "count": self.count.tolist(),
            "predicted": self.predicted.tolist(),
            "observed": self.observed.tolist(),
        }


def reliability(probabilities: Floats, outcomes: Outcomes, bins: int = 10) -> Reliability:
    """Compare probabilities (n,) with what came true (n,); a bin holds its lower edge, and the last one 1 as well.

    Raises:
        ValueError: if there is no probability, one is not from 0 to 1, or there are not as many outcomes.
    """
    if not 0 < len(probabilities) == len(outcomes):
        raise ValueError(f"{len(probabilities)} probabilities and {len(outcomes)} outcomes cannot be compared")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a probability is not from 0 to 1")
    place = np.searchsorted(np.arange(1, bins) / bins, probabilities, side="right")
    count = np.bincount(place, minlength=bins)
    filled = np.maximum(count, 1)
    return Reliability(
        count, np.bincount(place, probabilities, bins) / filled, np.bincount(place, outcomes, bins) / filled
    )


def are_mentions(spans: Ints, document: Document) -> Outcomes:
    """Which of the spans (K, 2) are mentions of a document."""
    return _cluster(spans, document) >= 0


def are_links(spans: Ints, document: Document) -> Outcomes:
    """Which pairs of K spans are two mentions of one cluster, in the order of ``np.triu_indices(K, 1)``."""
    cluster = _cluster(spans, document)
    one, other = np.triu_indices(len(cluster), 1)
    linked: Outcomes = (cluster[one] == cluster[other]) & (cluster[one] >= 0)
    return linked


def _cluster(spans: Ints, document: Document) -> Ints:
    """The cluster (K,) of each span, -1 for those of none."""
    owner = {mention.span: cluster.id for cluster in document.clusters for mention in cluster.mentions}
    return np.array([owner.get((first, last), -1) for first, last in spans.tolist()], np.int64)


PRIOR = 3e-4
"""What the square of a group's shift costs, beside the mean loss: groups of few logits stay near to the others."""


def fit(logits: Floats, outcomes: Outcomes) -> tuple[float, float]:
    """Scale and shift that make σ(scale · logit + shift) the probability of a logit's outcome (Platt 1999).

    Fitted by maximum likelihood to logits (n,) and what came true (n,); 1 and 0, which change nothing, where all came
    out alike or the higher logits came true less often.

    Raises:
        ImportError: if SciPy is not installed.
    """
    scale, shift, _ = fit_groups(logits, outcomes, np.zeros(len(logits), np.int64), 0)
    return scale, shift


def fit_groups(logits: Floats, outcomes: Outcomes, group: Ints, groups: int) -> tuple[float, float, Floats]:
    """The same with a further shift for each group but those from `groups` on, (groups,), held near 0 by `PRIOR`.

    Raises:
        ImportError: if SciPy is not installed.
    """
    needs("score")
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    x, y = np.asarray(logits, np.float64), np.asarray(outcomes, bool)
    unchanged = 1.0, 0.0, np.zeros(groups)
    if not 0 < y.sum() < len(y):
        return unchanged

    def loss(parameters: Floats) -> tuple[float, Floats]:
        (scale, shift), own = parameters[:2], parameters[2:]
        z = scale * x + shift + np.append(own, 0)[np.minimum(group, groups)]
        error = probability(z) - y
        slopes = np.bincount(group, error, groups)[:groups] / len(x) + 2 * PRIOR * own
        value = (np.logaddexp(0, z) - y * z).mean() + PRIOR * (own @ own)
        return float(value), np.array([(error * x).mean(), error.mean(), *slopes])

    found: Floats = minimize(loss, (1.0, 0.0, *[0.0] * groups), jac=True, method="BFGS").x
    return (float(found[0]), float(found[1]), found[2:]) if found[0] > 0 else unchanged
