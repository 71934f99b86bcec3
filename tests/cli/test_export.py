"""`lehr export` as it is typed, and what it leaves for `lehr resolve` and `lehr check`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree

import pytest
import tiny_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from lehr.cli import main
from lehr.resolver import Resolver

Run = Callable[..., tuple[str, str]]

SOURCE = {"scheme": "entities", "files": ["a.conll"], "about": "stories"}
RESULT = {
    "recipe": {"documents": {"train": [SOURCE], "dev": [SOURCE]}},
    "student": {"from": "some/encoder"},
    "teacher": {},
    "seed": 1,
    "epochs": 2,
    "seconds": 6.0,
    "validation": 12.3,
    "test_scores": {},
    "versions": {"torch": "2", "transformers": "5"},
}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command; what it prints and what it says beside that."""

    def typed(*arguments: object, status: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["lehr", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        assert (end.value.code or 0) == status, printed.err
        return printed.out, printed.err

    return typed


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The folder of a model as training leaves it."""
    folder = tmp_path / "trained"
    tokenizer = tiny_model.tokenizer()
    tiny_model.model(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "training.json").write_text(json.dumps(RESULT), encoding="utf-8")
    return folder


def test_a_folder_that_is_whole(run: Run, trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    printed, _ = run("export", trained, folder, "--int8", "--vocabulary", 200, "--title", "Tiny")
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert printed.endswith(f"{folder}: {size / 1e6:.1f} MB\n")
    card = (folder / "README.md").read_text("utf-8")
    assert "# Tiny\n" in card
    assert "`entities`: stories" in card
    assert "read with int8 weights" in card
    assert "(stories): CoNLL F1 12.3." in card
    assert "There was no test part." in card
    assert "is whole" in run("check", folder)[0]
    assert "holds a trained model" in run("export", trained, trained, status=1)[1]
    assert Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id("mary") is not None
    assert Resolver.from_pretrained(folder, threads=1).config.schemes == tiny_model.SCHEMES


def test_a_model_of_another_language_needs_an_example_in_it(run: Run, trained: Path, tmp_path: Path) -> None:
    config = json.loads((trained / "config.json").read_text("utf-8"))
    (trained / "config.json").write_text(json.dumps({**config, "language": "de"}), encoding="utf-8")
    folder, text = tmp_path / "exported", "Mary mag ihren Hund. Er mag Mary."
    said = run("export", trained, folder, status=1)[1]
    assert "no example is known in the language 'de'" in said
    assert "--example FILE" in said
    assert not folder.exists()
    (tmp_path / "passage.txt").write_text(text, encoding="utf-8")
    run("export", trained, folder, "--example", tmp_path / "passage.txt")
    assert json.loads((folder / "example.json").read_text("utf-8"))["text"] == text
    assert "language: de\n" in (folder / "README.md").read_text("utf-8")
    assert Resolver.from_pretrained(folder, threads=1).config.language == "de"
    assert "is whole" in run("check", folder)[0]


def test_a_model_without_its_record_or_its_weights(
    run: Run, trained: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "lehr.coref.export.export", lambda model, tokenizer, folder, **_: copytree(tiny, folder, dirs_exist_ok=True)
    )
    (trained / "training.json").unlink()
    folder = tmp_path / "exported"
    said = run("export", trained, folder)[1]
    assert f"{trained / 'training.json'} is not there, so no model card was written\n" in said
    assert (folder / "example.json").exists()
    assert not (folder / "README.md").exists()

    (trained / "training.json").write_text('{"recipe": ["large"]}', encoding="utf-8")
    assert "so no model card was written" in run("export", trained, tmp_path / "carded")[1]
    rmtree(tmp_path / "carded")

    (tmp_path / "blank.txt").write_text(" \n", encoding="utf-8")
    said = run("export", trained, tmp_path / "new", "--example", tmp_path / "blank.txt", status=1)[1]
    assert "finds nothing in this text" in said
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("mine", encoding="utf-8")
    assert "is no model's card" in run("export", trained, tmp_path / "mine", status=1)[1]
    (trained / "training.json").write_text("[]", encoding="utf-8")
    assert "training.json holds no JSON object" in run("export", trained, tmp_path / "new", status=1)[1]
    (trained / "training.json").unlink()
    assert {path.name for path in tmp_path.iterdir()} == {"trained", "exported", "blank.txt", "mine"}

    weights = load_file(trained / "model.safetensors")
    del weights["pairs.bias"]
    save_file(weights, trained / "model.safetensors", {"format": "pt"})
    said = run("export", trained, tmp_path / "other", status=1)[1]
    assert f"lehr: the model in {trained} lacks the weights pairs.bias: another version has saved it\n" in said
    (trained / "model.safetensors").write_bytes(b"")
    said = run("export", trained, tmp_path / "other", status=1)[1]
    assert f"lehr: the weights of the model in {trained} are damaged" in said
    assert not (tmp_path / "other").exists()
