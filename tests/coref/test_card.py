"""The model card holds what the run left."""

from __future__ import annotations

from typing import Any

import pytest

from lehr.coref.card import model_card


def scores(start: float) -> dict[str, Any]:
    """Figures that can be told from each other."""
    f1 = {name: {"f1": start + place / 100} for place, name in enumerate(["mentions", "muc", "b_cubed", "ceaf_e"])}
    return {"conll": start + 0.04, **f1}


@pytest.fixture
def result() -> dict[str, Any]:
    """As little as the card needs of what `training.train` gives."""
    source = {"scheme": "entities", "files": ["a/*.conll", "b.conll"], "about": ""}
    return {
        "recipe": {
            "encoder": "some/encoder",
            "train": [source, {"scheme": "chains", "files": ["c"], "about": "the third, CC BY 4.0"}],
            "dev": [source],
        },
        "seed": 7,
        "documents": {"train": 81, "dev": 9, "test": 10},
        "epochs": 12.0,
        "minutes_of_training": 33.5,
        "dev": {"entities": {"with_singletons": scores(0.5), "without_singletons": scores(0.6)}},
        "test": {"chains": {"with_singletons": scores(0.7)}},
        "versions": {"torch": "9.8.7", "transformers": "6.5.4"},
    }


CONFIG = {
    "language": "en",
    "scorer": "one-pass",
    "schemes": ["entities", "chains"],
    "window": 123,
    "max_width": 17,
    "precision": "int8",
    "lehr_version": "0.9",
}


def test_language(result: dict[str, Any]) -> None:
    for code, told in {"en": "- English only.", "de": "- Only the language `de`."}.items():
        card = model_card("a model", result, {**CONFIG, "language": code})
        assert f"\nlanguage: {code}\n" in card
        assert told in card


def test_figures(result: dict[str, Any]) -> None:
    card = model_card("a model", result, CONFIG)
    for expected in [
        "\n# a model\n",
        "- Encoder: some/encoder, windows of 123 word pieces, read with int8 weights.",
        "- Training: 12 epochs, 33.5 minutes, seed 7, 81 documents:\n"
        "  - `entities`: a/*.conll, b.conll\n  - `chains`: the third, CC BY 4.0\n",
        "development part (entities).",
        "Spans of more than 17 words",
        "| dev | entities | with | 50.0 | 51.0 | 52.0 | 53.0 | 54.0 |",
        "| dev | entities | without | 60.0 | 61.0 | 62.0 | 63.0 | 64.0 |",
        "| test | chains | with | 70.0 | 71.0 | 72.0 | 73.0 | 74.0 |",
        "annotation schemes it has learned: entities, chains.",
        "Made with lehr 0.9, torch 9.8.7, transformers 6.5.4.",
    ]:
        assert expected in card
    assert card.startswith("---\nlicense: ")
    assert "{" not in card
