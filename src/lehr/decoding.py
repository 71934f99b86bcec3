"""Span position matrices to clusters, in NumPy: the same code decodes in training, in evaluation and on a device."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Scorer = Literal["one-pass", "antecedent"]

MIN_CANDIDATES = 32
"""Kept however short a document is: a sentence of six words may well hold three mentions."""

NAME, DESCRIPTION, PRONOUN, ANAPHOR = range(4)
"""What a mention is to `decode`: a name, another phrase, a pronoun, or one that stands for what is named elsewhere, of
which each person, *he* or *she*, has a number of its own from `ANAPHOR` on."""

DISAGREEMENT = 6
"""How often it counts what the link of two names lacks of the threshold, and that of *he* and *she*, see `weigh`."""

ATTACHED = 0.8
"""Share of the link threshold at which pronouns that have stayed among themselves go to what is named, see `attach`."""


def probability(logits: Floats) -> Floats:
    """The logistic function, of any shape. (SciPy's is as good but takes long to import.)"""
    with np.errstate(over="ignore"):  # infinity is right
        result: Floats = 1 / (1 + np.exp(-logits))
    return result


def sentence_last(sentences: Sequence[tuple[int, int]]) -> Ints:
    """The last word of each word's sentence, int64 (n,), for sentences that are half-open ranges of words."""
    ranges = np.array(sentences, np.int64).reshape(-1, 2)
    return np.repeat(ranges[:, 1] - 1, ranges[:, 1] - ranges[:, 0])


def select_candidates(logits: Floats, sentence_last: Ints, ratio: float, floor: float = -np.inf) -> Ints:
    """The spans worth comparing: those with the highest mention logits, `ratio` a word of the document.

    Args:
        logits: (schemes, n, W), one logit a cell and annotation scheme; a span is as good as its best scheme.
        sentence_last: int64 (n,), the last word of each word's sentence, beyond which no span may reach.
        ratio: candidates kept for each word, at least `MIN_CANDIDATES` in all where there are as many.
        floor: spans with a lower logit are never kept.

    Returns:
        int64 (K, 2), first and last word, inclusive, in the order of the text.
    """
    _, n, width = logits.shape
    best = logits.max(0)
    reach = np.arange(n)[:, None] + np.arange(width)
    best = np.where((reach <= sentence_last[:, None]) & (best >= floor), best, -np.inf).ravel()
    keep = min(max(int(ratio * n), MIN_CANDIDATES), int(np.isfinite(best).sum()))
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
    scorer: Scorer,
    mention_logits: Floats,
    pair_logits: Floats,
    *,
    mention_threshold: float = 0.5,
    link_threshold: float = 0.5,
    given: Ints | None = None,
    roles: Ints | None = None,
) -> list[list[int]]:
    """Clusters, singletons among them, of K candidates in the order of the text.

    Args:
        scorer: which decision the pair logits were trained for.
        mention_logits: (K,).
        pair_logits: (K, K), symmetric; the diagonal is not read.
        mention_threshold: probability from which a candidate is a mention.
        link_threshold: see `average_linkage` and `best_antecedents`.
        given: int64 (K,), numbers of clusters that are known already, -1 for candidates of none. Their members are
            mentions whatever their logit; they stay together and apart from those of other given clusters.
        roles: int64 (K,), `NAME` and so on; `weigh` and `attach` are left out if this is None or antecedents are
            ranked.

    Returns:
        clusters of positions below K, each in the order of the text, ordered by their first mention.
    """
    known = np.full(len(mention_logits), -1) if given is None else given
    kept = np.flatnonzero((probability(mention_logits) >= mention_threshold) | (known >= 0))
    links = link_logits(scorer, mention_logits[kept], pair_logits[np.ix_(kept, kept)])
    if scorer == "one-pass":
        probabilities = probability(links)
        if roles is not None:
            weigh(probabilities, link_threshold, roles[kept], known[kept])
        labels = average_linkage(probabilities, link_threshold, known[kept])
        if roles is not None:
            labels = attach(labels, probabilities, ATTACHED * link_threshold, roles[kept], known[kept])
    else:
        labels = best_antecedents(links, link_threshold, known[kept])
    clusters: dict[int, list[int]] = {}
    for position, label in zip(kept.tolist(), labels.tolist(), strict=True):
        clusters.setdefault(label, []).append(position)
    return list(clusters.values())


def link_logits(scorer: Scorer, mention_logits: Floats, pair_logits: Floats) -> Floats:
    """What decides about a link, (K, K): the pair alone or, if antecedents are ranked, with its two mentions."""
    if scorer == "one-pass":
        return pair_logits
    return pair_logits + mention_logits[:, None] + mention_logits[None]


def average_linkage(probabilities: Floats, threshold: float, given: Ints | None = None) -> Ints:
    """Labels (K,) from merging the two groups with the highest mean link probability until none reaches `threshold`.

    All members of a group have a say, near and far alike. Groups `given` as in `decode` are merged beforehand.

    Groups are found by walking from each to its nearest until two are each other's nearest: merging those at once is
    the same as merging the nearest of all first, since a mean never exceeds what it is the mean of. Costs O(K²) memory
    for probabilities (K, K), and in practice O(K²) time. (SciPy merges as fast but cannot begin with given groups.)
    """
    k = len(probabilities)
    owner, size = list(range(k)), [1] * k
    links = (probabilities + probabilities.T).astype(np.float64) / 2
    np.fill_diagonal(links, -np.inf)

    def merge(group: int, other: int) -> None:
        mean = links[group] * size[group]
        mean += links[other] * size[other]
        mean /= size[group] + size[other]
        mean[group] = -np.inf
        links[group] = links[:, group] = mean
        links[:, other] = -np.inf
        size[group], size[other] = size[group] + size[other], 0
        owner[other] = group

    for group, *others in _members(given):
        for other in others:
            merge(group, other)
    owners = [group for group, *_ in _members(given)]
    links[np.ix_(owners, owners)] = -np.inf

    for start in range(k):
        chain = [start]
        while size[start]:
            row = links[chain[-1]]
            nearest = int(row.argmax())
            if not row[nearest] >= threshold:
                break  # only ever at the start of a chain: the group is done, as its links can but get weaker
            if len(chain) > 1 and row[chain[-2]] == row[nearest]:
                merge(chain[-2], chain[-1])
                del chain[max(len(chain) - 2, 1) :]  # what came before them is not touched by this
            else:
                chain.append(nearest)
    return np.array([_owner(owner, position) for position in range(k)], np.int64)


