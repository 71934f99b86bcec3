"""Recipes as YAML: what they say, after settings, and what they may not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lehr.kd.recipe import difference, fill, read_recipe

MINIMAL = """
seed: 1
models: {student: {from: some/encoder}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(MINIMAL, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("seed=2", {"seed": 2}),
        ("models.student.from=other", {"models": {"student": {"from": "other"}}}),
        ("models.student.layers=[0, 5]", {"models": {"student": {"from": "some/encoder", "layers": [0, 5]}}}),
        ("training.learning_rate=1e-4", {"training": {"learning_rate": 1e-4}}),
        ("training.learning_rate=2.5E-5", {"training": {"learning_rate": 2.5e-5}}),
        ("training.run_name=a=b", {"training": {"run_name": "a=b"}}),
    ],
)
def test_settings(recipe: Path, setting: str, expected: dict[str, Any]) -> None:
    assert read_recipe(recipe, [setting]) == read_recipe(recipe) | expected


def test_items_of_lists_are_counted_from_0(recipe: Path) -> None:
    recipe.write_text("stages: [{objective: {name: kd}, epochs: 1}, {objective: hard-labels}]", encoding="utf-8")
    made = read_recipe(recipe, ["stages.0.objective.temperature=5", "stages.1.epochs=2"])
    first, second = (
        {"objective": {"name": "kd", "temperature": 5}, "epochs": 1},
        {"objective": "hard-labels", "epochs": 2},
    )
    assert made == {"stages": [first, second]}
    for wrong in ("stages.2.epochs=1", "stages.last.epochs=1", "stages.-1=1"):
        with pytest.raises(ValueError, match="is none of the numbers 0 to 1"):
            read_recipe(recipe, [wrong])


def test_later_settings_win_and_leave_the_rest(recipe: Path) -> None:
    made = read_recipe(recipe, ["training.seed=2", "training.max_steps=9", "training.seed=3"])
    assert made["training"] == {"seed": 3, "max_steps": 9}


def test_a_key_without_a_value_is_as_good_as_absent(recipe: Path) -> None:
    made = read_recipe(recipe)
    recipe.write_text(MINIMAL + "training:\n", encoding="utf-8")
    assert read_recipe(recipe) == made
    assert read_recipe(recipe, ["training.adam.beta=0.5"]) == {**made, "training": {"adam": {"beta": 0.5}}}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.seed", "--set training.seed: expected key=value"),
        ("seed.size=2", "--set seed.size=2: seed has no keys"),
        ("models.student=[", r"--set models.student=\[: no YAML: "),
    ],
)
def test_settings_that_will_not_do(recipe: Path, setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_recipe(recipe, [setting])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "expected keys and values, found list"),
        ("a: [", "no YAML"),
        ("seed: 1\nmodels:\nseed: 2\n", "no YAML: key 'seed' is there twice.* line 3"),
        ("models: {[a]: 1}\n", "no YAML: .*unhashable key"),
    ],
)
def test_files_that_are_no_recipes(recipe: Path, text: str, message: str) -> None:
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"recipe.yaml: {message}"):
        read_recipe(recipe)


def test_a_recipe_is_utf_8(recipe: Path) -> None:
    recipe.write_bytes(b"about: caf\xe9\n")
    with pytest.raises(ValueError, match=r"recipe.yaml: found byte 0xe9 at offset 10.*iconv"):
        read_recipe(recipe)


def test_what_is_merged_is_not_there_twice(recipe: Path) -> None:
    recipe.write_text("a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, y: 4}\n", encoding="utf-8")
    assert read_recipe(recipe) == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 3, "y": 4}}


@dataclass
class Filled:
    name: str
    sizes: list[int] = field(default_factory=list)
    rate: float | Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        self.total = sum(self.sizes) + sum(self.rate.values() if isinstance(self.rate, Mapping) else [])


def test_a_dataclass_is_filled_from_its_fields() -> None:
    assert fill(Filled, {"name": "a", "sizes": [1, 2]}, "here").total == 3
    assert [fill(Filled, {"name": "a", "rate": rate}, "here").rate for rate in (None, 1, 0.5)] == [None, 1, 0.5]
    for fields, message in (
        ({"sizes": [1]}, "here: key 'name' is missing"),
        ({"name": "a", "size": 1}, "here: unknown key 'size'; did you mean 'sizes'?"),
        ({"name": "a", "colour": 1}, "here: unknown key 'colour'; known are name, sizes, rate"),
        ({"name": 1}, "here: `name` is a string, and not 1"),
        ({"name": "a", "sizes": 1}, "here: `sizes` is a list of whole numbers, and not 1"),
        ({"name": "a", "sizes": "12"}, "here: `sizes` is a list of whole numbers, and not '12'"),
        ({"name": "a", "sizes": [1, "b"]}, r"here: `sizes` is a list of whole numbers, and not \[1, 'b'\]"),
        ({"name": "a", "rate": {"b": "c"}}, "here: a value is of another kind than it should be: unsupported operand"),
        ({"name": "a", "rate": "high"}, "here: `rate` is a number or keys and values, and not 'high'"),
        ({"name": "a", "rate": True}, "here: `rate` is a number or keys and values, and not True"),
    ):
        with pytest.raises(ValueError, match=message):
            fill(Filled, fields, "here")


def test_how_the_fields_of_two_recipes_differ() -> None:
    assert difference(Filled, {"name": "a"}, {"name": "a", "sizes": []}) is None, "a default was meant then"
    assert difference(Filled, {"name": "a", "sizes": [1]}, {"name": "a"}) == "sizes was [1] and is [] now"
    assert difference(Filled, {"name": "a"}, {"name": "b", "sizes": [2]}, but=["name"]) == "sizes was [] and is [2] now"
    assert difference(Filled, {"name": "a", "gone": 1}, {"name": "a"}) == "gone was 1 and is None now"
