from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="GLUE is read with the training extra: pip install 'lehr[train]'")

import datasets
import tiny_model
import torch
from datasets import Dataset, load_dataset
from transformers import DataCollatorWithPadding

from lehr.glue import data
from lehr.glue.data import load, tokenised
from lehr.glue.tasks import MNLI, MRPC, RTE, TASKS, find_task

PRESENT = {"cola": 8551, "sst2": 67349, "mrpc": 3667, "stsb": 5749, "rte": 2490, "wnli": 635}


@pytest.mark.parametrize("name", PRESENT)
def test_the_real_tasks(real_glue: Path, name: str) -> None:
    splits = load(name, real_glue)
    task, whole = TASKS[name], load_dataset(str(real_glue), name, split="train")
    assert len(whole) == PRESENT[name]
    assert len(splits.validation) == min(round(PRESENT[name] / 10), 2000)

    parts = [np.asarray(part["idx"][:]) for part in (splits.train, splits.validation)]
    assert sorted(np.concatenate(parts).tolist()) == sorted(whole["idx"][:])  # disjoint, and nothing lost
    assert all((part[1:] > part[:-1]).all() for part in parts)
    assert all(isinstance(splits.train[0][column], str) for column in task.columns)

    labels, cut = np.asarray(whole["label"][:]), np.asarray(splits.validation["label"][:])
    if task.regression:
        assert whole.features["label"].dtype == "float32"
        assert 0 <= labels.min() <= labels.max() <= 5
    else:
        assert sorted(set(labels)) == list(range(task.num_labels))
        expected = np.bincount(labels) * len(cut) / len(labels)
        assert np.abs(np.bincount(cut) - expected).max() < 1

    again, other = load(task, real_glue), load(task, real_glue, seed=1)
    assert again.validation["idx"][:] == splits.validation["idx"][:]
    assert other.validation["idx"][:] != splits.validation["idx"][:]

    test = splits.test()
    assert list(test) == ["validation"]
    assert test["validation"][:] == load_dataset(str(real_glue), name, split="validation")[:]


@pytest.mark.parametrize("name", TASKS)
def test_all_nine_from_a_local_copy(made_glue: Path, name: str) -> None:
    splits, task = load(name, made_glue), TASKS[name]
    assert (len(splits.train), len(splits.validation)) == (54, 6)
    assert task.regression or np.bincount(splits.validation["label"][:]).tolist() == [4, 2]
    assert [task.columns[0], *splits.train[0][task.columns[-1]].split()[1:3]] == [
        task.columns[0],
        task.columns[-1],
        "of",
    ]
    ids = tokenised(splits.train, task, tiny_model.tokenizer())[0]["input_ids"]
    assert ids.count(3) == len(task.columns)  # a [SEP] behind each text
    assert ids[0] == 2


def test_mnli_is_tested_twice(made_glue: Path) -> None:
    test = load("mnli", made_glue).test()
    assert [(name, len(part)) for name, part in test.items()] == [
        ("validation_matched", 7),
        ("validation_mismatched", 5),
    ]


def test_the_test_part_is_not_read_by_accident(made_glue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def watched(path: str, name: str, *, split: str, cache_dir: Path) -> Dataset:
        read.append(split)
        return load_dataset(path, name, split=split)

    monkeypatch.setattr(data.datasets, "load_dataset", watched)
    splits = load("rte", made_glue)
    repr(splits)
    assert read == ["train"]
    splits.test()
    assert read == ["train", "validation"]


def test_the_size_of_the_validation_part(made_glue: Path) -> None:
    assert len(load("rte", made_glue, validation=0.25).validation) == 15
    assert len(load("rte", made_glue, validation=9).validation) == 9
    for size in (0, 1, 59, 60, -3, 1.0, 0.0, 1.5):
        with pytest.raises(ValueError, match=r"rte: a validation part of .* cannot be cut from 60"):
            load("rte", made_glue, validation=size)


def test_the_hub_is_asked_for_its_name(made_glue: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def hub(path: str, name: str, *, split: str, cache_dir: None) -> Dataset:
        asked.append((path, name, split))
        return load_dataset(str(made_glue), name, split=split)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data.datasets, "load_dataset", hub)
    load("mnli").test()
    assert asked == [
        ("nyu-mll/glue", "mnli", part) for part in ("train", "validation_matched", "validation_mismatched")
    ]

    def unreachable(*_: object, **__: object) -> Dataset:
        raise ConnectionError("Couldn't reach the Hub")

    monkeypatch.setattr(data.datasets, "load_dataset", unreachable)
    with pytest.raises(ValueError, match="train part at nyu-mll/glue, which is no folder here: Couldn't reach the Hub"):
        load("rte")


RTE_ROWS = {"sentence1": ["a"] * 4, "sentence2": ["b"] * 4, "label": [0, 1, 0, 1]}


def write_rte(folder: Path, rows: Dataset) -> None:
    """A folder whose README names its files, as those of the Hub do."""
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(folder / "rte.parquet")
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: rte\n  data_files:\n  - split: train\n    path: rte.parquet\n---\n"
    )


def test_a_folder_is_read_as_it_is_now(tmp_path: Path) -> None:
    for folder, text in (("one/glue", "a"), ("other/glue", "b"), ("one/glue", "c")):
        write_rte(tmp_path / folder, Dataset.from_dict({**RTE_ROWS, "sentence1": [text] * 4}))
        assert load("rte", tmp_path / folder, validation=2).train["sentence1"][:] == [text] * 2


