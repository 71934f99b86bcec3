"""`lehr train coref` as it is typed: from a recipe, a folder of documents and a small encoder to a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
import tiny_model
import torch
from safetensors.torch import load_file
from tiny_documents import HOUSE, LETTER, RAIN, SHIP
from transformers import BertConfig, BertModel, TrainerCallback

import lehr
from lehr.cli import main
from lehr.coref import training
from lehr.coref.data import Example, fingerprint
from lehr.coref.prediction import resolver_of
from lehr.formats import write

Run = Callable[..., str]

TRAIN = [HOUSE, SHIP, RAIN, LETTER]
MODEL = {"window": 64, "overlap": 12, "max_width": 6, "mention_size": 16, "pair_size": 12, "relation_layers": 1}
TRAINING = {
    "num_train_epochs": 2,
    "learning_rate": 2e-3,
    "logging_steps": 1,
    "bf16": False,
    "use_cpu": True,
    "disable_tqdm": True,
    "report_to": [],
}
PLAIN = {
    "model": {**MODEL, "window": 900, "dropout": 0.0},
    "training": {**TRAINING, "adam_epsilon": 10, "max_grad_norm": 0},
}
"""For runs that are to be alike to the rounding of sums.

A large ε keeps Adam from making as much of a gradient that is but rounding as of any other, and of a gradient's half
as of all of it; clipping would do so too. Windows would hold every document twice, so that chance has no say in where
they begin.
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command; what it prints, or the last line that it says when it fails."""

    def typed(*arguments: object, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["lehr", "train", "coref", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        assert (end.value.code or 0) == status
        printed = capsys.readouterr()
        return printed.err.splitlines()[-1] if status else printed.out

    return typed


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one small encoder and its tokenizer."""
    folder = tmp_path_factory.mktemp("encoders")
    tokenizer = tiny_model.tokenizer()
    torch.manual_seed(4)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=1000,
    )
    BertModel(config).save_pretrained(folder / "tiny-bert")
    tokenizer.save_pretrained(folder / "tiny-bert")
    config.hidden_dropout_prob = 0.0
    BertModel(config).save_pretrained(folder / "tiny-bert-without-dropout")
    tokenizer.save_pretrained(folder / "tiny-bert-without-dropout")
    return folder


