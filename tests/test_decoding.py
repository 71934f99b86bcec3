"""From matrices to clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.special import expit

from lehr.decoding import (
    ANAPHOR,
    DESCRIPTION,
    NAME,
    PRONOUN,
    Floats,
    Ints,
    attach,
    average_linkage,
    best_antecedents,
    decode,
    probability,
    select_candidates,
    sentence_last,
    string_ids,
    uncross,
    weigh,
    word_ids,
)

SIZES = st.integers(0, 40)
SEEDS = st.integers(0, 2**32 - 1)
THRESHOLDS = st.sampled_from([0.0, 0.2, 0.45, 0.5, 0.7, 1.0])


def random_probabilities(k: int, seed: int) -> Floats:
    """Symmetric ones (k, k): clumped, so that there is something to merge, and untied, as ties may go either way."""
    random = np.random.default_rng(seed)
    place = random.random((k, 2))
    apart = np.abs(place[:, None] - place[None]).sum(-1) + random.normal(0, 0.1, (k, k))
    return expit(4 - 4 * (apart + apart.T))


def partition(labels: Ints) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in labels}


def test_probability_is_the_logistic_function() -> None:
    logits = np.array([-1e4, -90, -2.5, 0, 1e-6, 3, 40, 1e4, -np.inf], np.float32)
    with np.errstate(all="raise", under="ignore"):
        found = probability(logits)
    np.testing.assert_allclose(found, expit(logits), rtol=2e-6, atol=1e-30)
    assert found.dtype == np.float32
    assert probability(np.zeros(1))[0] == 0.5, "a logit of 0 reaches a threshold of one half"


def test_sentence_last() -> None:
    assert sentence_last([(0, 2), (2, 3), (3, 6)]).tolist() == [1, 1, 2, 5, 5, 5]
    assert sentence_last([]).shape == (0,)


@pytest.mark.parametrize(
    ("least", "ratio", "floor", "expected"),
    [
        (1, 0.5, -np.inf, [(0, 1), (2, 2)]),
        (1, 0.0, -np.inf, [(0, 1)]),
        (2, 0.0, -np.inf, [(0, 1), (2, 2)]),
        (1, 2, 3.0, [(0, 1), (2, 2)]),
        (9, 2, 9.0, []),
    ],
)
def test_candidates_are_the_best_cells_in_reach(
    monkeypatch: pytest.MonkeyPatch, least: int, ratio: float, floor: float, expected: list[tuple[int, int]]
) -> None:
    monkeypatch.setattr("lehr.decoding.MIN_CANDIDATES", least)
    logits = np.zeros((2, 4, 3), np.float32)
    logits[0, 0, 1], logits[1, 2, 0] = 5, 4  # best under one scheme each
    logits[:, 1, 1] = 7  # crosses into the next sentence
    logits[:, 3, 2] = 8  # beyond the last word
    found = select_candidates(logits, np.array([1, 1, 3, 3]), ratio, floor)
    assert found.tolist() == [list(span) for span in expected]
    assert found.dtype == np.int64


def test_a_short_document_is_compared_whole() -> None:
    found = select_candidates(np.zeros((1, 4, 3), np.float32), np.array([1, 1, 3, 3]), 0.25)
    assert found.tolist() == [[0, 0], [0, 1], [1, 1], [2, 2], [2, 3], [3, 3]]


def test_numbers_of_words_and_strings() -> None:
    words = word_ids(["The", "dog", "the", "DOG", "Straße", "STRASSE"])
    assert words.tolist() == [0, 1, 0, 1, 2, 2]
    strings = string_ids(words, np.array([[0, 1], [2, 3], [1, 1], [3, 3], [0, 3]]))
    assert strings.tolist() == [0, 0, 1, 1, 2]
    assert word_ids([]).shape == string_ids(words, np.zeros((0, 2), np.int64)).shape == (0,)


@given(SIZES, SEEDS, THRESHOLDS)
@settings(max_examples=60, deadline=None)
def test_average_linkage_is_that_of_scipy(k: int, seed: int, threshold: float) -> None:
    probabilities = random_probabilities(k, seed)
    expected = np.arange(k)
    if k > 1:
        distances = 1 - probabilities
        np.fill_diagonal(distances, 0)
        expected = fcluster(linkage(squareform(distances, checks=False), "average"), 1 - threshold, "distance")
    assert partition(average_linkage(probabilities, threshold)) == partition(expected)


def test_average_linkage_hears_all_members() -> None:
    probabilities = np.array([[1, 0.9, 0.8], [0.9, 1, 0.1], [0.8, 0.1, 1]])
    assert partition(average_linkage(probabilities, 0.5)) == {frozenset({0, 1}), frozenset({2})}
    assert partition(average_linkage(probabilities, 0.45)) == {frozenset({0, 1, 2})}


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_average_linkage_of_ties_ends(value: float) -> None:
    labels = average_linkage(np.full((9, 9), value), 0.5)
    assert len(partition(labels)) == (1 if value >= 0.5 else 9)


def test_average_linkage_of_nonsense_ends() -> None:
    assert len(partition(average_linkage(np.full((3, 3), np.nan), 0.5))) == 3


@given(st.integers(1, 30), SEEDS, THRESHOLDS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_given_clusters_stay_as_they_are(k: int, seed: int, threshold: float, one_pass: bool) -> None:
    random = np.random.default_rng(seed)
    known = random.integers(-1, 3, k)
    probabilities = random_probabilities(k, seed)
    logits = np.log(probabilities / (1 - probabilities))
    labels = (
        average_linkage(probabilities, threshold, known) if one_pass else best_antecedents(logits, threshold, known)
    )
    owners: dict[int, set[int]] = {}
    for label, owner in zip(labels.tolist(), known.tolist(), strict=True):
        if owner >= 0:
            owners.setdefault(label, set()).add(owner)
    assert all(len(found) == 1 for found in owners.values()), "two given clusters were merged"
    assert len(owners) == len(set(known[known >= 0].tolist())), "a given cluster was split"


@pytest.mark.parametrize("cluster", [average_linkage, best_antecedents])
def test_none_given_is_nothing_given(cluster: object) -> None:
    probabilities = random_probabilities(25, 1)
    free = cluster(probabilities, 0.5)  # type: ignore[operator]
    bound = cluster(probabilities, 0.5, np.full(25, -1))  # type: ignore[operator]
    assert partition(free) == partition(bound)


def test_found_mentions_join_the_given_cluster_that_they_suit_best() -> None:
    probabilities = np.array([[1, 0.9, 0.1, 0.7], [0.9, 1, 0.2, 0.9], [0.1, 0.2, 1, 0.3], [0.7, 0.9, 0.3, 1]])
    labels = average_linkage(probabilities, 0.5, np.array([0, 1, -1, -1]))
    assert partition(labels) == {frozenset({0}), frozenset({1, 3}), frozenset({2})}


def test_best_antecedents() -> None:
    scores = np.array([[0, 2, -1, 0.1], [2, 0, -1, 3], [-1, -1, 0, -2], [0.1, 3, -2, 0]])
    assert partition(best_antecedents(scores, 0.5)) == {frozenset({0, 1, 3}), frozenset({2})}
    assert partition(best_antecedents(scores, 0.9)) == {frozenset({0}), frozenset({1, 3}), frozenset({2})}


def test_a_given_mention_draws_what_was_found_before_it_into_its_cluster() -> None:
    scores = np.array([[0, 4, 5, -9], [4, 0, -9, -9], [5, -9, 0, -9], [-9, -9, -9, 0]])
    found = best_antecedents(scores, 0.5, np.array([-1, -1, 1, 1]))
    assert partition(found) == {frozenset({0, 1, 2, 3})}
    apart = best_antecedents(scores, 0.5, np.array([0, -1, 1, 1]))
    assert partition(apart) == {frozenset({0, 1}), frozenset({2, 3})}


def test_decode_keeps_probable_and_given_mentions_in_the_order_of_the_text() -> None:
    mention = np.array([2.0, -3, 2, 2, -3])
    pairs = np.full((5, 5), -4.0)
    pairs[0, 3] = pairs[3, 0] = pairs[1, 2] = pairs[2, 1] = 4
    assert decode("one-pass", mention, pairs) == [[0, 3], [2]]
    known = np.array([-1, 7, -1, -1, 8])
    assert decode("one-pass", mention, pairs, given=known) == [[0, 3], [1, 2], [4]]
    assert decode("one-pass", mention, pairs, mention_threshold=0.01, link_threshold=0.99) == [[0], [1], [2], [3], [4]]


def test_decode_ranks_antecedents_with_the_scores_of_both_mentions() -> None:
    mention, pairs = np.array([0.5, 0.5]), np.array([[0, -0.8], [-0.8, 0]])
    assert decode("antecedent", mention, pairs) == [[0, 1]]
    assert decode("one-pass", mention, pairs) == [[0], [1]]


def test_of_two_mentions_that_cross_the_more_probable_is_kept() -> None:
    spans = np.array([[0, 2], [0, 5], [1, 1], [2, 4], [4, 7], [6, 6], [9, 9]])
    logits = np.array([3.0, 2, 9, 1, 1.5, 0, 0])
    free = np.zeros(7, bool)
    assert uncross(spans, logits, free).tolist() == [0, 1, 2, 5, 6]
    assert uncross(spans, -logits, free).tolist() == [1, 2, 3, 5, 6]
    bound = free.copy()
    bound[[0, 3]] = True
    assert uncross(spans, logits, bound).tolist() == [0, 1, 2, 3, 5, 6]


@pytest.mark.parametrize("scorer", ["one-pass", "antecedent"])
def test_decode_of_nothing(scorer: str) -> None:
    assert decode(scorer, np.zeros(0), np.zeros((0, 0))) == []  # type: ignore[arg-type]
    assert decode(scorer, np.full(2, -9.0), np.zeros((2, 2))) == []  # type: ignore[arg-type]


HE = np.array([NAME, ANAPHOR, ANAPHOR, PRONOUN, NAME])  # as in: Tom, he, his, I, Bob
LINKS = np.array(
    [
        [1, 0.5, 0.3, 0.1, 0],
        [0.5, 1, 0.9, 0.6, 0.2],
        [0.3, 0.9, 1, 0.6, 0.9],
        [0.1, 0.6, 0.6, 1, 0.1],
        [0, 0.2, 0.9, 0.1, 1],
    ]
)


@pytest.mark.parametrize(
    ("labels", "roles", "owner", "expected"),
    [
        ([0, 1, 1, 3, 4], HE, -1, [0, 4, 4, 3, 4]),  # to the other name, by 0.55: to the first only by 0.4
        ([0, 1, 1, 1, 4], HE, -1, [0, 1, 1, 1, 4]),  # by 0.4 at best, as I has no part in it
        ([0, 1, 1, 3, 0], HE, -1, [0, 0, 0, 3, 0]),  # by 0.7: the best link of each
        ([0, 1, 2, 3, 4], HE, -1, [0, 1, 2, 3, 4]),  # one alone has been heard
        ([0, 1, 1, 3, 4], np.minimum(HE, PRONOUN), -1, [0, 1, 1, 3, 4]),  # nobody among them stands for what is named
        ([0, 1, 1, 3, 0], np.maximum(HE, PRONOUN), -1, [0, 1, 1, 3, 0]),  # nothing is named
        ([0, 1, 1, 3, 4], HE, 7, [0, 1, 1, 3, 4]),  # they are given
    ],
)
def test_pronouns_that_stayed_among_themselves_are_given_a_name(
    labels: list[int], roles: Ints, owner: int, expected: list[int]
) -> None:
    found = attach(np.array(labels), LINKS, 0.5, roles, np.where(HE == ANAPHOR, owner, -1))
    assert found.tolist() == expected


def test_they_are_so_a_little_below_the_threshold_of_links() -> None:
    logits = np.log(np.clip(LINKS, 1e-3, 0.999) / (1 - np.clip(LINKS, 1e-3, 0.999)))
    for threshold, expected in ((0.65, [[0], [1, 2, 4], [3]]), (0.75, [[0], [1, 2], [3], [4]])):
        assert decode("one-pass", np.full(5, 5.0), logits, roles=HE, link_threshold=threshold) == expected
    assert decode("one-pass", np.full(5, 5.0), logits, link_threshold=0.65) == [[0], [1, 2], [3], [4]]


def test_two_people_of_whom_pronouns_may_be_either_stay_two() -> None:
    """Anna, Beth, she, her, Beth, Anna: the mean of all links of Anna's to the others' reaches the threshold."""
    links = np.full((6, 6), 0.4)
    links[:2, :2] = links[:2, 4:] = links[4:, :2] = links[4:, 4:] = 0.1
    links[[0, 1, 4, 5], [5, 4, 1, 0]] = 0.8
    links[2:4, 2:4] = 0.7
    links[2:4, [1, 4]] = links[[1, 4], 2:4] = 0.45
    logits = np.log(links / (1 - links))
    beside = {"mention_logits": np.full(6, 5.0), "pair_logits": logits, "link_threshold": 0.24}
    women = np.array([NAME, NAME, ANAPHOR, ANAPHOR, NAME, NAME])
    assert decode("one-pass", **beside) == [[0, 1, 2, 3, 4, 5]]
    assert decode("one-pass", **beside, roles=np.full(6, DESCRIPTION)) == [[0, 1, 2, 3, 4, 5]]
    assert decode("one-pass", **beside, roles=women) == [[0, 5], [1, 2, 3, 4]]


def test_a_name_may_join_another_that_is_given_as_an_alias() -> None:
    """Mary, Mrs Smith, Mary: the first two are one person, which no link would have said."""
    links = np.full((3, 3), 0.05)
    links[0, 2] = links[2, 0] = 0.9
    names = {"mention_logits": np.full(3, 5.0), "pair_logits": np.log(links / (1 - links)), "roles": np.full(3, NAME)}
    assert decode("one-pass", **names, link_threshold=0.3) == [[0, 2], [1]]
    assert decode("one-pass", **names, link_threshold=0.3, given=np.array([0, 0, -1])) == [[0, 1, 2]]


def test_what_two_names_lack_of_the_threshold_counts_six_times() -> None:
    links = np.array([[0.0, 0.2, 0.2], [0.2, 0.0, 0.4], [0.2, 0.4, 0.0]])
    weigh(links, 0.3, np.array([NAME, NAME, DESCRIPTION]), np.full(3, -1))
    np.testing.assert_allclose(links, [[-1.5, -0.3, 0.2], [-0.3, -1.5, 0.4], [0.2, 0.4, 0.0]])


def test_he_and_she_speak_up_for_themselves_too() -> None:
    """He, his, she, and who may be any of them."""
    links = np.array([[1, 0.9, 0.2, 0.5], [0.9, 1, 0.2, 0.6], [0.2, 0.2, 1, 0.52], [0.5, 0.6, 0.52, 1]])
    weighed = links.copy()
    weigh(weighed, 0.3, np.array([ANAPHOR, ANAPHOR, ANAPHOR + 1, PRONOUN]), np.array([-1, 4, 5, -1]))
    np.testing.assert_allclose(weighed[:2, 2], [-0.3, -0.3])
    weighed[:2, 2] = weighed[2, :2] = 0.2
    np.testing.assert_array_equal(weighed, links)
    roles = np.array([ANAPHOR, ANAPHOR, ANAPHOR + 1, DESCRIPTION])
    given = {"mention_logits": np.full(4, 5.0), "pair_logits": np.log(links / (1.0001 - links)), "link_threshold": 0.3}
    assert decode("one-pass", **given, roles=roles) == [[0, 1, 3], [2]]
    assert decode("one-pass", **given) == [[0, 1, 2, 3]]


def test_pronouns_that_stayed_among_themselves_do_not_go_where_he_is_she() -> None:
    roles = np.array([NAME, ANAPHOR, ANAPHOR, ANAPHOR + 1, NAME])
    for other, host in ((ANAPHOR + 1, 1), (PRONOUN, 4)):
        roles[3] = other
        found = attach(np.array([0, 1, 1, 4, 4]), LINKS, 0.5, roles, np.full(5, -1))
        assert found.tolist() == [0, host, host, 4, 4]
