"""How well a response agrees with a key: MUC, B³, CEAF, LEA, BLANC, mention detection and the CoNLL mean.

Key and response are clusters of spans, and a span is anything that can be hashed: two spans are the same mention where
they are equal. Documents are counted one by one and the counts added before any division, so the scores of a corpus are
micro-averages, and `Scores` of documents or corpora can be added with ``+`` and `sum`.

Apart from LEA, which it does not know, every number is that of the official CoNLL scorer, version 8.01 (Pradhan et al.
2014, https://aclanthology.org/P14-2006), also where the input breaks the rules:

* Mentions match exactly. Those that only one side has are neither removed nor added to the other side.
* A mention of the key that the response repeats counts where it stands first, in the order of the response's clusters;
  its repetitions, and the clusters they leave empty, are taken out. (The official scorer refuses a response with more
  than ten of them; here it is scored.)
* A mention that only the response has, and likewise a mention of the key, counts in the size of its cluster as often as
  it stands there, and once in mention detection. A mention in several clusters of the key belongs to the last of them
  wherever it can belong to one only.
* A quotient with nothing below the line is 0. MUC, which sees only links, gives 0 to a document of singletons.
* What the official scorer prints is cut off, not rounded, after two digits of the per cent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .extras import needs

Clusters = Sequence[Sequence[Hashable]]
"""The clusters of one document, each the spans of its mentions."""


@dataclass(frozen=True, slots=True)
class Score:
    """Recall ``recalled / key`` and precision ``precise / response``, kept as counts, so that documents add up."""

    recalled: float = 0.0
    key: float = 0.0
    precise: float = 0.0
    response: float = 0.0

    @classmethod
    def of(cls, common: float, key: float, response: float) -> Score:
        """The score of a metric that finds the same in the key as in the response."""
        return cls(float(common), float(key), float(common), float(response))

    @property
    def recall(self) -> float:
        return self.recalled / self.key if self.key else 0.0

    @property
    def precision(self) -> float:
        return self.precise / self.response if self.response else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of recall and precision."""
        recall, precision = self.recall, self.precision
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.recalled + other.recalled,
            self.key + other.key,
            self.precise + other.precise,
            self.response + other.response,
        )


@dataclass(frozen=True, slots=True)
class BlancScore:
    """The mean of two scores, that of the coreference links and that of the non-coreference links.

    If the key has links of one kind only, the other kind is left out, and if it has none at all (that is, less than
    two mentions), all is 0. It is the key that decides: with the sides exchanged, such a document scores differently.
    """

    coreference: Score = Score()
    non_coreference: Score = Score()

    @property
    def recall(self) -> float:
        return self._mean("recall")

    @property
    def precision(self) -> float:
        return self._mean("precision")

    @property
    def f1(self) -> float:
        """The mean of the two F1, which is not the harmonic mean of recall and precision."""
        return self._mean("f1")

    def _mean(self, measure: str) -> float:
        parts = [getattr(part, measure) for part in (self.coreference, self.non_coreference) if part.key]
        return sum(parts) / len(parts) if parts else 0.0

    def __add__(self, other: BlancScore) -> BlancScore:
        return BlancScore(self.coreference + other.coreference, self.non_coreference + other.non_coreference)


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of a document or of a corpus, as fractions; adding those of documents gives those of the corpus."""

    mentions: Score = Score()
    muc: Score = Score()
    b_cubed: Score = Score()
    ceaf_m: Score = Score()
    ceaf_e: Score = Score()
    lea: Score = Score()
    blanc: BlancScore = BlancScore()
    singletons: bool = True
    """Whether clusters of one mention were kept."""

    @property
    def conll(self) -> float:
        """The mean of the F1 of MUC, B³ and CEAF-e, by which the CoNLL-2012 shared task was ranked."""
        return (self.muc.f1 + self.b_cubed.f1 + self.ceaf_e.f1) / 3

    @property
    def metrics(self) -> dict[str, Score | BlancScore]:
        """The scores by the name of their metric."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "singletons"}

    def as_dict(self) -> dict[str, Any]:
        """Recall, precision and F1 of every metric, the CoNLL mean and what became of singletons, ready for JSON."""
        measures = {
            name: {"recall": score.recall, "precision": score.precision, "f1": score.f1}
            for name, score in self.metrics.items()
        }
        return {"singletons": self.singletons, "conll": self.conll, **measures}

    def __add__(self, other: Scores) -> Scores:
        if self.singletons != other.singletons:
            raise ValueError("scores with singletons cannot be added to scores without them")
        return Scores(
            self.mentions + other.mentions,
            self.muc + other.muc,
            self.b_cubed + other.b_cubed,
            self.ceaf_m + other.ceaf_m,
            self.ceaf_e + other.ceaf_e,
            self.lea + other.lea,
            self.blanc + other.blanc,
            self.singletons,
        )


def score(documents: Iterable[tuple[Clusters, Clusters]], *, singletons: bool = True) -> Scores:
    """Score documents, each a key and a response; see `score_document`."""
    parts = (score_document(key, response, singletons=singletons) for key, response in documents)
    return sum(parts, Scores(singletons=singletons))