@pytest.fixture
def recipe(tmp_path: Path, encoders: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a recipe; documents lie in a folder beside it, and what is not given is as small as can be."""
    monkeypatch.setenv("LEHR_ENCODERS", str(encoders))
    data = tmp_path / "data"
    data.mkdir()
    for document in TRAIN:
        (data / f"{document.id}.conll").write_text(write([document], "conll"), encoding="utf-8")

    def written(encoder: str = "tiny/tiny-bert", **fields: Any) -> Path:
        whole = {
            "encoder": encoder,
            "data": str(data),
            "train": [{"scheme": "entities", "files": [f"{d.id}.conll" for d in TRAIN], "about": "four stories"}],
            "dev": [{"scheme": "entities", "files": ["ship.conll", "letter.conll"]}],
            "test": [{"scheme": "entities", "files": ["house.conll"]}],
            "model": MODEL,
            "training": TRAINING,
            "head_learning_rate": 1e-2,
            **fields,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(json.dumps(whole), encoding="utf-8")
        return path

    return written


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return found


def assert_close(folder: Path, other: Path, tolerance: float) -> None:
    mine, theirs = weights(folder), weights(other)
    assert mine.keys() == theirs.keys()
    for name, weight in mine.items():
        assert (weight - theirs[name]).abs().max() <= tolerance, name


def test_from_a_recipe_to_a_model(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    output, copy = tmp_path / "run", tmp_path / "results/tiny.json"
    path = recipe(training={**TRAINING, "report_to": ["tensorboard"]})
    printed = run(path, "--output", output, "--result", copy, "--set", "training.seed=3")
    result = json.loads((output / "model/training.json").read_text("utf-8"))
    assert json.loads(copy.read_text("utf-8")) == result
    assert f"{output / 'model'}: CoNLL F1 {100 * result['dev_conll']:.1f} on the development part\n" in printed

    assert (result["seed"], result["epochs"], result["resumed"], result["bf16"]) == (3, 2, False, False)
    assert result["recipe"]["train"][0]["about"] == "four stories"
    assert result["recipe"]["training"]["seed"] == 3
    assert result["documents"] == {"train": 4, "dev": 2, "test": 1}
    assert result["data"]["test"] == fingerprint([Example(HOUSE, 0)])
    assert result["versions"]["lehr"] == lehr.__version__
    assert result["versions"]["torch"] == torch.__version__
    assert [entry["epoch"] for entry in result["dev_by_epoch"]] == [1, 2]
    for part in ("dev", "test"):
        scores = result[part]["entities"]
        assert scores["with_singletons"]["singletons"] is True
        assert scores["without_singletons"]["singletons"] is False
    assert result["dev_conll"] == result["dev"]["entities"]["with_singletons"]["conll"]

    resolve = resolver_of(output / "model")
    assert resolve(SHIP).tokens == SHIP.tokens
    config = json.loads((output / "model/config.json").read_text("utf-8"))
    assert (config["mention_threshold"], config["link_threshold"]) == tuple(result["thresholds"].values())
    assert list(output.rglob("events.out.tfevents.*"))

    message = run(path, "--output", output, status=1)
    assert message == f"lehr: {output} holds a checkpoint already; resume it with --resume or choose another --output"
    for checkpoint in output.glob("checkpoint-*"):
        rmtree(checkpoint)
    assert run(path, "--output", output, status=1) == f"lehr: {output} holds a model already; choose another --output"


def test_the_best_epoch_is_kept(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    output = tmp_path / "run"
    long = {**TRAINING, "num_train_epochs": 8, "save_total_limit": 9}
    run(recipe(training=long, model={**MODEL, "dropout": 0.0}), "--output", output)
    result = json.loads((output / "model/training.json").read_text("utf-8"))
    by_epoch = [entry["conll_f1"] for entry in result["dev_by_epoch"]]
    best = 4 * (1 + by_epoch.index(max(by_epoch)))
    assert_close(output / "model", output / f"checkpoint-{best}", 0)
    assert max(by_epoch) > min(by_epoch), "otherwise this shows nothing"
    assert max(by_epoch) == pytest.approx(100 * result["dev_conll"], abs=0.01)


def test_nothing_to_resume_from(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    output = tmp_path / "run"
    for _ in range(2):
        message = run(recipe(), "--output", output, "--resume", status=1)
        assert message == f"lehr: {output} holds no checkpoint to resume from"
        output.mkdir(exist_ok=True)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.lerning_rate=1", "training: unknown key 'lerning_rate'"),
        ("data=/nowhere", "no file matches /nowhere/house.conll"),
        ("model.window=30", "windows of 30 pieces have no room"),
    ],
)
def test_recipes_that_will_not_do(
    run: Run, recipe: Callable[..., Path], tmp_path: Path, setting: str, message: str
) -> None:
    assert message in run(recipe(), "--output", tmp_path / "run", "--set", setting, status=1)
    assert not (tmp_path / "run/model").exists()


class Kill(TrainerCallback):
    """The end of a process in the middle of the second epoch."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 6:
            raise RuntimeError("killed")


def test_a_resumed_run_ends_as_one_that_was_never_stopped(
    run: Run, recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, with all that chance decides: the order of documents, dropout, and where windows begin."""
    path = recipe()
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run(path, "--output", whole)
    with monkeypatch.context() as patched:
        patched.setattr(training, "CorefTrainer", partial(training.CorefTrainer, callbacks=[Kill()]))
        patched.setattr(sys, "argv", ["lehr", "train", "coref", str(path), "--output", str(stopped)])
        with pytest.raises(RuntimeError, match="killed"):
            main()
    assert not (stopped / "model").exists()
    run(path, "--output", stopped, "--resume")
    for folder in ("checkpoint-8", "model"):
        assert_close(stopped / folder, whole / folder, 0)
    results = [json.loads((folder / "model/training.json").read_text("utf-8")) for folder in (whole, stopped)]
    assert [result["resumed"] for result in results] == [False, True]
    for key in ("dev", "test", "thresholds", "epochs", "data"):
        assert results[0][key] == results[1][key]


def test_gradients_are_accumulated_as_in_one_batch(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    encoder = "tiny/tiny-bert-without-dropout"
    run(recipe(encoder, **PLAIN), "--output", tmp_path / "start", "--set", "training.learning_rate=0",
        "--set", "head_learning_rate=0")  # fmt: skip
    run(recipe(encoder, **PLAIN), "--output", tmp_path / "batch", "--set", "training.per_device_train_batch_size=2")
    run(recipe(encoder, **PLAIN), "--output", tmp_path / "sum", "--set", "training.gradient_accumulation_steps=2")
    assert_close(tmp_path / "sum/checkpoint-4", tmp_path / "batch/checkpoint-4", 1e-5)
    with pytest.raises(AssertionError):
        assert_close(tmp_path / "sum/checkpoint-4", tmp_path / "start/checkpoint-8", 1e-3)


def test_two_processes_train_as_one(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    """And only the first of them writes and speaks."""
    path = recipe("tiny/tiny-bert-without-dropout", **PLAIN)
    run(path, "--output", tmp_path / "one", "--set", "training.per_device_train_batch_size=2")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "lehr", "train", "coref", path, "--output", tmp_path / "two", "--result", tmp_path / "result.json"]
    done = subprocess.run(
        [*launcher, *map(str, command)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("on the development part") == done.stdout.count("train_runtime") == 1
    assert_close(tmp_path / "two/checkpoint-4", tmp_path / "one/checkpoint-4", 1e-5)
    files = (tmp_path / "one/model/training.json", tmp_path / "two/model/training.json", tmp_path / "result.json")
    one, two, copy = (json.loads(file.read_text("utf-8")) for file in files)
    assert two == copy
    for key in ("dev", "test", "thresholds", "epochs", "data"):
        assert one[key] == two[key]
