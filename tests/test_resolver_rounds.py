"""What the comparison of resolvers makes of its rounds, and the texts that it gives."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lehr.document import Document


@pytest.fixture(scope="module")
def resolvers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("resolvers", Path(__file__).parents[1] / "benchmarks/resolvers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SETTINGS = {"threads": 2, "words": {"paragraph": 10, "openings": 30, "documents": 100}}


def made_run(number: int, seconds: float, *, weights: int = 0, whole: bool = True) -> dict[str, Any]:
    """A round of a resolver that needs so many seconds a hundred words."""
    lists = {"openings": 30, "documents": 100} if whole else {"openings": 30}
    return {
        "round": number,
        "seconds": {name: seconds * words / 100 for name, words in lists.items()},
        "paragraph_seconds": seconds / 10,
        "cold_start_seconds": seconds,
        "peak_bytes": dict.fromkeys(["paragraph", *lists], 3_000_000),
        "installed_bytes": 2_000_000,
        "largest_packages_bytes": {"numpy": 1_000_000},
        "weights_bytes": weights,
        "versions": {},
        "counts": {"openings": {"pieces": 36, "kept": 6}} if weights else {},
    }


def test_a_peer_is_measured_against_lehr_in_the_same_round(resolvers: ModuleType) -> None:
    runs = {
        "lehr": [made_run(0, 1), made_run(1, 2), made_run(2, 4)],  # a machine that gets slower
        "peer": [made_run(1, 6, weights=1, whole=False), made_run(2, 8, weights=1, whole=False)],
    }
    told = resolvers.told(SETTINGS, runs)
    assert told["resolvers"]["lehr"]["words_per_second"] == {"openings": 50, "documents": 50}
    assert told["resolvers"]["peer"]["paragraph_ms"] == 700
    assert told["over_lehr"]["peer"]["words_per_second"] == {"openings": 0.4167}  # of 1/3 and 1/2
    assert told["over_lehr"]["peer"]["peak_mb"] == {"paragraph": 1, "openings": 1}
    assert "weights_mb" not in told["over_lehr"]["peer"]  # lehr's are nought


def test_pieces_and_kept_spans_are_per_word(resolvers: ModuleType) -> None:
    told = resolvers.told(SETTINGS, {"lehr": [made_run(0, 1)], "peer": [made_run(0, 1, weights=1)]})
    assert told["resolvers"]["peer"]["pieces_per_word"] == {"openings": 1.2}
    assert told["resolvers"]["peer"]["kept_per_word"] == {"openings": 0.2}
    assert "kept_per_word" not in told["resolvers"]["lehr"]


def test_rounds_of_another_model_are_not_mixed_in(resolvers: ModuleType) -> None:
    with pytest.raises(SystemExit, match="peer: weights_bytes changed between rounds"):
        resolvers.told(
            SETTINGS, {"lehr": [made_run(0, 1)], "peer": [made_run(0, 1, weights=1), made_run(1, 1, weights=2)]}
        )


def test_rounds_of_other_texts_are_refused(resolvers: ModuleType) -> None:
    before = {"settings": SETTINGS, "runs": {"lehr": [made_run(0, 1)]}}
    assert resolvers.earlier(before, SETTINGS, Path("r.json")) == before["runs"]
    assert resolvers.earlier(None, SETTINGS, Path("r.json")) == {}
    with pytest.raises(SystemExit, match=r"r\.json was measured with other texts or threads"):
        resolvers.earlier(before, {**SETTINGS, "threads": 1}, Path("r.json"))


def test_an_opening_is_whole_sentences_and_one_at_least(resolvers: ModuleType) -> None:
    document = Document.from_sentences([["Mary", "slept", "."], ["She", "woke", "."], ["Tom", "left", "."]])
    opening = resolvers.given(document, 7)
    assert opening["sentences"] == [["Mary", "slept", "."], ["She", "woke", "."]]
    assert opening["text"] == "Mary slept. She woke."
    assert resolvers.given(document, 1)["sentences"] == [["Mary", "slept", "."]]
    assert resolvers.given(document)["text"] == document.text
