"""`lehr train coref` as it is typed: from a recipe, a folder of documents and a small encoder to a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny_model
import torch
from safetensors.torch import load_file
from tiny_documents import GARDEN, HOUSE, LETTER, RAIN, SHIP, WALK
from transformers import BertConfig, BertModel, set_seed

import lehr
from lehr.cli import main
from lehr.coref import problem
from lehr.coref.prediction import resolver_of
from lehr.coref.trainer import CorefTrainer
from lehr.experiments.recipe import load_recipe
from lehr.formats import write

Run = Callable[..., str]

TRAIN = [GARDEN, SHIP, RAIN, LETTER]
MODEL = {"window": 64, "overlap": 12, "max_width": 6, "mention_size": 16, "pair_size": 12, "relation_layers": 1}
TRAINING = {"learning_rate": 2e-3, "logging_steps": 1, "bf16": False, "use_cpu": True, "disable_tqdm": True}
PLAIN = {
    "model": {"from": "tiny/tiny-bert-without-dropout", **MODEL, "dropout": 0.0},
    "training": {**TRAINING, "adam_epsilon": 10, "max_grad_norm": 0, "save_total_limit": None},
}
"""For runs that are to be alike to the rounding of sums.

A large ε keeps Adam from making as much of a gradient that is but rounding as of any other, and of a gradient's half
as of all of it; clipping would do so too.
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
    for document in (*TRAIN, HOUSE, WALK):
        (data / f"{document.id}.conll").write_text(write([document], "conll"), encoding="utf-8")

    def written(model: Mapping[str, Any] = MODEL, **fields: Any) -> Path:
        whole = {
            "task": "coref/tiny",
            "data": str(data),
            "documents": {
                "train": [{"scheme": "entities", "files": [f"{d.id}.conll" for d in TRAIN], "about": "four stories"}],
                "dev": [{"scheme": "entities", "files": ["walk.conll"]}],
                "test": [{"scheme": "entities", "files": ["house.conll"]}],
            },
            "models": {"student": {"from": "tiny/tiny-bert", **model}},
            "method": "scratch",
            "epochs": 2,
            "training": TRAINING,
            "head_rate": 5,
            **fields,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(json.dumps(whole), encoding="utf-8")
        return path

    return written


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """A model's or a checkpoint's."""
    return {name.removeprefix("student."): w for name, w in load_file(folder / "model.safetensors").items()}


def assert_close(folder: Path, other: Path, tolerance: float) -> None:
    mine, theirs = weights(folder), weights(other)
    assert mine.keys() == theirs.keys()
    for name, weight in mine.items():
        assert (weight - theirs[name]).abs().max() <= tolerance, name


def test_from_a_recipe_to_a_model(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    output, copy = tmp_path / "run", tmp_path / "results/tiny.json"
    path = recipe(training={**TRAINING, "report_to": ["tensorboard"]})
    printed = run(path, "--output", output, "--result", copy, "--set", "seed=3")
    result = json.loads((output / "model/training.json").read_text("utf-8"))
    assert json.loads(copy.read_text("utf-8")) == json.loads((output / "result.json").read_text("utf-8")) == result
    scores = f"{result['test']:.1f} on the test part, {result['validation']:.1f} on the validation part\n"
    assert f"{output / 'model'}: conll_f1 {scores}" in printed

    assert (result["seed"], result["epochs"], result["teacher"], result["metric"]) == (3, 2, {}, "conll_f1")
    assert result["recipe"]["documents"]["train"][0]["about"] == "four stories"
    assert result["recipe"]["head_rate"] == 5
    assert result["versions"]["lehr"] == lehr.__version__
    assert result["versions"]["torch"] == torch.__version__
    assert result["precision"] in ("bfloat16", "float32")
    (stage,) = result["stages"]
    assert [entry["epoch"] for entry in stage["log"] if "eval_conll_f1" in entry] == [1, 2]
    assert result["validation"] == pytest.approx(100 * stage["scores"]["conll_f1"], abs=1e-3)
    assert {"conll_f1", "conll_f1_without_singletons", "mention_f1"} < result["test_scores"].keys()

    resolve = resolver_of(output / "model")
    assert resolve(SHIP).tokens == SHIP.tokens
    config = json.loads((output / "model/config.json").read_text("utf-8"))
    decided = json.loads((output / "stage-1/decided.json").read_text("utf-8"))["config"]
    assert {name: config[name] for name in decided} == decided
    assert list(output.rglob("events.out.tfevents.*"))

    message = run(path, "--output", output, status=1)
    assert message == f"lehr: {output} holds a run already; --resume goes on with it, or choose another output"


def test_without_a_test_or_a_development_part_the_last_epoch_stays(
    run: Run, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    output = tmp_path / "run"
    printed = run(recipe(), "--output", output, "--set", "documents.dev=[]", "--set", "documents.test=[]")
    result = json.loads((output / "result.json").read_text("utf-8"))
    assert (result["validation"], result["test"], result["test_scores"]) == (None, None, {})
    assert f"{output / 'model'}: conll_f1 was not measured\n" in printed
    assert resolver_of(output / "model")(SHIP).tokens == SHIP.tokens


def test_the_best_epoch_is_kept(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    output = tmp_path / "run"
    run(recipe({**MODEL, "dropout": 0.0}, epochs=8, training={**TRAINING, "save_total_limit": None}),
        "--output", output)  # fmt: skip
    result = json.loads((output / "result.json").read_text("utf-8"))
    log = result["stages"][0]["log"]
    by_epoch = [entry["eval_conll_f1"] for entry in log if "eval_conll_f1" in entry]
    best = 4 * (1 + by_epoch.index(max(by_epoch)))
    assert_close(output / "model", output / f"stage-1/checkpoint-{best}", 0)
    assert max(by_epoch) > min(by_epoch), "otherwise this shows nothing"
    assert 100 * max(by_epoch) == pytest.approx(result["validation"], abs=0.01)


def test_the_head_has_a_rate_of_its_own(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    """Where that is nought, it stays as it was drawn, and the encoder alone learns."""
    output, path = tmp_path / "run", recipe(epochs=1, head_rate=0)
    run(path, "--output", output)
    read = load_recipe(path)
    set_seed(read.seed)
    drawn, learned = read.problem().model(read.models["student"]).state_dict(), weights(output / "model")
    changed = {name for name, weight in learned.items() if not torch.equal(weight, drawn[name])}
    assert changed
    assert all(name.startswith("encoder.") for name in changed)
    message = run(path, "--output", output, "--set", "head_rate=1", "--resume", status=1)
    assert message.startswith(f"lehr: {output / 'result.json'} is of another recipe: head_rate was 0 and is 1 now")
    (output / "result.json").unlink()
    message = run(path, "--output", output, "--set", "head_rate=1", "--resume", status=1)
    assert message.startswith(f"lehr: {output / 'recipe.json'} is of another recipe: head_rate was 0 and is 1 now")
    (output / "recipe.json").unlink()
    message = run(path, "--output", output, "--set", "head_rate=1", "--resume", status=1)
    assert "was begun as another stage: run was" in message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.lerning_rate=1", "training: unknown key 'lerning_rate'; did you mean 'learning_rate'?"),
        ("head_rate=fast", "recipe: `head_rate` is a number, and not 'fast'"),
        ("seed=1.5", "recipe: `seed` is a whole number, and not 1.5"),
        ("seed=-1", "recipe.yaml: `seed` is a number from 0 on, and not -1"),
        ("epochs=many", "recipe: `epochs` is a whole number, and not 'many'"),
        ("models=5", "recipe: `models` is keys and values, and not 5"),
        ("validation=0.2", "`validation` is for glue and images; this is coref/"),
        ("views=7", "`views` is for images; this is coref/"),
        ("stages=[{objective: hard-labels, epochs: 1}]", "either a `method` or `stages`"),
        ("models.student=tiny/tiny-bert", "models: student is described by keys and values, as {from: tiny/tiny-bert}"),
        ("documents.train={scheme: names}", "documents: `train` is a list of keys and values, and not {'scheme'"),
        (
            "documents.train=[{scheme: names, files: 'a/*'}]",
            "documents: train: `files` is a list of strings, and not 'a/*'",
        ),
        ("documents.train=[{scheme: names, files: []}]", "`files` is a list of patterns, as [train/*.conll]"),
        (
            "training.lr_scheduler_type=cosine_with_min_lr",
            "student, hard-labels: lr_scheduler_type cosine_with_min_lr: ",
        ),
        ("training.lr_scheduler_kwargs={lr_ende: 0}", "student, hard-labels: lr_scheduler_type linear: "),
        ("data=/nowhere", "no file matches /nowhere/house.conll"),
        ("models.student.windw=30", "model: unknown key 'windw'; did you mean 'window'?"),
        ("models.student.window=30", "windows of 30 pieces have no room"),
    ],
)
def test_recipes_that_will_not_do(
    run: Run, recipe: Callable[..., Path], tmp_path: Path, setting: str, message: str
) -> None:
    assert message in run(recipe(), "--output", tmp_path / "run", "--set", setting, status=1)
    assert not (tmp_path / "run/model").exists()


def test_a_recipe_of_another_family_is_refused(
    recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "argv", ["lehr", "train", "glue", str(recipe()), "--output", str(tmp_path / "run")])
    with pytest.raises(SystemExit):
        main()
    assert "recipe.yaml is of coref/tiny: `lehr train coref` is for it" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_nothing_to_go_on_with_is_told(
    recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    path, output = recipe(), tmp_path / "run"
    told = f"lehr: {output} holds no run to go on with, and one begins there"
    arguments = ["lehr", "train", "coref", str(path), "--output", str(output), "--resume", "--set", "epochs=1"]
    monkeypatch.setattr(sys, "argv", arguments)
    for begins in (True, False):
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        assert (told in capsys.readouterr().err) == begins


class Killed(CorefTrainer):
    """The end of a process in the middle of the second epoch."""

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        if self.state.global_step == 6:
            raise RuntimeError("killed")
        return super().training_step(*args, **kwargs)


@pytest.mark.parametrize("every", ["epoch", "steps"])
def test_a_resumed_run_ends_as_one_that_was_never_stopped(
    run: Run, recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: str
) -> None:
    """Bit for bit, with all that chance decides: the order of documents, dropout, and where windows begin."""
    often = {"save_strategy": every, "eval_strategy": every, "save_steps": 5, "eval_steps": 5}
    path = recipe(training={**TRAINING, **often})
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run(path, "--output", whole)
    with monkeypatch.context() as patched:
        patched.setattr(problem, "CorefTrainer", Killed)
        patched.setattr(sys, "argv", ["lehr", "train", "coref", str(path), "--output", str(stopped)])
        with pytest.raises(RuntimeError, match="killed"):
            main()
    assert not (stopped / "model").exists()
    run(path, "--output", stopped, "--resume")
    assert_close(stopped / "model", whole / "model", 0)
    results = [json.loads((folder / "result.json").read_text("utf-8")) for folder in (whole, stopped)]
    for key in ("validation", "test_scores", "epochs", "recipe"):
        assert results[0][key] == results[1][key]


def test_gradients_are_accumulated_as_in_one_batch(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    for name, setting in (
        ("start", "training.learning_rate=0"),
        ("batch", "training.per_device_train_batch_size=2"),
        ("sum", "training.gradient_accumulation_steps=2"),
    ):
        run(recipe(**PLAIN), "--output", tmp_path / name, "--set", setting)
    assert_close(tmp_path / "sum/stage-1/checkpoint-4", tmp_path / "batch/stage-1/checkpoint-4", 1e-5)
    with pytest.raises(AssertionError):
        assert_close(tmp_path / "sum/stage-1/checkpoint-4", tmp_path / "start/stage-1/checkpoint-8", 1e-3)


def test_two_processes_train_as_one(run: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    """And only the first of them writes and speaks."""
    path = recipe(**PLAIN)
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
    assert done.stdout.count("on the validation part") == 1
    assert_close(tmp_path / "two/stage-1/checkpoint-4", tmp_path / "one/stage-1/checkpoint-4", 1e-5)
    files = (tmp_path / "one/result.json", tmp_path / "two/result.json", tmp_path / "result.json")
    one, two, copy = (json.loads(file.read_text("utf-8")) for file in files)
    assert two == copy
    for key in ("validation", "test_scores", "epochs"):
        assert one[key] == two[key]
