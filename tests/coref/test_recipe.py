"""Recipes: what they say, what they may not say, and the documents they name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tiny_documents import HOUSE, SHIP

from lehr.coref.data import Example, fingerprint
from lehr.coref.recipe import Recipe, Source, load_recipe
from lehr.formats.conll import write

RECIPES = Path(__file__).parents[2] / "recipes" / "coref"

MINIMAL = """
encoder: some/encoder
train:
  - {scheme: entities, files: ["*.conll"], about: what they are}
  - {scheme: chains, files: [b.conll]}
dev: [{scheme: chains, files: [b.conll], ids: dev.ids}]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(MINIMAL, encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two files of a document each, and one without words."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name, document in {"a": HOUSE, "b": SHIP}.items():
        (folder / f"{name}.conll").write_text(write([document]), encoding="utf-8")
    (folder / "c.conll").write_text("#begin document (c); part 000\n#end document\n", encoding="utf-8")
    (folder / "dev.ids").write_text("b.tsv\n", encoding="utf-8")
    return folder


def names(examples: list[Example]) -> list[tuple[str, int]]:
    return [(example.document.id, example.scheme) for example in examples]


def test_what_a_recipe_says(recipe: Path) -> None:
    made = load_recipe(recipe)
    assert (made.encoder, made.schemes) == ("some/encoder", ["entities", "chains"])
    assert made.train[0].about == "what they are"
    assert (made.dev[0].files, made.dev[0].ids) == (["b.conll"], "dev.ids")
    assert (made.test, made.model, made.training) == ([], {}, {})


TRAINED = [path for path in sorted(RECIPES.glob("*.yaml")) if "\nencoder:" in path.read_text("utf-8")]


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_our_own_recipes(path: Path) -> None:
    made = load_recipe(path)
    assert made.train
    assert made.dev
    assert len(set(made.schemes)) == len(made.schemes) > 0
    assert all(source.about or source.ids or source.files for source in made.train)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("encoder=other", {"encoder": "other"}),
        ("training.seed=2", {"training": {"seed": 2}}),
        ("model.scorer=antecedent", {"model": {"scorer": "antecedent"}}),
        ("training.report_to=[tensorboard]", {"training": {"report_to": ["tensorboard"]}}),
        ("head_learning_rate=1e-4", {"head_learning_rate": 1e-4}),
        ("training.learning_rate=2.5E-5", {"training": {"learning_rate": 2.5e-5}}),
        ("training.run_name=a=b", {"training": {"run_name": "a=b"}}),
        ("test=[{scheme: chains, files: [x]}]", {}),
    ],
)
def test_settings(recipe: Path, setting: str, expected: dict[str, Any]) -> None:
    made = load_recipe(recipe, [setting])
    assert {name: getattr(made, name) for name in expected} == expected


def test_later_settings_win_and_leave_the_rest(recipe: Path) -> None:
    made = load_recipe(recipe, ["training.seed=2", "training.max_steps=9", "training.seed=3"])
    assert made.training == {"seed": 3, "max_steps": 9}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.seed", "--set training.seed: expected key=value"),
        ("encoder.size=2", "--set encoder.size=2: encoder has no keys"),
        ("model.window=[", r"--set model.window=\[: no YAML: "),
        ("colour=red", "recipe.yaml: recipe: unknown key 'colour'; known are encoder, train,"),
        ("model.scorrer=one-pass", "recipe.yaml: model: unknown key 'scorrer'; known are scorer, singleton_scheme,"),
        ("model.schemes=[a]", "recipe.yaml: model: unknown key 'schemes'"),
        ("training.lr=1", "recipe.yaml: training: unknown key 'lr'"),
        ("training.output_dir=x", "recipe.yaml: training: unknown key 'output_dir'"),
        ("test=[{scheme: chains}]", "recipe.yaml: test: key 'files' is missing"),
        ("test=[{scheme: chains, files: [], id: x}]", "recipe.yaml: test: unknown key 'id'; known are scheme, files,"),
        ("test=[{scheme: third, files: [x]}]", "recipe.yaml: scheme 'third' is scored but never trained"),
    ],
)
def test_settings_that_will_not_do(recipe: Path, setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_recipe(recipe, [setting])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "expected keys and values, found list"),
        ("train: []\ndev: []\n", "recipe: key 'encoder' is missing"),
        ("encoder: a\ntrain: [{scheme: b, files: [c]}]\n", "recipe: key 'dev' is missing"),
        ("encoder: a\ntrain: [{scheme: b, files: [c]}]\ndev: []\n", "`train` and `dev` name one source"),
        ("encoder: a\ntrain: [", "no YAML"),
    ],
)
def test_files_that_are_no_recipes(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"odd.yaml: {message}"):
        load_recipe(path)


def test_documents(recipe: Path, data: Path) -> None:
    made = load_recipe(recipe, [f"data={data}"])
    assert names(made.examples(made.train)) == [("house", 0), ("ship", 0), ("ship", 1)]
    assert names(made.examples(made.dev)) == [("ship", 1)]


def test_a_key_without_a_value_is_as_good_as_absent(recipe: Path) -> None:
    recipe.write_text(MINIMAL + "training:\nmodel:\n", encoding="utf-8")
    assert load_recipe(recipe) == load_recipe(recipe, ["training={}", "model={}"])


def test_another_sentence_is_another_document() -> None:
    parted = dataclasses.replace(HOUSE, sentences=((0, 2), (2, len(HOUSE.words))))
    assert fingerprint([Example(HOUSE, 0)]) != fingerprint([Example(parted, 0)])


def test_documents_that_are_not_there(recipe: Path, data: Path) -> None:
    made = load_recipe(recipe, [f"data={data / 'nowhere'}"])
    with pytest.raises(ValueError, match=r"no file matches .*nowhere.*; set the recipe's `data` to the folder"):
        made.examples(made.train)
    with pytest.raises(ValueError, match=r"/x/\*\.conll: patterns are below the recipe's `data`"):
        made.examples([Source("entities", ["/x/*.conll"])])
    (data / "dev.ids").write_text("b.tsv\nz.tsv\n", encoding="utf-8")
    made = load_recipe(recipe, [f"data={data}"])
    with pytest.raises(ValueError, match=r"dev\.ids lists z, and no file of \['b\.conll'\] has that name"):
        made.examples(made.dev)


def test_encoders_on_the_shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = Recipe("some/encoder", [], [])
    monkeypatch.setenv("LEHR_ENCODERS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert made.encoder_path() == "some/encoder"
    (tmp_path / "encoder").mkdir()
    assert made.encoder_path() == str(tmp_path / "encoder")
    (tmp_path / "some/encoder").mkdir(parents=True)
    assert made.encoder_path() == "some/encoder"


def test_a_fingerprint_knows_words_clusters_and_schemes() -> None:
    first, *others = HOUSE.spans
    variants = [
        [Example(HOUSE, 0)],
        [Example(HOUSE, 1)],
        [Example(HOUSE.with_clusters(others), 0)],
        [Example(HOUSE.with_clusters([first[:-1], *others]), 0)],
        [Example(HOUSE, 0), Example(SHIP, 0)],
        [Example(SHIP, 0), Example(HOUSE, 0)],
        [],
    ]
    prints = [fingerprint(variant) for variant in variants]
    assert len(set(prints)) == len(prints)
    assert prints == [fingerprint(variant) for variant in variants]
    assert {len(found) for found in prints} == {16}
