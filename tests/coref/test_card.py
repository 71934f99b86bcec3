"""The model card holds what the run left."""

from __future__ import annotations

from typing import Any

import pytest

from lehr.coref.card import model_card


@pytest.fixture
def result() -> dict[str, Any]:
    """As little as the card needs of what `carry_out` gives."""
    names = ("mention_f1", "muc_f1", "b_cubed_f1", "ceaf_e_f1", "conll_f1")
    return {
        "recipe": {
            "documents": {
                "train": [
                    {"scheme": "entities", "files": ["a"], "about": "stories"},
                    {"scheme": "chains", "files": ["c"]},
                ],
                "dev": [{"scheme": "entities", "files": ["d"]}],
                "unlabelled": {"scheme": "entities", "files": ["n/*.txt"], "words": 250000, "about": "novels"},
            }
        },
        "student": {"from": "some/encoder", "layers": [0, 2, 5]},
        "teacher": {"teacher": {"from": "runs/large/model"}},
        "stages": [{"title": "softest first"}, {"title": "labels"}],
        "epochs": 8,
        "seconds": 1230.0,
        "seed": 3,
        "validation": 54.32,
        "test_scores": {
            name.format(measure): start + place
            for name, start in (("{}", 50.0), ("{}_without_singletons", 70.0), ("chains_{}", 60.0))
            for place, measure in enumerate(names)
        },
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
        "- Encoder: some/encoder, layers 0, 2, 5, windows of 123 word pieces, read with int8 weights.",
        "development part (entities): CoNLL F1 54.3.",
        "Spans of more than 17 words",
        "| scheme | singletons | mentions F1 | MUC | B³ | CEAF-e | CoNLL F1 |\n|---|---|---|---|---|---|---|\n"
        "| entities | with | 50.0 | 51.0 | 52.0 | 53.0 | 54.0 |\n"
        "| entities | without | 70.0 | 71.0 | 72.0 | 73.0 | 74.0 |\n"
        "| chains | as annotated | 60.0 | 61.0 | 62.0 | 63.0 | 64.0 |\n",
        "annotation schemes it has learned: entities, chains.",
        "Made with lehr 0.9, torch 9.8.7, transformers 6.5.4.",
    ]:
        assert expected in card
    assert card.startswith("---\nlicense: ")
    assert "{" not in card
    unscored = model_card("a model", {**result, "validation": None, "test_scores": {}}, CONFIG)
    assert "development part (entities).\n" in unscored
    assert "There was no test part." in unscored


def test_a_resolver_that_was_taught(result: dict[str, Any]) -> None:
    card = model_card("a model", result, CONFIG)
    for expected in [
        "- Training: 8 epochs, 20.5 minutes, seed 3:\n"
        "  - `entities`: stories\n"
        "  - `chains`: c\n"
        "  - softest first and labels; taught by runs/large/model\n"
        "  - without annotation: 250,000 words of novels\n",
    ]:
        assert expected in card
    assert "{" not in card
    documents = result["recipe"]["documents"]
    drawn = [documents["unlabelled"], {"scheme": "entities", "files": ["gap.tsv"]}]
    more = model_card("a model", {**result, "recipe": {"documents": {**documents, "unlabelled": drawn}}}, CONFIG)
    assert "  - without annotation: 250,000 words of novels\n  - without annotation: gap.tsv\n" in more
    several = {**result, "teacher": {"a": {"members": ["x", "y"]}, "b": "assistant"}}
    assert "taught by x and y, assistant\n" in model_card("a model", several, CONFIG)
    alone = model_card("a model", {**result, "teacher": {}}, CONFIG)
    assert "taught by" not in alone
    assert "novels" not in alone, "nobody read them to it"