def test_what_cannot_be_read(made_glue: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown GLUE task 'ax'"):
        load("ax", made_glue)
    with pytest.raises(ValueError, match=r"rte: no folder .*nowhere; give one in the layout of nyu-mll/glue"):
        load("rte", tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"rte: cannot read the train part at .*: .*doesn't contain any data files"):
        load("rte", tmp_path)
    write_rte(tmp_path, Dataset.from_dict({"sentence1": ["a"] * 40, "label": [0, 1] * 20}))
    with pytest.raises(ValueError, match=r"rte: no column 'sentence2' in .*, train; there are sentence1, label"):
        load("rte", tmp_path)
    with pytest.raises(ValueError, match=r"qnli: cannot read .*BuilderConfig 'qnli' not found"):
        load("qnli", tmp_path)
    with pytest.raises(ValueError, match=r"'test'|Unknown split"):
        data._read(RTE, str(made_glue), "test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sentence2": [None, *"abc"]}, r"rte: 1 rows of .*, train have no 'sentence2'; leave them out"),
        ({"label": [0, 1, None, None]}, r"rte: 2 rows of .*, train have no 'label'"),
        ({"label": [0, 1, 2, -1]}, r"rte: labels in .*, train go from -1 to 2, and should from 0 to 1"),
        ({"label": ["yes", "no", "no", "no"]}, r"rte: 'label' in .*, train is to be a whole number, and is string"),
        ({"sentence1": [1, 2, 3, 4]}, r"rte: 'sentence1' in .*, train is to be text, and is int64"),
    ],
)
def test_rows_that_lack_something(tmp_path: Path, change: dict[str, list[object]], message: str) -> None:
    write_rte(tmp_path, Dataset.from_dict({**RTE_ROWS, **change}))
    with pytest.raises(ValueError, match=message):
        load("rte", tmp_path)


def test_labels_in_another_order(tmp_path: Path) -> None:
    label = datasets.ClassLabel(names=["not_entailment", "entailment"])
    features = datasets.Features({**dict.fromkeys(RTE.columns, datasets.Value("string")), "label": label})
    write_rte(tmp_path, Dataset.from_dict(RTE_ROWS, features))
    with pytest.raises(ValueError, match=r"rte: labels at .* are \['not_entailment', 'entailment'\], expected"):
        load("rte", tmp_path)


ROWS = {"sentence1": ["She was tired.", "No."], "sentence2": ["Mary said so!", "?"], "label": [1, 0], "idx": [7, 3]}


def test_rows_become_pieces() -> None:
    tokenizer = tiny_model.tokenizer()
    made = tokenised(Dataset.from_dict(ROWS), MRPC, tokenizer)
    assert made.column_names == ["input_ids", "attention_mask", "labels"]
    for row, first, second in zip(made, ROWS["sentence1"], ROWS["sentence2"], strict=True):
        assert {name: row[name] for name in row if name != "labels"} == dict(tokenizer(first, second))
    assert made["labels"][:] == [1, 0]

    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]  # as BERT's
    typed = tokenised(Dataset.from_dict(ROWS), MRPC, tokenizer)
    assert typed["token_type_ids"][:] == tokenizer(ROWS["sentence1"], ROWS["sentence2"])["token_type_ids"]
    assert {0, 1} == {*typed[0]["token_type_ids"]}
    assert typed["input_ids"][:] == made["input_ids"][:]

    short = tokenised(Dataset.from_dict(ROWS), MRPC, tokenizer, max_length=6)
    assert [len(ids) for ids in short["input_ids"]] == [6, 6]
    assert short[0]["input_ids"].count(tokenizer.sep_token_id) == 2


@pytest.mark.parametrize(("name", "dtype"), [("mrpc", torch.int64), ("stsb", torch.float32)])
def test_batches(
    name: str, dtype: torch.dtype, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    tokenizer = tiny_model.tokenizer()
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    made = tokenised(Dataset.from_dict(ROWS), find_task(name), tokenizer)
    logging.getLogger("transformers").propagate = True
    caplog.clear()
    batch = DataCollatorWithPadding(tokenizer)([made[0], made[1]])
    longest = max(map(len, made["input_ids"]))
    assert {key: (value.dtype, tuple(value.shape)) for key, value in batch.items()} == {
        "labels": (dtype, (2,)),
        **dict.fromkeys(["input_ids", "token_type_ids", "attention_mask"], (torch.int64, (2, longest))),
    }
    assert batch["attention_mask"].sum(1).tolist() == [*map(len, made["input_ids"])]
    assert not caplog.records
    assert not recwarn.list


def test_what_cannot_be_tokenised() -> None:
    rows, tokenizer = Dataset.from_dict(ROWS), tiny_model.tokenizer()
    with pytest.raises(ValueError, match=r"mnli: no column 'premise' in the rows to tokenise"):
        tokenised(rows, MNLI, tokenizer)
    tokenizer.model_max_length = 64
    with pytest.raises(ValueError, match=r"max_length is 128; .* takes 1 to 64"):
        tokenised(rows, MRPC, tokenizer)
    tokenizer.pad_token = None
    with pytest.raises(ValueError, match="no padding token"):
        tokenised(rows, MRPC, tokenizer, 64)
