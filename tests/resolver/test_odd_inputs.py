"""Whatever a text holds, it is resolved or refused in one sentence.

The searches are short here; `pytest tests/resolver/test_odd_inputs.py --hypothesis-profile long` looks for hours.
"""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lehr.document import Document
from lehr.resolver import Resolver
from lehr.windows import MAX_PIECES_PER_WORD

SOME = settings(
    max_examples=settings().max_examples // 4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FEW = settings(SOME, max_examples=settings().max_examples // 10)
TEXTS = [
    "Mary said she was tired.",
    "",
    "Her mother asked why she was, and Mary did not know. " * 9,
    "\x00",
    "She? Her!",
]


@pytest.fixture(scope="module")
def resolver(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Resolver:
    """The model of random weights, comparing few candidates, so that ten thousand words take no time."""
    folder = copytree(tiny, tmp_path_factory.mktemp("models") / "few")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "candidate_ratio": 0.01}))
    return Resolver.from_pretrained(folder, threads=1)


def sound(document: Document, text: str) -> None:
    """See that an answer is about the text."""
    assert document.text == text
    for cluster in document.clusters:
        for mention in cluster.mentions:
            assert text[mention.start : mention.end] == mention.text != ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(" * 10_000, 10_000),
        ("([{" * 500 + "she" + "}])" * 500, 3_001),
        ('"' * 2_000, None),
        ("a" * 100_000, 1),
        ("Mary saw " + "x" * 100_000 + " and she left.", 7),
        ("a-" * 20_000, None),
        ("." * 2_000, None),
        (" " * 100_000 + "\n" * 1000, 0),
        ("\x00" * 1000, 0),
        ("Mary\x00said\x00she.", 4),
        ("e" + "\u0301" * 10_000, 1),
        ("\u0301" * 10_000, None),
        ("👩\u200d" * 2_000, None),
        ("http://" + "a/" * 20_000, 1),
        ("\u202eמרים אמרה\u202c that she was tired. هي قالت: نعم", None),
        ("Мария said 玛丽說她累了。Ἡ Μαρία ist müde; मैरी ने कहा।", None),
        ("𝓜𝓪𝓻𝔂 ＳＡＩＤ ﬁnally ʂⱨē", 4),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, str) else "",
)
def test_odd_texts_are_resolved(resolver: Resolver, text: str, words: int | None) -> None:
    document = resolver(text)
    sound(document, text)
    assert words is None or len(document.words) == words


def test_a_word_of_100_000_letters_takes_no_more_room_than_others(resolver: Resolver) -> None:
    windower = resolver._model.windower
    assert len(windower(["a" * 100_000]).input_ids[0]) <= MAX_PIECES_PER_WORD + 2
    document = resolver(["Mary", "x" * 100_000, "she", "."])
    assert len(document.words) == 4


@SOME
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_any_unicode_is_resolved(resolver: Resolver, text: str) -> None:
    sound(resolver(text, mention_threshold=0.0), text)


@SOME
@given(st.text(max_size=30), st.sampled_from(["\ud800", "\udbff", "\udc00", "\udfff"]), st.text(max_size=30))
def test_a_lone_half_of_a_surrogate_pair_is_told(resolver: Resolver, before: str, half: str, after: str) -> None:
    for source in (f"{before}{half}{after}", ["Mary", f"{before}{half}{after}"]):
        with pytest.raises(ValueError, match="half of a surrogate pair") as caught:
            resolver(source)
        assert "\n" not in str(caught.value)


@SOME
@given(st.sampled_from(["latin-1", "utf-16-le", "cp1252"]), st.binary(max_size=400))
def test_bytes_that_were_decoded_wrongly_are_resolved(resolver: Resolver, encoding: str, data: bytes) -> None:
    text = data.decode(encoding, errors="replace")
    sound(resolver(text), text)


@FEW
@given(
    st.sampled_from(["config.json", "tokenizer.json"]), st.integers(0, 2000), st.binary(max_size=8), st.integers(0, 60)
)
def test_a_spoilt_description_is_told_or_harmless(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory, name: str, place: int, new: bytes, removed: int
) -> None:
    folder = copytree(tiny, tmp_path_factory.mktemp("spoilt") / "model")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:place] + new + whole[place + removed :])
    try:
        sound(Resolver.from_pretrained(folder, threads=1)(TEXTS[0]), TEXTS[0])
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert folder.name in str(error)  # noqa: PT017


def spans(resolver: Resolver, text: str) -> list[list[tuple[int, int]]]:
    return resolver(text).spans


@pytest.mark.parametrize("threads", [1, 2])
def test_processes_and_threads_share_a_resolver(tiny: Path, threads: int) -> None:
    resolver = Resolver.from_pretrained(tiny, threads=threads)
    alone = [spans(resolver, text) for text in TEXTS]
    assert any(len(cluster) > 1 for cluster in alone[0])
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(spans, [resolver] * 40, TEXTS * 8)) == alone * 8
    if threads == 1:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
            assert list(processes.map(spans, [resolver] * 5, TEXTS)) == alone


def test_threads_share_an_encoding(tiny: Path) -> None:
    """Its matrix is filled at the first question, which several may ask at once."""
    resolver = Resolver.from_pretrained(tiny, threads=1)
    encoding = resolver.encode(TEXTS[2])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(resolver, [encoding] * 16))
    assert answers == [resolver(TEXTS[2])] * 16