def score_document(key: Clusters, response: Clusters, *, singletons: bool = True) -> Scores:
    """Score one document.

    Without `singletons`, clusters of one mention are first removed from the key and from the response, as if neither
    file had them; this is how a corpus annotated without singletons, such as OntoNotes, is scored.

    Raises:
        ImportError: if SciPy is not installed, which CEAF needs.
    """
    fewest = 1 if singletons else 2
    key = [cluster for cluster in key if len(set(cluster)) >= fewest]
    response = [cluster for cluster in response if len(set(cluster)) >= fewest]
    response = _without_repetitions(response, of=set(chain.from_iterable(key)))
    overlap = _Overlap.between(key, response)
    of_clusters = _muc(overlap), _b_cubed(overlap), _ceaf_m(overlap), _ceaf_e(overlap), _lea(overlap)
    return Scores(_mentions(key, response), *of_clusters, _blanc(key, response), singletons)


def _without_repetitions(clusters: Clusters, *, of: set[Hashable]) -> Clusters:
    """The clusters with each of the mentions `of` only where it stands first, less those that this leaves empty."""
    seen: set[Hashable] = set()
    kept: list[list[Hashable]] = []
    for cluster in clusters:
        kept.append([])
        for mention in cluster:
            if mention not in seen:
                kept[-1].append(mention)
            if mention in of:
                seen.add(mention)
    return [cluster for cluster in kept if cluster]


@dataclass(frozen=True, slots=True)
class _Overlap:
    """Where clusters of the key meet clusters of the response: one entry a pair with a mention in common.

    The three counts of common mentions differ only where the key repeats a mention: `counted` takes it as often as it
    stands in the cluster, `distinct` once, and `owned` once if this is the last of its clusters.
    """

    key: NDArray[np.int64]  # (key clusters,) sizes
    response: NDArray[np.int64]  # (response clusters,) sizes
    k: NDArray[np.int64]  # (pairs,) positions in key
    r: NDArray[np.int64]  # (pairs,) positions in response
    counted: NDArray[np.int64]  # (pairs,)
    distinct: NDArray[np.int64]  # (pairs,)
    owned: NDArray[np.int64]  # (pairs,)

    @classmethod
    def between(cls, key: Clusters, response: Clusters) -> _Overlap:
        owner = {mention: k for k, cluster in enumerate(key) for mention in cluster}
        found = {mention: r for r, cluster in enumerate(response) for mention in cluster}
        pairs: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
        for k, cluster in enumerate(key):
            for mention, times in Counter(cluster).items():
                if mention in found:
                    counts = pairs[k, found[mention]]
                    counts[0] += times
                    counts[1] += 1
                    counts[2] += owner[mention] == k
        table = np.array([(*pair, *counts) for pair, counts in pairs.items()], dtype=np.int64).reshape(-1, 5)
        return cls(_sizes(key), _sizes(response), *table.T)


def _sizes(clusters: Clusters) -> NDArray[np.int64]:
    return np.array([len(cluster) for cluster in clusters], dtype=np.int64)


