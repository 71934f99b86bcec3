"""The scorer against the official one's printed numbers, worked examples, the definitions, and its own laws."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import combinations, permutations, product
from pathlib import Path
from random import Random
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lehr.formats import read_file
from lehr.scoring import BlancScore, Clusters, Score, Scores, score, score_document

METRICS = tuple(Scores().metrics)
PARTITIONED = tuple(metric for metric in METRICS if metric != "blanc")


def measures(scores: Score | BlancScore) -> tuple[float, float, float]:
    return scores.recall, scores.precision, scores.f1


def spell(clusters: str) -> list[list[str]]:
    """'ab c' is the clusters {a, b} and {c}."""
    return [list(cluster) for cluster in clusters.split()]


def test_without_scipy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lehr.extras.find_spec", lambda package: None)
    with pytest.raises(ImportError, match=r"needs scipy, .* pip install 'lehr\[score\]'"):
        score_document([[1, 2]], [[1, 2]])


# The official scorer


def test_official_cases(shared_data: Path) -> None:
    folder = shared_data / "conll-scorer-cases"
    names = {"muc": "muc", "bcub": "b_cubed", "ceafm": "ceaf_m", "ceafe": "ceaf_e", "blanc": "blanc"}
    cases = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert len(cases) == 20
    for response, expected in cases.items():
        pairs = zip(read_file(folder / expected["key"]), read_file(folder / response), strict=True)
        scores = score((key.spans, answer.spans) for key, answer in pairs)
        for theirs, ours in names.items():
            for measure, per_cent in expected[theirs].items():
                found = 100 * getattr(scores.metrics[ours], measure)
                assert abs(found - per_cent) <= 0.01, f"{response}: {ours} {measure} is {found}, not {per_cent}"


@pytest.mark.parametrize(
    ("key", "response", "blanc"),
    [
        ("abcdef", "abcdef", (1, 1, 1)),
        ("abcdef", "a b c d e f", (0, 0, 0)),
        ("abcdef", "ab cde f", (4 / 15, 1, 8 / 19)),
        ("abcdef", "abcxyz", (3 / 15, 3 / 15, 1 / 5)),
        ("abcdef", "a b c x y z", (0, 0, 0)),
        ("abcdef", "ab cxy z", (1 / 15, 1 / 4, 2 / 19)),
        ("a b c d e f", "a b c d e f", (1, 1, 1)),
        ("a b c d e f", "abcdef", (0, 0, 0)),
        ("a b c d e f", "ab cde f", (11 / 15, 1, 22 / 26)),
        ("a b c d e f", "a b c x y z", (3 / 15, 3 / 15, 1 / 5)),
        ("a b c d e f", "abcxyz", (0, 0, 0)),
        ("a b c d e f", "ab cxy z", (2 / 15, 2 / 11, 2 / 13)),
        ("a", "a", (0, 0, 0)),
        ("a", "ab", (0, 0, 0)),
        ("", "ab", (0, 0, 0)),
        ("ab c", "", (0, 0, 0)),
    ],
)
def test_blanc_where_the_key_has_links_of_one_kind_or_none(
    key: str, response: str, blanc: tuple[float, float, float]
) -> None:
    assert measures(score_document(spell(key), spell(response)).blanc) == pytest.approx(blanc)


def test_blanc_sums_links_over_documents_before_it_leaves_a_kind_out() -> None:
    scores = score([(spell("abcd"), spell("ab cd")), (spell("a b"), spell("a b"))])
    assert scores.blanc == BlancScore(Score.of(2, 6, 2), Score.of(1, 1, 5))
    assert measures(scores.blanc) == pytest.approx(((1 / 3 + 1) / 2, (1 + 1 / 5) / 2, (1 / 2 + 1 / 3) / 2))


def test_worked_example_of_the_reference_implementation() -> None:
    """Pradhan et al. 2014, section 5: K = {abc, defg}, R = {ab, cd, fghi}."""
    scores = score_document(spell("abc defg"), spell("ab cd fghi"))
    assert measures(scores.mentions) == pytest.approx((6 / 7, 6 / 8, 12 / 15))
    assert measures(scores.muc) == pytest.approx((2 / 5, 2 / 5, 2 / 5))
    assert (scores.b_cubed.recall, scores.b_cubed.precision) == pytest.approx(((5 / 3 + 5 / 4) / 7, (2 + 1 + 1) / 8))
    assert measures(scores.ceaf_m) == pytest.approx((4 / 7, 4 / 8, 8 / 15))
    assert measures(scores.ceaf_e) == pytest.approx((1.3 / 2, 1.3 / 3, 2.6 / 5))
    assert measures(scores.blanc) == pytest.approx(
        ((2 / 9 + 8 / 12) / 2, (2 / 8 + 8 / 20) / 2, (2 * 2 / 17 + 2 * 8 / 32) / 2)
    )
    assert scores.conll == pytest.approx((scores.muc.f1 + scores.b_cubed.f1 + scores.ceaf_e.f1) / 3)


def test_the_best_map_is_not_the_greedy_one() -> None:
    scores = score_document(spell("abcde fgh"), spell("abcfgh de"))
    assert scores.ceaf_m.recalled == 5  # abcde with de and fgh with abcfgh; greedily it would be 3
    assert scores.ceaf_e.recalled == pytest.approx(2 * 2 / 7 + 2 * 3 / 9)


# LEA


@pytest.mark.parametrize(
    ("key", "response", "recall", "precision"),
    [
        # The paper's own example, section 4.
        ("abc defg", "ab cd fghi", (3 * 1 / 3 + 4 * 1 / 6) / 7, (2 * 1 + 2 * 0 + 4 * 1 / 6) / 8),
        # A singleton is found as a singleton,
        ("a bc def", "a bcx dy z", (1 + 2 + 0) / 6, (1 + 3 * 1 / 3 + 0 + 0) / 7),
        ("a b c d e f", "a b c d e f", 1, 1),
        ("a b c d e f", "a b c x y z", 3 / 6, 3 / 6),
        # but neither inside a cluster nor as one of a cluster.
        ("a bc def", "a b c d e f", 1 / 6, 1 / 6),
        ("a bc def", "abcdef", (0 + 2 + 3) / 6, 6 * (4 / 15) / 6),
        ("a b c d e f", "ab cde f", 1 / 6, 1 / 6),
        ("a b", "ab", 0, 0),
        # Everything lost, and nothing to find.
        ("abcdef", "a b c x y z", 0, 0),
        ("", "ab", 0, 0),
        ("ab", "", 0, 0),
        ("abcd", "ab cd", 4 * (2 / 6) / 4, 1),
        ("abcdef", "ab cde f", 6 * (4 / 15) / 6, 5 / 6),
    ],
)
def test_lea_by_hand(key: str, response: str, recall: float, precision: float) -> None:
    lea = score_document(spell(key), spell(response)).lea
    assert (lea.recall, lea.precision) == pytest.approx((recall, precision))


# Repeated mentions


def test_repeated_mentions_of_the_key_count_where_they_stand_first() -> None:
    plain = score_document(spell("a bc def"), spell("a bcx dy z"))
    assert score_document(spell("a bc def"), spell("a bcxbb dy z")) == plain
    assert score_document(spell("a bc def"), spell("a bcx dyb zc")) == plain
    assert score_document(spell("a bc def"), spell("a bcx dy z bb c")) == plain


def test_repeated_mentions_of_the_response_alone_weigh_on_precision() -> None:
    scores = score_document(spell("ab cd"), spell("abx cdx"))
    assert scores.mentions == Score.of(4, 4, 5)
    assert scores.muc == Score.of(2, 2, 4)
    assert scores.b_cubed.response == scores.ceaf_m.response == scores.lea.response == 6
    # Within {ab ax bx cd cx dx}; between {ac ad ax bc bd bx cx dx xx}: four links are of both kinds.
    assert scores.blanc == BlancScore(Score.of(2, 2, 6), Score.of(4, 4, 9))


# Counting against the definitions, as the official scorer applies them


def official(key: Clusters, response: Clusters) -> dict[str, tuple[float, float, float]]:
    """All metrics but LEA by enumeration of mentions, links and maps."""
    in_key = [mention for cluster in key for mention in cluster]
    seen: list[object] = []
    answer: list[list[object]] = []
    for cluster in response:
        kept = []
        for mention in cluster:
            if not (mention in in_key and mention in seen):
                kept.append(mention)
                seen.append(mention)
        answer += [kept] if kept else []
    in_answer = [mention for cluster in answer for mention in cluster]
    last = {mention: cluster for cluster in key for mention in cluster}

    def quotients(*sums: tuple[float, float, float, float]) -> tuple[float, float, float]:
        """The means of the recalls, precisions and F1 that the sums make."""
        means = [0.0, 0.0, 0.0]
        for recalled, of_key, precise, of_answer in sums:
            r, p = recalled / of_key if of_key else 0, precise / of_answer if of_answer else 0
            for place, value in enumerate((r, p, 2 * r * p / (r + p) if r + p else 0)):
                means[place] += value / len(sums)
        return means[0], means[1], means[2]

    links = 0
    for cluster in answer:
        for i, mention in enumerate(cluster):
            links += any(mention in last and last.get(other) is last[mention] for other in cluster[i + 1 :])

    recalled = precise = 0.0
    for cluster in answer:
        for mention in cluster:
            both = sum(other in last.get(mention, ()) for other in cluster)
            recalled += both / len(last[mention]) if mention in last else 0
            precise += both / len(cluster)

    def best(similarity: Callable[[Sequence[object], Sequence[object]], float]) -> float:
        short, long = sorted((key, answer), key=len)
        ways = permutations(long, len(short))
        return max(sum(similarity(*pair) for pair in zip(short, way, strict=True)) for way in ways)

    def common(one: Sequence[object], other: Sequence[object]) -> float:
        ours, theirs = (one, other) if any(one is cluster for cluster in key) else (other, one)
        return sum(mention in theirs for mention in ours)

    phi3 = best(common)
    phi4 = best(lambda one, other: 2 * common(one, other) / (len(one) + len(other)))

    def links_of(clusters: Sequence[Sequence[object]]) -> list[set[frozenset[object]]]:
        return [
            {frozenset(pair) for cluster in clusters for pair in combinations(cluster, 2)},
            {frozenset(pair) for one, other in combinations(clusters, 2) for pair in product(one, other)},
        ]

    kinds = [
        (len(k & a), len(k), len(k & a), len(a)) for k, a in zip(links_of(key), links_of(answer), strict=True) if k
    ]
    found = len({*in_key} & {*in_answer})
    return {
        "mentions": quotients((found, len({*in_key}), found, len({*in_answer}))),
        "muc": quotients((links, len(in_key) - len(key), links, len(in_answer) - len(answer))),
        "b_cubed": quotients((recalled, len(in_key), precise, len(in_answer))),
        "ceaf_m": quotients((phi3, len(in_key), phi3, len(in_answer))),
        "ceaf_e": quotients((phi4, len(key), phi4, len(answer))),
        "blanc": quotients(*kinds),
    }


small = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), max_size=4)


@given(small, small)
def test_counts_agree_with_the_definitions_whatever_is_repeated(key: Clusters, response: Clusters) -> None:
    scores = score_document(key, response)
    for metric, expected in official(key, response).items():
        assert measures(scores.metrics[metric]) == pytest.approx(expected), metric


# Laws


@st.composite
def partitions(draw: st.DrawFn) -> list[list[int]]:
    """Clusters without repeated mentions."""
    labels = draw(st.dictionaries(st.integers(0, 30), st.integers(0, 8), max_size=24))
    return [[mention for mention, label in labels.items() if label == cluster] for cluster in set(labels.values())]


@given(partitions(), partitions(), st.booleans())
def test_bounds(key: Clusters, response: Clusters, singletons: bool) -> None:
    scores = score_document(key, response, singletons=singletons)
    for metric in METRICS:
        assert all(0 <= value <= 1 + 1e-12 for value in measures(scores.metrics[metric])), metric
    assert 0 <= scores.conll <= 1 + 1e-12


@given(partitions(), partitions())
def test_exchanging_key_and_response_exchanges_recall_and_precision(key: Clusters, response: Clusters) -> None:
    forth, back = score_document(key, response), score_document(response, key)
    for metric in PARTITIONED:
        there, here = forth.metrics[metric], back.metrics[metric]
        assert (there.recall, there.precision, there.f1) == pytest.approx((here.precision, here.recall, here.f1)), (
            metric
        )
    for kind in ("coreference", "non_coreference"):  # BLANC leaves a kind out by the key alone
        there, here = getattr(forth.blanc, kind), getattr(back.blanc, kind)
        assert (there.recall, there.precision) == (here.precision, here.recall)


@given(partitions())
def test_a_response_like_the_key_is_perfect_where_there_is_something_to_find(clusters: Clusters) -> None:
    scores = score_document(clusters, clusters)
    links = any(len(cluster) > 1 for cluster in clusters)
    mentions = sum(map(len, clusters))
    for metric in METRICS:
        something = links if metric == "muc" else mentions > 1 if metric == "blanc" else mentions > 0
        assert measures(scores.metrics[metric]) == pytest.approx([float(something)] * 3), metric


@given(partitions(), partitions(), st.integers())
def test_order_does_not_matter(key: Clusters, response: Clusters, seed: int) -> None:
    random = Random(seed)

    def shuffled(clusters: Clusters) -> Clusters:
        return random.sample([random.sample(cluster, len(cluster)) for cluster in clusters], len(clusters))

    one, other = score_document(key, response), score_document(shuffled(key), shuffled(response))
    for metric in METRICS:
        assert measures(one.metrics[metric]) == pytest.approx(measures(other.metrics[metric])), metric


@given(st.lists(st.tuples(partitions(), partitions()), max_size=4))
@settings(max_examples=30)
def test_scores_of_documents_add_up_to_those_of_the_corpus(documents: list[tuple[Clusters, Clusters]]) -> None:
    assert sum((score([document]) for document in documents), Scores()) == score(documents)


# Singletons, and what a caller sees


def test_singletons_are_dropped_from_both_sides() -> None:
    key, response = spell("ab cde f g"), spell("abf cd e x")
    dropped = score_document(key, response, singletons=False)
    assert dropped.singletons is False
    kept = score_document(spell("ab cde"), spell("abf cd"))
    assert dropped.metrics == kept.metrics
    assert score_document(spell("aa b"), spell("a bb"), singletons=False).metrics == Scores().metrics


def test_scores_with_and_without_singletons_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="singletons"):
        Scores(singletons=True) + Scores(singletons=False)


def test_nothing_at_all_scores_nothing() -> None:
    for scores in (score([]), score([([], [])]), score([([[]], [[]])])):
        assert scores == Scores()
        assert scores.conll == 0


def test_as_dict_is_json() -> None:
    values = json.loads(json.dumps(score_document(spell("ab c"), spell("ab c"), singletons=False).as_dict()))
    assert values["singletons"] is False
    assert values["conll"] == 1
    assert values["muc"] == {"recall": 1, "precision": 1, "f1": 1}
    assert set(values) == {"singletons", "conll", *METRICS}


def test_a_hundred_documents_are_scored_between_two_epochs() -> None:
    key = [[(i, j) for j in range(4 if i % 2 else 1)] for i in range(120)]
    response = [[(i // 2, j) for j in range(3)] for i in range(0, 240, 3)] + [[(i, 99)] for i in range(40)]
    started = perf_counter()
    scores = score([(key, response)] * 100)
    assert perf_counter() - started < 2
    assert scores.mentions.key == 100 * 300
