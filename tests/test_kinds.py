"""Kinds of mentions, and what they add to pair logits."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.decoding import ANAPHOR, DESCRIPTION, NAME, PRONOUN
from lehr.kinds import count, kinds, roles, shift_by_kind
from lehr.language import language


@pytest.mark.parametrize(
    ("mention", "kind"),
    [
        ("I", 0),
        ("my", 0),
        ("You", 1),
        ("himself", 2),
        ("HER", 3),
        ("it", 4),
        ("IT", 8),  # a name, as written so
        ("us", 5),
        ("US", 8),
        ("’em", 6),
        ("who", 7),
        ("this", 7),
        ("Tom", 8),
        ("Mr. Tom Bell", 8),
        ("The Duke of York", 8),
        ("the boy", 9),
        ("his old hat", 9),
        ("The boy", 9),
        ("This old boy", 9),
        ("a boy", 10),
        ("two old boys", 10),
        ("42", 10),
    ],
)
def test_kinds_of_english(mention: str, kind: int) -> None:
    assert kinds([mention.split()], "en").tolist() == [kind]
    assert count("en") == 11


def test_where_nothing_is_known_there_are_names_and_others() -> None:
    assert count("xx") == 4
    assert kinds([["Tom"], ["sie"], ["die", "Frau"], ["她"]], "xx").tolist() == [1, 3, 3, 3]
    assert kinds([], "xx").shape == (0,)


def test_every_person_is_a_pronoun_of_the_language() -> None:
    english = language("en")
    persons = [word for group in english.persons for word in group]
    assert len(persons) == len({*persons})
    assert all(english.has_pronoun("I" if word == "i" else word) for word in persons)


def test_what_mentions_are_when_clusters_are_decided() -> None:
    mentions = [["I"], ["He"], ["hers"], ["it"], ["who"], ["Tom"], ["the", "boy"], ["boys"]]
    expected = [PRONOUN, ANAPHOR, ANAPHOR + 1, PRONOUN, PRONOUN, NAME, DESCRIPTION, DESCRIPTION]
    assert roles(kinds(mentions, "en"), "en").tolist() == expected
    assert {*roles(kinds(mentions, "xx"), "xx").tolist()} == {DESCRIPTION}


def test_each_pair_gets_what_belongs_to_its_kinds() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(7, 7)).astype(np.float32)
    shift = rng.normal(size=(3, 3))
    shift += shift.T
    own = rng.integers(0, 3, 7)
    expected = [[logits[i, j] + shift[own[i], own[j]] for j in range(7)] for i in range(7)]
    shift_by_kind(logits, own, shift.tolist())
    np.testing.assert_allclose(logits, expected, atol=1e-6)
