"""What is released: what sdist and wheel hold and say, and the wheel tried in an environment with nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "lehr"
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
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, made of this tree, and the wheel, made of the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    constraints = {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    pip(subprocess.run(build, env={**os.environ, **constraints}, capture_output=True, text=True))
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=True)
    environment = Bare(folder)
    constraints = str(ROOT / "constraints.txt")
    pip(environment.run("python", "-m", "pip", "install", "--quiet", "--no-compile", "-c", constraints, str(wheel)))
    return environment


def pip(done: subprocess.CompletedProcess[str]) -> None:
    """Fail where pip failed; but where it has no network, skip, unless CI forbids that."""
    told = done.stdout + done.stderr
    if done.returncode and NO_NETWORK.search(told) and os.environ.get("CI") != "true":
        pytest.skip("pip reaches no package index, so that the wheel's dependencies cannot be installed")
    assert done.returncode == 0, told


def source_files() -> set[str]:
    """The package as it should be everywhere: all of it but what Python itself has left there."""
    files = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(PACKAGE.parent).as_posix() for path in files}


def test_the_sdist_holds_the_package_and_what_builds_it(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    name, version = parse_sdist_filename(path.name)
    assert (name, version) == parse_wheel_filename(next(dist.glob("*.whl")).name)[:2]
    beside = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "PKG-INFO", ".gitignore"}
    assert names == beside | {f"src/{file}" for file in source_files()}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == source_files()
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_metadata_is_valid_and_asks_for_little(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        said = Metadata.from_email(archive.read(path), validate=True)
        entry_points = archive.read(path.replace("METADATA", "entry_points.txt")).decode()
    assert said.version == parse_wheel_filename(wheel.name)[1]
    assert (said.name, said.license_expression) == ("lehr", "Apache-2.0")
    assert said.description_content_type == "text/markdown"
    assert str(said.requires_python) == ">=3.10"
    asked = [requirement for requirement in said.requires_dist or [] if "extra ==" not in str(requirement.marker)]
    light = {"filelock", "numpy", "onnxruntime", "tokenizers", "huggingface-hub", "rich", "syntok", "typer"}
    assert {canonicalize_name(requirement.name) for requirement in asked} == light
    assert {"score", "train", "serve", "spacy"} <= {*(said.provides_extra or [])}
    assert "lehr = lehr.cli:main" in entry_points
    assert "lehr = lehr.integrations.spacy:make" in entry_points


def test_what_builds_it_is_pinned_here() -> None:
    """Else a build in CI would take whatever is newest."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    asked = json.loads(re.search(r"^requires = (\[.*\])$", text, re.MULTILINE)[1])  # type: ignore[index]
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()}
    assert {Requirement(line).name for line in asked} <= pinned


def test_the_command_line_starts(bare: Bare, wheel: Path) -> None:
    version = parse_wheel_filename(wheel.name)[1]
    for flag, expected in (("--version", f"lehr {version}"), ("--help", "resolve"), ("-h", "score")):
        done = bare.run("lehr", flag)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout


@pytest.mark.parametrize("package", ["torch", "transformers", "scipy", "onnx", "pytest"])
def test_nothing_heavy_comes_along(bare: Bare, package: str) -> None:
    done = bare.run("python", "-c", f"import {package}")
    assert f"No module named '{package}'" in done.stderr


def test_every_light_module_can_be_imported(bare: Bare) -> None:
    modules = ["document", "detokenize", "files", "scoring", "decoding", "formats", "formats.html", "resolver"]
    modules += ["calibration", "naming", "resolved", "resolver.bench"]
    done = bare.run("python", "-c", "import " + ", ".join(f"lehr.{module}" for module in modules))
    assert done.returncode == 0, done.stderr


def test_what_is_no_code_comes_along(bare: Bare) -> None:
    asked = "from importlib.resources import files; from lehr.language import language; print(language('en').pronouns, "
    done = bare.run("python", "-c", asked + "[f.name for f in (files('lehr') / 'serve/page').iterdir()])")
    assert "she" in done.stdout, done.stderr
    assert "page.css" in done.stdout


def test_the_shipped_model_knows_who_is_who(bare: Bare) -> None:
    done = bare.run("lehr", "resolve", "--text", "Mary said she was tired.", "--format", "json")
    assert done.returncode == 0, done.stderr
    (cluster,) = json.loads(done.stdout)["clusters"]
    assert [(m["start"], m["end"], m["text"]) for m in cluster["mentions"]] == [(0, 4, "Mary"), (10, 13, "she")]


def test_what_needs_no_extra_works_without_one_and_the_rest_says_which(bare: Bare) -> None:
    for command in ("check", "env", "bench --rounds 1 --threads 1 README.txt"):
        (bare.folder / "README.txt").write_text("Mary said she was tired.", "utf-8")
        done = bare.run("lehr", *command.split())
        assert done.returncode == 0, done.stderr
    for command, extra in (("score a b", "score"), ("serve", "serve"), ("distill README.txt", "train")):
        done = bare.run("lehr", *command.split())
        assert done.returncode == 1
        assert done.stderr.endswith(f"pip install 'lehr[{extra}]'\n")
        assert done.stderr.count("\n") == 1


def test_the_page_is_in_the_wheel(bare: Bare) -> None:
    done = bare.run("lehr", "resolve", "--text", "Mary said she was tired.", "--format", "html", "--output", "a.html")
    assert done.returncode == 0, done.stderr
    page = (bare.folder / "a.html").read_text("utf-8")
    assert 'aria-description="Mary, 2 of 2' in page
    assert "prefers-color-scheme" in page
    assert "keydown" in page
