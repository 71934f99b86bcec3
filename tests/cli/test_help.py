"""Every command teaches by example, fits a narrow terminal and can be completed; what it prints as an example works."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from lehr.cli import app

ROOT = Path(__file__).parents[2]


def all_commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Every command and group below one, `lehr train coref` and its like, those that are hidden left out."""
    yield " ".join(path), command
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from all_commands(below, *path, name)


COMMANDS = dict(all_commands(get_command(app), "lehr"))


def examples(name: str) -> list[str]:
    """The lines of a command's help that begin with `lehr`, whole."""
    return re.findall(r"^ *(lehr .*)$", COMMANDS[name].help, re.MULTILINE)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_can_be_read(name: str, width: int) -> None:
    shown = CliRunner().invoke(app, [*name.split()[1:], "--help"], env={"COLUMNS": str(width)})
    assert shown.exit_code == 0
    assert max(map(len, shown.output.splitlines())) <= width
    assert "…" not in shown.output, "an option is cut off"
    lines = [line.strip() for line in shown.output.splitlines()]
    for example in examples(name):
        assert example in lines, f"{example} is broken over lines"


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_typed_as_they_stand(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """Options, choices and numbers go through the real parser; recipes are there, other files are made up."""
    monkeypatch.chdir(tmp_path)
    assert examples(name)
    for example in examples(name):
        words = shlex.split(example.split(" > ")[0])
        command, called = COMMANDS["lehr"], []
        while hasattr(command, "commands"):
            called.append(words.pop(0))
            command = command.commands[words[0]]
        assert " ".join([*called, words[0]]).startswith(name), f"{example} is of another command"
        for word in words[1:]:
            if word.startswith("recipes/"):
                assert (ROOT / word).is_file(), f"{example}: there is no {word}"
            if re.fullmatch(r"\w[\w./-]*", word):
                made = Path(word)
                made.parent.mkdir(parents=True, exist_ok=True)
                made.touch() if made.suffix else made.mkdir(exist_ok=True)
        with command.make_context(name, words[1:]) as context:
            assert not context.args


def test_an_option_that_is_gone_would_be_noticed() -> None:
    command = COMMANDS["lehr resolve"]
    for wrong, why in (("--colour red", "colour"), ("--format pdf", "pdf"), ("--threads none", "integer")):
        with pytest.raises(Exception, match=why):
            command.make_context("resolve", wrong.split())


def completed(line: str) -> list[str]:
    """What Bash is offered at the end of a line."""
    asked = {"_LEHR_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", "from lehr.cli import app; app(prog_name='lehr')"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
    )
    assert not done.stderr
    return done.stdout.split()


def test_commands_options_and_formats_are_completed() -> None:
    assert completed("lehr re") == ["resolve"]
    assert {"coref", "glue", "images"} <= {*completed("lehr train ")}
    assert "--link-threshold" in completed("lehr resolve --li")
    assert completed("lehr resolve --format js") == ["json", "jsonl"]


@pytest.mark.parametrize("line", ["lehr resolve nov", "lehr distill rec", "lehr resolve --output o", "lehr score k"])
def test_files_are_left_to_the_shell(line: str) -> None:
    """It completes them itself where nothing is offered, `recipes/` for one."""
    assert completed(line) == []


def test_completing_loads_nothing_heavy() -> None:
    code = "import json, sys\ntry:\n    from lehr.cli import app; app(prog_name='lehr')\nexcept SystemExit:\n    pass"
    asked = {"_LEHR_COMPLETE": "complete_bash", "COMP_WORDS": "lehr resolve --format ", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(json.dumps([*sys.modules]))"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert not {"numpy", "onnxruntime", "tokenizers", "torch"} & {*loaded}


def test_the_container_starts_a_command_that_there_is() -> None:
    text = (ROOT / "Containerfile").read_text("utf-8")
    (words,) = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    name, *options = json.loads(words)
    context = COMMANDS[f"lehr {name}"].make_context(name, options)
    assert context.params["host"] == "0.0.0.0"
    assert f"EXPOSE {context.params['port']}\n" in text
    assert f":{context.params['port']}/health" in text
