"""Span position matrices to clusters, in NumPy: the same code decodes in training, in evaluation and on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.special import expit

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


def select_candidates(logits: Floats, sentence_last: Ints, ratio: float, floor: float = -np.inf) -> Ints:
    """The spans worth comparing: those with the highest mention logits, `ratio` a word of the document.

    Args:
        logits: (schemes, n, W), one logit a cell and annotation scheme; a span is as good as its best scheme.
        sentence_last: int64 (n,), the last word of each word's sentence, beyond which no span may reach.
        ratio: candidates kept for each word, at least one in all.
        floor: spans with a lower logit are never kept.

    Returns:
        int64 (K, 2), first and last word, inclusive, in the order of the text.
    """
    _, n, width = logits.shape
    best = logits.max(0)
    reach = np.arange(n)[:, None] + np.arange(width)
    best = np.where((reach <= sentence_last[:, None]) & (best >= floor), best, -np.inf).ravel()
    keep = min(max(int(ratio * n), 1), int(np.isfinite(best).sum()))
    cells = np.sort(np.argpartition(-best, keep - 1)[:keep]) if keep else np.zeros(0, np.int64)
    return np.stack([cells // width, cells // width + cells % width], 1).astype(np.int64)


def word_ids(words: Sequence[str]) -> Ints:
    """Numbers (n,) that are equal for words that are equal apart from their case."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(word.casefold(), len(numbers)) for word in words], np.int64)


def string_ids(words: Ints, spans: Ints) -> Ints:
    """Numbers (K,) that are equal for spans (K, 2) of equal words, given `word_ids` (n,)."""
    numbers: dict[bytes, int] = {}
    strings = (words[first : last + 1].tobytes() for first, last in spans)
    return np.array([numbers.setdefault(string, len(numbers)) for string in strings], np.int64)


def decode(
    scorer: Literal["one-pass", "antecedent"],
    mention_logits: Floats,
    pair_logits: Floats,
    *,
    mention_threshold: float = 0.5,
    link_threshold: float = 0.5,
) -> list[list[int]]:
    """Clusters, singletons among them, of K candidates in the order of the text.

    Args:
        scorer: which decision the pair logits were trained for.
        mention_logits: (K,).
        pair_logits: (K, K), symmetric; the diagonal is not read.
        mention_threshold: probability from which a candidate is a mention.
        link_threshold: see `average_linkage` and `best_antecedents`.

    Returns:
        clusters of positions below K, each in the order of the text, ordered by their first mention.
    """
    kept = np.flatnonzero(expit(mention_logits) >= mention_threshold)
    pairs = pair_logits[np.ix_(kept, kept)]
    if scorer == "one-pass":
        labels = average_linkage(expit(pairs), link_threshold)
    else:
        m = mention_logits[kept]
        labels = best_antecedents(pairs + m[:, None] + m[None], link_threshold)
    clusters: dict[int, list[int]] = {}
    for position, label in zip(kept.tolist(), labels.tolist(), strict=True):
        clusters.setdefault(label, []).append(position)
    return list(clusters.values())


def average_linkage(probabilities: Floats, threshold: float) -> Ints:
    """Labels (K,) from merging the two groups with the highest mean link probability until none reaches `threshold`.

    All members of a group have a say, near and far alike. Costs O(K²) time and memory for probabilities (K, K).
    """
    k = len(probabilities)
    if k < 2:
        return np.zeros(k, np.int64)
    distance = 1 - (probabilities + probabilities.T) / 2
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average")
    return fcluster(tree, 1 - threshold, "distance").astype(np.int64)


def best_antecedents(scores: Floats, threshold: float) -> Ints:
    """Labels (K,) from linking every mention to its best earlier one, if that has more than `threshold` of the
    probability that it shares with having none (a dummy of score 0); scores (K, K)."""
    labels = np.arange(len(scores))
    for mention in range(1, len(scores)):
        best = int(scores[mention, :mention].argmax())
        if expit(scores[mention, best]) > threshold:
            labels[mention] = labels[best]
    return labels
