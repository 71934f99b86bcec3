"""What `pip install lehr` brings, tried in an environment that holds nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import lehr

ROOT = Path(__file__).parent.parent
NO_NETWORK = re.compile(r"NewConnectionError|ConnectTimeoutError|NameResolutionError|ProxyError|name resolution")


class Bare:
    """A virtual environment with the wheel and its dependencies, no extras, and a folder that is not the source's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment; nothing of this one, and no hub, is at hand to it."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LEHR", "HF_", "VIRTUAL_ENV"))}
        return subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            env={**inherited, "HF_HUB_OFFLINE": "1", "HF_HOME": str(self.folder / "hub"), "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=True)
    environment = Bare(folder)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    pip(subprocess.run(build, capture_output=True, text=True))
    (wheel,) = folder.glob("lehr-*.whl")
    constraints = str(ROOT / "constraints.txt")
    pip(environment.run("python", "-m", "pip", "install", "--quiet", "--no-compile", "-c", constraints, str(wheel)))
    return environment


def pip(done: subprocess.CompletedProcess[str]) -> None:
    """Fail where pip failed; but where it has no network, skip, unless CI forbids that."""
    if done.returncode and NO_NETWORK.search(done.stderr) and os.environ.get("CI") != "true":
        pytest.skip("pip reaches no package index, so that the wheel's dependencies cannot be installed")
    assert done.returncode == 0, done.stderr


def test_the_command_line_starts(bare: Bare) -> None:
    for flag, expected in (("--version", f"lehr {lehr.__version__}"), ("--help", "resolve"), ("-h", "score")):
        done = bare.run("lehr", flag)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout


@pytest.mark.parametrize("package", ["torch", "transformers", "datasets", "accelerate", "onnx", "pytest"])
def test_nothing_heavy_comes_along(bare: Bare, package: str) -> None:
    done = bare.run("python", "-c", f"import {package}")
    assert f"No module named '{package}'" in done.stderr


def test_every_light_module_can_be_imported(bare: Bare) -> None:
    modules = ["document", "detokenize", "files", "scoring", "decoding", "formats", "formats.html", "resolver"]
    modules += ["calibration", "naming", "resolved", "resolver.bench"]
    done = bare.run("python", "-c", "import " + ", ".join(f"lehr.{module}" for module in modules))
    assert done.returncode == 0, done.stderr


def test_what_is_no_code_comes_along(bare: Bare) -> None:
    asked = "from importlib.resources import files; from lehr.naming import language; print(language('en').pronouns, "
    done = bare.run("python", "-c", asked + "[f.name for f in (files('lehr') / 'serve/page').iterdir()])")
    assert "she" in done.stdout, done.stderr
    assert "page.css" in done.stdout


def test_the_shipped_model_knows_who_is_who(bare: Bare) -> None:
    done = bare.run("lehr", "resolve", "--text", "Mary said she was tired.", "--format", "json")
    assert done.returncode == 0, done.stderr
    (cluster,) = json.loads(done.stdout)["clusters"]
    assert [(m["start"], m["end"], m["text"]) for m in cluster["mentions"]] == [(0, 4, "Mary"), (10, 13, "she")]


def test_the_page_is_in_the_wheel(bare: Bare) -> None:
    done = bare.run("lehr", "resolve", "--text", "Mary said she was tired.", "--format", "html", "--output", "a.html")
    assert done.returncode == 0, done.stderr
    page = (bare.folder / "a.html").read_text("utf-8")
    assert 'aria-description="Mary, 2 of 2' in page
    assert "prefers-color-scheme" in page
    assert "keydown" in page