def weigh(probabilities: Floats, threshold: float, roles: Ints, given: Ints) -> None:
    """Lower link probabilities (K, K) of those who are likely two people, so that these speak up for themselves.

    What *she* and *her* have in common with Anna and with Beth would make one of these two. Hence what the link of two
    names lacks of the threshold counts `DISAGREEMENT` times, and so does that of *he* and *she*; it may then be below
    0. Means stay means: clusters still grow by average linkage. Names that are given may be aliases, and stay.
    """
    names = np.flatnonzero((roles == NAME) & (given < 0))
    anaphors = [np.flatnonzero(roles == role) for role in range(ANAPHOR, roles.max(initial=0) + 1)]
    for one, other in [(names, names), *permutations(anaphors, 2)]:
        between = probabilities[np.ix_(one, other)]
        probabilities[np.ix_(one, other)] = between - (DISAGREEMENT - 1) * np.maximum(threshold - between, 0)


def attach(labels: Ints, probabilities: Floats, threshold: float, roles: Ints, given: Ints) -> Ints:
    """Labels (K,) after groups of two or more pronouns alone, as *he*, have gone to what names or describes somebody.

    Many pronouns link to each other better than to the few names among which they stand, and would never be named.
    Each such group that is not given goes to the group to which its members link best, by the mean over them of the
    best probability of a link into it, if that reaches `threshold`; *she* never to where *he* is.

    Args:
        labels: of the groups.
        probabilities: (K, K), of links.
        threshold: a probability.
        roles: of mentions; one `ANAPHOR` at least is in each group that goes.
        given: as in `decode`.
    """
    if not ((roles >= ANAPHOR).any() and (roles < PRONOUN).any()):
        return labels
    order = np.argsort(labels, kind="stable")  # group by group
    begins = np.flatnonzero(np.diff(labels[order], prepend=-1))
    named = np.minimum.reduceat(roles[order], begins) < PRONOUN
    found: Ints = labels.copy()
    for group, is_named in zip(np.split(order, begins[1:]), named, strict=True):
        if not is_named and len(group) > 1 and roles[group].max() >= ANAPHOR and given[group].max() < 0:
            others = (roles[order] >= ANAPHOR) & ~np.isin(roles[order], roles[group])
            links = np.maximum.reduceat(probabilities[np.ix_(group, order)], begins, axis=1).mean(0)
            links[~named | np.logical_or.reduceat(others, begins)] = -1
            host = int(links.argmax())
            if links[host] >= threshold:
                found[group] = labels[order[begins[host]]]
    return found


def best_antecedents(scores: Floats, threshold: float, given: Ints | None = None) -> Ints:
    """Labels (K,) from linking every mention to its best earlier one, if that has more than `threshold` of the
    probability that it shares with having none (a dummy of score 0); scores (K, K).

    Groups `given` as in `decode` stay together; links that would join two of them are passed over.
    """
    labels = np.arange(len(scores))
    owner = np.full(len(scores), -1) if given is None else given.copy()  # the given cluster in each mention's group
    for members in _members(given):
        labels[members] = members[0]
    for mention in range(1, len(scores)):
        free = (owner[:mention] < 0) | (owner[mention] < 0) | (owner[:mention] == owner[mention])
        row = np.where(free, scores[mention, :mention], -np.inf)
        best = int(row.argmax())
        if probability(row[best]) > threshold:
            group = (labels == labels[mention]) | (labels == labels[best])
            labels[group], owner[group] = labels[best], max(owner[mention], owner[best])
    return labels


def uncross(spans: Ints, logits: Floats, bound: Bools) -> Ints:
    """Which of the mentions of one cluster to keep, ascending, so that no two cross: of two that do, the more probable.

    An entity is never named twice by words that overlap without one mention holding the other. Costs O(m²) time and
    memory for spans (m, 2) with mention logits (m,); those `bound` (m,) are all kept.
    """
    first, last = spans.T
    crosses = (first[:, None] < first) & (first <= last[:, None]) & (last[:, None] < last)
    if not crosses.any():
        return np.arange(len(spans))
    crosses |= crosses.T
    kept = np.flatnonzero(bound).tolist()
    for position in np.argsort(-logits, kind="stable").tolist():
        if not (bound[position] or crosses[position, kept].any()):
            kept.append(position)
    return np.array(sorted(kept), np.int64)


def _owner(of: Sequence[int], group: int) -> int:
    """The group that holds the others in the end, where each that was merged into another has that one's number."""
    while of[group] != group:
        group = of[group]
    return group


def _members(given: Ints | None) -> list[list[int]]:
    """The positions of each given cluster's members."""
    if given is None:
        return []
    return [np.flatnonzero(given == number).tolist() for number in sorted({*given[given >= 0].tolist()})]
