"""A Hugging Face `Dataset`, resolved by its ``map``."""

from __future__ import annotations

import pytest

datasets = pytest.importorskip("datasets", reason="datasets is not installed: pip install datasets")

from lehr.integrations.datasets import RowResolver, resolve  # noqa: E402

TEXT = "Mary said she was tired."


@pytest.fixture(autouse=True)
def quiet() -> None:
    datasets.disable_progress_bars()


def made(n: int = 5) -> datasets.Dataset:
    features = datasets.Features(
        {
            "id": datasets.Value("int16"),
            "genre": datasets.ClassLabel(names=["a", "b"]),
            "text": datasets.Value("string"),
        }
    )
    rows = {"id": range(n), "genre": [i % 2 for i in range(n)], "text": [None if i == 3 else TEXT for i in range(n)]}
    return datasets.Dataset.from_dict(rows, features)


def test_parts_of_a_data_set_and_one_without_rows() -> None:
    parts = resolve(datasets.DatasetDict(train=made(2), test=made(0)))
    assert parts["train"].features == parts["test"].features
    assert (len(parts["train"]), len(parts["test"])) == (2, 0)
    with pytest.raises(TypeError, match="got IterableDataset"):
        resolve(made().to_iterable_dataset())


def test_columns_are_added_and_the_others_stay() -> None:
    found = resolve(made(), batch_size=2, singletons=False)
    assert found.column_names == ["id", "genre", "text", "clusters", "error"]
    assert {name: found.features[name] for name in made().features} == made().features
    assert found["id"] == list(range(5))
    assert [[m["text"] for m in cluster["mentions"]] for cluster in found[0]["clusters"]] == [["Mary", "she"]]
    assert [row["clusters"] is None for row in found] == [False, False, False, True, False]
    assert found[3]["error"].startswith("row 3: found ")


def test_several_processes_answer_as_one_does() -> None:
    assert resolve(made(6), num_proc=2).to_list() == resolve(made(6)).to_list()


def test_the_same_question_has_the_same_fingerprint() -> None:
    one, same, other = (resolve(made(1), link_threshold=p)._fingerprint for p in (0.5, 0.5, 0.6))
    assert one == same != other


def test_words_are_replaced_by_their_places() -> None:
    found = resolve(datasets.Dataset.from_dict({"tokens": [["Mary", "slept"]], "id": ["a"]}))
    assert found.column_names == ["id", "text", "words", "sentences", "speakers", "clusters", "error"]
    assert found[0]["words"] == [[0, 4], [5, 10]]


@pytest.mark.parametrize("format", ["numpy", "pandas", "arrow"])
def test_rows_in_another_format_are_answered_alike(format: str) -> None:
    rows = datasets.Dataset.from_dict({"tokens": [["Mary", "said", "she", "slept"]]})
    found = resolve(rows.with_format(format))
    assert found.format["type"] == format
    assert found.with_format(None).to_list() == resolve(rows).to_list()
    assert resolve(rows.select([]).with_format(format)).format["type"] == format


def test_a_column_of_numbers_is_no_words() -> None:
    rows = datasets.Dataset.from_dict({"text": [TEXT, TEXT], "words": [5, None]})
    for found in (resolve(rows), rows.map(RowResolver(), batched=True)):
        assert sorted(found.column_names) == ["clusters", "error", "text", "words"]
        assert found["words"] == [5, None]
        assert found[0]["error"] is None


def test_by_hand() -> None:
    found = made(2).map(RowResolver(), batched=True)
    assert found.column_names == ["id", "genre", "text", "clusters", "error"]
