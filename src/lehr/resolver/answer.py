"""From the span position matrix of an encoding to a document with clusters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np

from ..decoding import Floats, decode, link_logits, probability, uncross
from ..document import Document, Mention, Span
from ..kinds import roles
from .config import Config
from .encoding import MAX_CANDIDATES, Encoding, Matrix

Given: TypeAlias = Mapping[Span, "tuple[Mention, int]"]
"""Mentions that are not to be found, by their words, each with the number of its given cluster, -1 for none."""


_KINDS: tuple[tuple[str, type, str], ...] = (
    ("mention_threshold", Real, "a number"),
    ("link_threshold", Real, "a number"),
    ("horizon", Integral, "a whole number"),
    ("singletons", bool, "True or False"),
)
"""What options must be of that are given."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to answer.

    Args:
        config: that of the model, whose thresholds hold where none is given.
        scheme: the annotation scheme to follow; None for all: what is a mention under any of them is one.
        mention_threshold: probability from which a span is a mention.
        link_threshold: see `lehr.decoding.decode`.
        singletons: whether clusters of one mention are reported; unless a scheme is chosen, only those that the
            model's `singleton_scheme` marks. None for True if there is such a scheme.
        horizon: words that are decided at once; None for the whole document unless it is long, see `Resolver`.

    Raises:
        TypeError: if an option is of another kind than it should be.
        ValueError: if the model has not learned the scheme, a threshold is no probability, or the horizon is too small
            or too large.
    """

    config: Config
    scheme: str | None = None
    mention_threshold: float | None = None
    link_threshold: float | None = None
    singletons: bool | None = None
    horizon: int | None = None

    def __post_init__(self) -> None:
        if self.scheme is not None and self.scheme not in self.config.schemes:
            known = ", ".join(self.config.schemes)
            raise ValueError(f"the model has not learned an annotation scheme {self.scheme!r}, only {known}")
        for name, kind, told in _KINDS:
            value = getattr(self, name)
            if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
                raise TypeError(f"{name} is {value!r}; it must be {told}")
        for name in ("mention_threshold", "link_threshold"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it is a probability, from 0 to 1")
        # A tenth of the matrix is left to mentions that are remembered or given.
        most = 0.9 * MAX_CANDIDATES // self.config.candidate_ratio if self.config.candidate_ratio else math.inf
        if self.horizon is not None and not 1 <= self.horizon <= most:
            raise ValueError(f"horizon is {self.horizon}; it is a number of words, from 1 to {most:,.0f}")

    @property
    def thresholds(self) -> dict[str, Any]:
        """The keyword arguments of `decode`."""
        config, mention, link = self.config, self.mention_threshold, self.link_threshold
        return {
            "mention_threshold": config.mention_threshold if mention is None else mention,
            "link_threshold": config.link_threshold if link is None else link,
        }

    def logits(self, mention_logits: Floats) -> Floats:
        """The calibrated logits (K,) of the best scheme of those to follow, from what a matrix has (schemes, K)."""
        schemes = self.config.schemes if self.scheme is None else [self.scheme]
        logits = self.config.calibrated(mention_logits)
        best: Floats = logits[[self.config.schemes.index(scheme) for scheme in schemes]].max(0)
        return best

    def singles(self, mention_logits: Floats) -> list[bool]:
        """Which of K mentions that were found may stand alone, from what a matrix has of them (schemes, K)."""
        judge = self.config.singleton_scheme
        wanted = judge is not None if self.singletons is None else self.singletons
        if not wanted or self.scheme is not None or judge is None:
            return [wanted] * mention_logits.shape[1]
        logits = self.config.calibrated(mention_logits)[self.config.schemes.index(judge)]
        allowed: list[bool] = (probability(logits) >= self.thresholds["mention_threshold"]).tolist()
        return allowed


def cluster(encoding: Encoding, options: Options, given: Given, *, only_given: bool) -> Document:
    """The document with its clusters, of the given mentions and, unless `only_given`, of those found.

    Given mentions are mentions whatever the model says; those of one given cluster stay together and apart from those
    of the others. They are kept when they stay alone, unless singletons are unwanted in so many words.
    """
    matrix = encoding.matrix_with(given)
    logits = options.logits(matrix.mention_logits)
    positions = matrix.positions(given)
    known = np.full(len(logits), -1)
    known[positions] = [number for _, number in given.values()]
    chosen = np.sort(np.array(positions, np.int64)) if only_given else np.arange(len(logits))
    thresholds = options.thresholds | ({"mention_threshold": 0.0} if only_given else {})
    groups = decode(
        options.config.scorer,
        logits[chosen],
        matrix.pair_logits[np.ix_(chosen, chosen)],
        given=known[chosen],
        roles=roles(matrix.kinds[chosen], options.config.language),
        **thresholds,
    )
    given_here = set(positions)
    alone = options.singles(matrix.mention_logits)
    for position in positions:
        alone[position] = options.singletons is not False
    found = (_uncrossed(matrix, logits, chosen[group].tolist(), given_here) for group in groups)
    kept = [members for members in found if len(members) > 1 or alone[members[0]]]
    return _document(encoding, matrix, options, kept, given)


def entity(encoding: Encoding, options: Options, mention: Mention) -> Document:
    """The document with one cluster: the entity of one mention, which need not be one in the model's eyes.

    It is what the mention's own row of the matrix says, so that the clusters of two of an entity's mentions may differ.
    If the model ranks antecedents, there is no such row; then it is the mention's cluster.
    """
    matrix = encoding.matrix_with([mention.span])
    logits = options.logits(matrix.mention_logits)
    (query,) = matrix.positions([mention.span])
    thresholds = options.thresholds
    if options.config.scorer == "one-pass":
        of_entity = probability(matrix.pair_logits[query]) >= thresholds["link_threshold"]
        of_entity &= probability(logits) >= thresholds["mention_threshold"]
        of_entity[query] = True
        members = np.flatnonzero(of_entity).tolist()
    else:
        known = np.full(len(logits), -1)
        known[query] = 0
        groups = decode(options.config.scorer, logits, matrix.pair_logits, given=known, **thresholds)
        members = next(group for group in groups if query in group)
    members = _uncrossed(matrix, logits, members, {query})
    return _document(encoding, matrix, options, [members], {mention.span: (mention, -1)})


def _uncrossed(matrix: Matrix, logits: Floats, group: list[int], given: set[int]) -> list[int]:
    """A cluster without the mentions that cross more probable ones or given ones."""
    kept = uncross(matrix.spans[group], logits[group], np.array([position in given for position in group]))
    return [group[place] for place in kept]


def _document(
    encoding: Encoding, matrix: Matrix, options: Options, groups: Iterable[Sequence[int]], given: Given
) -> Document:
    """The document with clusters of ascending positions in the matrix, and the probabilities of their mentions."""
    logits = options.logits(matrix.mention_logits)
    scores = probability(logits)
    clusters = []
    for group in groups:
        pairs = matrix.pair_logits[np.ix_(group, group)]
        links = probability(link_logits(options.config.scorer, logits[group], pairs))
        mentions = []
        for place, position in enumerate(group):
            first, last = matrix.spans[position].tolist()
            antecedent = int(links[place, :place].argmax()) if place else None
            score = float(scores[position]) if matrix.has_cell[position] else None
            link = None if antecedent is None else float(links[place, antecedent])
            if known := given.get((first, last)):
                mention = replace(known[0], score=score, antecedent=antecedent, link=link)
            else:
                mention = encoding.document.mention(first, last, score=score, antecedent=antecedent, link=link)
            mentions.append(mention)
        clusters.append(mentions)
    return encoding.document.with_clusters(clusters)
