"""Documents of any length, decided in blocks."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_model import made

from lehr.document import Document
from lehr.formats import text as raw_text
from lehr.resolver import Passage, Resolver, entities
from lehr.resolver import encoding as encodings
from lehr.resolver import passages as in_blocks
from lehr.resolver.entities import APART, OF_ONE, REMEMBERED

PAGE = (
    "Mary said she was tired. Her mother asked why she was; Mary did not know, and Mr. Darcy left.\n\n"
    "The dog, which was hers, barked at him (and at her), so the mother said: 'Come here!'\r\n\r\n"
) * 3
N = 40
TOKENS = [f"w{number}" for number in range(N)]
"""One sentence in which the places 0, 10, 20 and 30 may be mentions."""
A, B, C, D = [(place, place) for place in (0, 10, 20, 30)]
FOUR = {A: 0.9, B: 0.9, C: 0.9, D: 0.9}


@pytest.fixture(scope="module")
def resolver(tiny: Path) -> Resolver:
    return Resolver.from_pretrained(tiny, threads=1)


def gathered(passages: list[Passage]) -> list[list[Any]]:
    """What a stream says of each entity."""
    found: dict[int, list[Any]] = {}
    for passage in passages:
        for number, mention in passage.mentions:
            found.setdefault(number, []).append(mention)
    return sorted(found.values(), key=lambda mentions: mentions[0].span)


def clusters(document: Document) -> list[list[Any]]:
    return [list(cluster.mentions) for cluster in document.clusters]


@pytest.mark.parametrize("horizon", [10, 15, 20, 40, 1000])
def test_entities_go_on_from_block_to_block(horizon: int) -> None:
    resolver, model = made(FOUR, {(A, C): 0.9, (A, D): 0.8, (C, D): 0.7, (B, D): 0.2})
    document = resolver(TOKENS, horizon=horizon)
    assert document.spans == [[A, C, D], [B]]
    *_, last = document.clusters[0].mentions
    assert (last.antecedent, last.link, last.score) == (0, pytest.approx(0.8), pytest.approx(0.9))
    assert model.compared == -(-N // horizon)
    assert document == resolver(TOKENS), "which fits whole"


def test_all_members_that_are_remembered_have_a_say() -> None:
    resolver, _ = made(FOUR, {(A, B): 0.9, (A, D): 0.9, (B, D): 0.2, (C, D): 0.6})
    assert resolver(TOKENS, horizon=10).spans == [[A, B], [C, D]]
    resolver, _ = made(FOUR, {(A, B): 0.9, (A, D): 0.9, (B, D): 0.4, (C, D): 0.6})
    assert resolver(TOKENS, horizon=10).spans == [[A, B, D], [C]]


def test_what_was_said_is_not_changed() -> None:
    resolver, _ = made(FOUR, {(A, B): 0.2, (A, C): 0.95, (B, C): 0.9})
    assert resolver(TOKENS, horizon=10).spans == [[A, C], [B], [D]]
    resolver, _ = made({**FOUR, B: 0.1}, {(A, B): 0.9, (B, C): 0.9})
    assert resolver(TOKENS, horizon=10).spans == [[A], [C], [D]]


def test_a_mention_may_reach_into_the_next_block() -> None:
    wide = (8, 11)
    resolver, _ = made({wide: 0.9, C: 0.9}, {(wide, C): 0.9})
    assert resolver(TOKENS, horizon=10).spans == [[wide, C]]
    crossing = (10, 12)
    resolver, _ = made({wide: 0.9, crossing: 0.95}, {(wide, crossing): 0.9})
    assert resolver(TOKENS, horizon=10).spans == [[wide]], "of one entity, the one said first stays"


def test_antecedents_are_ranked_across_blocks_too() -> None:
    resolver, _ = made(FOUR, {(A, B): 0.9, (B, D): 0.9}, scorer="antecedent")
    document = resolver(TOKENS, horizon=10)
    assert document.spans[0] == [A, B, D]
    assert [m.antecedent for m in document.clusters[0].mentions] == [None, 0, 1]


def test_who_stands_alone_is_said_in_the_end() -> None:
    pairs = {(A, D): 0.9}
    resolver, _ = made(FOUR, pairs)
    assert resolver(TOKENS, horizon=10, singletons=False).spans == [[A, D]]
    told = list(resolver.stream([" ".join(TOKENS)], horizon=10, singletons=False))
    assert [[mention.span for _, mention in passage.mentions] for passage in told] == [[], [], [], [A, D]]
    resolver, _ = made({A: (0.1, 0.9), B: (0.9, 0.1), C: (0.1, 0.9), D: (0.1, 0.9)}, pairs, singleton_scheme="entities")
    assert resolver(TOKENS, horizon=10).spans == [[A, D], [B]]


def test_questions_about_mentions_are_answered_too() -> None:
    resolver, _ = made({**FOUR, C: 0.1}, {(A, B): 0.9, (A, C): 0.9, (B, C): 0.9, (A, D): 0.7, (B, D): 0.1, (C, D): 0.9})
    assert resolver(TOKENS, horizon=10).spans == [[A, B], [D]]
    assert resolver.entities(TOKENS, [C, (5, 25), B], horizon=10).spans == [[A, B, C, D], [(5, 25)]]
    assert resolver(TOKENS, horizon=10, mention=C).spans == [[A, B, C, D]]
    assert resolver(TOKENS, horizon=10, mention=(5, 25)).spans == [[(5, 25)]], "even what the matrix has no cell for"
    assert resolver(TOKENS, horizon=10, mention=(5, 25), singletons=False).clusters[0].mentions[0].score is None
    assert resolver(TOKENS, horizon=10, mentions=[C, D]).spans == [[C, D]]
    assert resolver(TOKENS, horizon=10, mentions=[B, (1, 1)]).spans == [[(1, 1)], [B]]
    assert resolver(TOKENS, horizon=10, mentions=[]).spans == []
    assert resolver(TOKENS, horizon=10, clusters=[[A, D], [B]]).spans == [[A, D], [B]]
    assert resolver(TOKENS, horizon=10, clusters=[[B, (15, 15)]]).spans == [[A, D], [B, (15, 15)]]


def test_more_given_mentions_than_can_be_compared_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, _ = made(FOUR, {})
    monkeypatch.setattr(entities, "MAX_CANDIDATES", 5)
    with pytest.raises(ValueError, match="around word 0 there are 11 mentions to compare"):
        resolver(TOKENS, mentions=[(place, place) for place in range(10)], horizon=20)


def test_what_is_compared_is_bounded_and_seems_near() -> None:
    """Many entities of one mention, and one with many, which is not forgotten."""
    n = 600
    tokens = ["hero" if place % 10 == 0 else "x" for place in range(n)]
    heroes = [(place, place) for place in range(0, n, 10)]
    others = {(place, place): 0.9 for place in range(n)}
    last = (n - 5, n - 5)
    pairs = {(a, b): 0.9 for a in heroes for b in [*heroes, last]}
    resolver, model = made(others, pairs)
    shown: list[Any] = []
    pair_logits = model.pair_logits

    def watched(first: Any, last: Any, spans: Any, words: Any, strings: Any, kinds: Any) -> Any:
        shown.append(spans)
        return pair_logits(first, last, spans, words, strings, kinds)

    model.pair_logits = watched  # type: ignore[method-assign]
    document = resolver(tokens, horizon=50)
    assert document.spans[0] == [*heroes, last]
    assert max(map(len, model.seen)) == REMEMBERED + 50
    for block, (seen, spans) in enumerate(zip(model.seen, shown, strict=True)):
        known = [span for span in seen if span[0] < 50 * block]
        assert len(known) <= REMEMBERED
        assert sum(span in heroes for span in known) <= OF_ONE
        assert seen == sorted(seen)
        apart = 50 * block - spans[: len(known), 0]
        assert (np.diff(spans[:, 0]) >= 0).all(), "their order stays"
        assert (apart <= APART * np.arange(len(known), 0, -1)).all()
        assert (apart <= 50 * block - np.array([span[0] for span in known], int)).all(), "never farther than they are"


def test_the_longest_and_the_last_are_remembered() -> None:
    words = (("Mr.", "Darcy"), *[("he",)] * 5, ("the", "proud", "man"), *[("he",)] * 6)
    assert sorted(entities._telling([*range(13)], words)) == [0, 6, 7, 8, 9, 10, 11, 12]
    assert sorted(entities._telling([0, 1, 2], words)) == [0, 1, 2]


def test_a_document_too_long_for_one_matrix_is_decided_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, model = made(FOUR, {(A, D): 0.9})
    expected = resolver(TOKENS)
    monkeypatch.setattr(encodings, "MAX_CANDIDATES", 20)
    assert resolver(TOKENS) == expected
    assert list(resolver.pipe([TOKENS])) == [expected]
    encoding = resolver.encode(TOKENS)
    assert model.encoded == 3, "an encoding of it is made at each question"
    assert resolver(encoding) == expected
    assert resolver(encoding, mention=A).spans == [[A, D]]
    assert model.encoded == 5
    with pytest.raises(ValueError, match="too many for one matrix"):
        _ = encoding.matrix


def test_so_is_a_long_one_unless_somebody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, model = made(FOUR, {(A, D): 0.9})
    monkeypatch.setattr(in_blocks, "HORIZON", 10)
    for whole, compared in ((N, 1), (N - 1, 4)):
        monkeypatch.setattr(encodings, "WHOLE", whole)
        model.compared = 0
        assert resolver(TOKENS).spans == [[A, D], [B], [C]]
        assert model.compared == compared
    model.compared = 0
    assert resolver(TOKENS, horizon=N).spans == [[A, D], [B], [C]]
    assert model.compared == 1


def test_so_are_too_many_given_mentions(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, _ = made(FOUR, {(A, D): 0.9}, candidate_ratio=0.1)
    monkeypatch.setattr(encodings, "MAX_CANDIDATES", 4)
    assert resolver(TOKENS).spans == [[A, D], [B], [C]]
    assert resolver(TOKENS, mentions=[A, (1, 1), (2, 2), (3, 3), D]).spans == [[A, D], [(1, 1)], [(2, 2)], [(3, 3)]]
    assert resolver(TOKENS, mention=(1, 1)).spans == [[(1, 1)]]


@pytest.mark.parametrize("horizon", [0, -1, 10**6])
def test_a_horizon_is_a_number_of_words(horizon: int) -> None:
    resolver, _ = made(FOUR, {})
    for ask in (lambda: resolver(TOKENS, horizon=horizon), lambda: resolver.stream([], horizon=horizon)):
        with pytest.raises(ValueError, match=f"horizon is {horizon}; it is a number of words, from 1 to 3,240"):
            ask()


def test_progress_is_told() -> None:
    resolver, _ = made(FOUR, {})
    told: list[int] = []
    resolver(TOKENS, horizon=15, told=told.append)
    resolver(TOKENS, told=told.append)
    resolver(TOKENS, horizon=15, mention=A, told=told.append)
    assert told == [15, 15, 10, 40, 15, 15, 10]


@pytest.mark.parametrize("horizon", [7, 30])
def test_a_stream_tells_as_it_goes(resolver: Resolver, horizon: int) -> None:
    passages = list(resolver.stream([PAGE], horizon=horizon))
    assert "".join(passage.text for passage in passages) == PAGE.rstrip()
    assert all(PAGE[passage.start : passage.end] == passage.text for passage in passages)
    assert sum(passage.words for passage in passages) == len(raw_text.split_words(PAGE))
    assert [passage.words for passage in passages[:-1]] == [horizon] * (len(passages) - 1)
    for passage in passages:
        for _, mention in passage.mentions:
            assert PAGE[mention.start : mention.end] == mention.text
    assert gathered(passages) == clusters(resolver(PAGE, horizon=horizon))
    assert any(len(mentions) > 1 for mentions in gathered(passages))


def test_a_stream_is_told_before_it_ends(resolver: Resolver) -> None:
    read = 0

    def pieces() -> Any:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield PAGE

    next(resolver.stream(pieces(), horizon=20))
    assert read < 40


def test_a_stream_is_of_strings_alone(resolver: Resolver) -> None:
    for piece in (None, b"and", 3):
        with pytest.raises(TypeError, match=f"comes in strings, not in {type(piece).__name__}"):
            list(resolver.stream(["Mary said s", piece, "he left."]))  # type: ignore[list-item]


def test_a_document_is_streamed_too() -> None:
    resolver, _ = made({**FOUR, C: 0.1}, {(A, D): 0.9, (B, C): 0.9})
    document = Document.from_sentences([TOKENS])
    for source in (document, [TOKENS], resolver.encode(document)):
        told = list(resolver.stream(source, horizon=15))
        assert [passage.words for passage in told] == [15, 15, 10]
        assert gathered(told) == clusters(resolver(document, horizon=15))
    assert [m.span for m in gathered(list(resolver.stream([TOKENS], given=[C], horizon=15)))[1]] == [B, C]
    assert gathered(list(resolver.stream(document, given=["w20"]))) != gathered(list(resolver.stream(document)))
    with pytest.raises(ValueError, match="no words 'other'"):
        resolver.stream(document, given=["other"])
    with pytest.raises(ValueError, match="not of a text in pieces"):
        resolver.stream(TOKENS, given=["w20"])


def test_nothing_streams_nothing(resolver: Resolver) -> None:
    for texts in ([], [""], [" ", "\n\n"]):
        assert list(resolver.stream(texts)) == []


PARTS = [
    "she",
    "Mary",
    "Mr. ",
    "No. ",
    "7",
    "n't",
    " ",
    "\n",
    "\r",
    "\n\n",
    ".",
    "U.S.",
    "''",
    "👩‍🚀",
    "e\u0301",
    "\x00",
    "\u200b",
]
TEXTS = st.lists(st.sampled_from(PARTS) | st.characters(exclude_categories=["Cs"]), max_size=60).map("".join)


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


@given(TEXTS, st.lists(st.integers(0, 10**6), max_size=12), st.integers(1, 9), st.integers(0, 9), st.integers(1, 12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_stream_says_the_same_however_it_is_cut(
    resolver: Resolver, text: str, places: list[int], longest: int, enough: int, horizon: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_text, "LONGEST", longest)
        patch.setattr(raw_text, "_ENOUGH", enough)
        expected = clusters(resolver(text, horizon=horizon))
        assert gathered(list(resolver.stream(cut(text, places), horizon=horizon))) == expected
        assert gathered(list(resolver.stream(text, horizon=horizon))) == expected, "letter by letter"


def test_half_a_surrogate_pair_is_told_where_it_stands(resolver: Resolver) -> None:
    with pytest.raises(ValueError, match=r"the stream of text has half of a surrogate pair, .* at character 5"):
        list(resolver.stream(["Mary ", "\ud83d", "\ude00"]))
    with pytest.raises(TypeError, match="not in bytes"):
        list(resolver.stream([b"Mary"]))  # type: ignore[arg-type]


def test_memory_does_not_grow_with_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_text, "_ENOUGH", 500)
    monkeypatch.setattr(entities, "REMEMBERED", 30)
    resolver, model = made({}, {})

    def mention_logits(first: Any, last: Any) -> Any:
        logits = np.full((2, len(first), 4), -9, np.float32)
        logits[:, first[:, 0] % 5 == 0, 0] = 3
        return logits

    model.mention_logits = mention_logits  # type: ignore[method-assign]
    model.pair_logits = lambda first, *_: np.full((len(first),) * 2, -3, np.float32)  # type: ignore[method-assign]

    def peak(pages: int) -> int:
        model.seen.clear()
        tracemalloc.start()
        passages = resolver.stream((PAGE for _ in range(pages)), horizon=50)
        mentions = sum(len(passage.mentions) for passage in passages)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert mentions > 20 * pages
        return highest

    peak(3)
    assert peak(12) < 1.2 * peak(3)