def _links(mentions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The unordered pairs of so many mentions."""
    return mentions * (mentions - 1) // 2


def _mentions(key: Clusters, response: Clusters) -> Score:
    """Mention detection: the mentions, each taken once, that are in both."""
    in_key, in_response = set(chain.from_iterable(key)), set(chain.from_iterable(response))
    return Score.of(len(in_key & in_response), len(in_key), len(in_response))


def _muc(o: _Overlap) -> Score:
    """MUC (Vilain et al. 1995, https://aclanthology.org/M95-1005): the links that hold clusters together.

    recall = Σₖ (|k| - |parts of k by the response|) / Σₖ (|k| - 1) = Σₖᵣ max(|k ∩ r| - 1, 0) / Σₖ (|k| - 1);
    precision is the same with the sides exchanged.
    """
    common = np.maximum(o.owned - 1, 0).sum()
    return Score.of(common, o.key.sum() - len(o.key), o.response.sum() - len(o.response))


def _b_cubed(o: _Overlap) -> Score:
    """B³ (Bagga and Baldwin 1998): for each mention, how much of its cluster is found, averaged over mentions.

    recall = Σₖᵣ |k ∩ r|² / |k| / Σₖ |k|; precision = Σₖᵣ |k ∩ r|² / |r| / Σᵣ |r|. A mention that the other side lacks
    adds nothing above the line and itself below it.
    """
    common = o.owned * o.distinct
    recalled, precise = (common / o.key[o.k]).sum(), (common / o.response[o.r]).sum()
    return Score(float(recalled), float(o.key.sum()), float(precise), float(o.response.sum()))


def _ceaf_m(o: _Overlap) -> Score:
    """Mention-based CEAF (Luo 2005, https://aclanthology.org/H05-1004), with φ₃(k, r) = |k ∩ r|.

    recall = Φ / Σₖ |k|; precision = Φ / Σᵣ |r|, where Φ is the sum of φ over the best one-to-one map of clusters.
    """
    return Score.of(_best_map(o, o.counted), o.key.sum(), o.response.sum())


def _ceaf_e(o: _Overlap) -> Score:
    """Entity-based CEAF (Luo 2005), with φ₄(k, r) = 2 |k ∩ r| / (|k| + |r|).

    recall = Φ / clusters of the key; precision = Φ / clusters of the response.
    """
    return Score.of(_best_map(o, 2 * o.counted / (o.key[o.k] + o.response[o.r])), len(o.key), len(o.response))


def _best_map(o: _Overlap, similarity: NDArray[Any]) -> float:
    """Φ: the greatest sum of similarities over one-to-one maps of clusters of the key to clusters of the response.

    Clusters that no chain of shared mentions joins are mapped apart from each other, so that memory does not grow with
    the square of their number.

    Raises:
        ImportError: if SciPy is not installed.
    """
    needs("score")
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]
    from scipy.sparse import coo_array  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    clusters = len(o.key) + len(o.response)
    shared = coo_array((np.ones(len(o.k)), (o.k, len(o.key) + o.r)), (clusters, clusters))
    part = connected_components(shared, directed=False)[1][o.k]
    alone = np.bincount(part)[part] == 1
    total = similarity[alone].sum()
    rest = np.flatnonzero(~alone)
    rest = rest[np.argsort(part[rest], kind="stable")]
    for edges in np.split(rest, np.flatnonzero(np.diff(part[rest])) + 1) if len(rest) else ():
        k, rows = np.unique(o.k[edges], return_inverse=True)
        r, columns = np.unique(o.r[edges], return_inverse=True)
        phi = np.zeros((len(k), len(r)))
        phi[rows, columns] = similarity[edges]
        total += phi[linear_sum_assignment(phi, maximize=True)].sum()
    return float(total)


def _lea(o: _Overlap) -> Score:
    """LEA (Moosavi and Strube 2016, https://aclanthology.org/P16-1060): links found, weighted by the size of clusters.

    recall = Σₖ |k| (Σᵣ link(k ∩ r) / link(k)) / Σₖ |k|, where link(n mentions) = n (n - 1) / 2; precision is the same
    with the sides exchanged. A singleton has one link, to itself, which is found if the other side has the singleton.
    """
    key, response = o.key[o.k], o.response[o.r]
    alone = (key == 1) & (response == 1)

    def resolved(size: NDArray[np.int64], common: NDArray[np.int64]) -> float:
        found = np.where(alone, common, _links(common))
        return float((size * found / np.maximum(_links(size), 1)).sum())

    recalled, precise = resolved(key, o.counted), resolved(response, o.owned)
    return Score(recalled, float(o.key.sum()), precise, float(o.response.sum()))


def _blanc(key: Clusters, response: Clusters) -> BlancScore:
    """BLANC for mentions that a system found itself (Luo et al. 2014, https://aclanthology.org/P14-2005).

    Links are unordered pairs of mentions: those within a cluster, C, and those between clusters, N. For either kind,
    recall = |Lₖ ∩ Lᵣ| / |Lₖ| and precision = |Lₖ ∩ Lᵣ| / |Lᵣ|. The sizes of clusters and overlaps give the numbers of
    links; only those of repeated mentions, which may be of both kinds or join a mention to itself, are listed.
    """
    counts = (Counter(chain.from_iterable(side)) for side in (key, response))
    repeated = {mention for count in counts for mention, times in count.items() if times > 1}
    o = _Overlap.between(*([[m for m in cluster if m not in repeated] for cluster in side] for side in (key, response)))
    together = _links(o.counted).sum()
    in_key, in_response = _links(o.key).sum(), _links(o.response).sum()
    per_key, per_response = np.bincount(o.k, o.counted), np.bincount(o.r, o.counted)
    apart = _links(o.counted.sum()) - _links(per_key).sum() - _links(per_response).sum() + together
    coreference = Score.of(together, in_key, in_response)
    non_coreference = Score.of(apart, _links(o.key.sum()) - in_key, _links(o.response.sum()) - in_response)
    listed = [
        Score.of(len(of_key & of_response), len(of_key), len(of_response))
        for of_key, of_response in zip(_links_of(repeated, key), _links_of(repeated, response), strict=True)
    ]
    return BlancScore(coreference + listed[0], non_coreference + listed[1])


def _links_of(mentions: set[Hashable], clusters: Clusters) -> tuple[set[frozenset[Hashable]], set[frozenset[Hashable]]]:
    """The coreference links and the non-coreference links that have one of `mentions` at an end."""
    places = [(position, mention) for position, cluster in enumerate(clusters) for mention in cluster]
    within: set[frozenset[Hashable]] = set()
    between: set[frozenset[Hashable]] = set()
    for one, (here, mention) in enumerate(places):
        if mention in mentions:
            for another, (there, other) in enumerate(places):
                if one != another:
                    (within if here == there else between).add(frozenset((mention, other)))
    return within, between
