"""Imports only go down: what each floor of the house may know (docs/architecture.md).

Whatever is not named here is on the light side and brings nothing but what `pip install lehr` brings.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import requires
from pathlib import Path

import pytest

import lehr

ROOT = Path(lehr.__file__).parent

TASKS = {"coref", "glue", "vision"}
FACES = {"__main__", "cli", "serve", "integrations"}
ABOVE_LIGHT = {"kd", "experiments"} | TASKS | FACES

MAY_IMPORT = {
    "kd": {"kd"},
    **{task: {task, "kd"} for task in TASKS},
    "experiments": {"experiments", "kd"} | TASKS,
    **dict.fromkeys(FACES, ABOVE_LIGHT),
}
"""The rooms above the light side that each room there may import; the light side imports none of them."""

LIGHT_PACKAGES = {
    re.split(r"[^\w-]", needed)[0].replace("-", "_") for needed in requires("lehr") or () if "extra ==" not in needed
}
"""What `pip install lehr` brings."""
WITH_AN_EXTRA = {name: {"scipy"} for name in ("scoring.py", "calibration.py", "comparison.py")}
"""What single functions of the light side may import once `lehr.extras.needs` has seen that it is there."""

SLOW = {"torch", "transformers", "datasets", "accelerate", "onnx", "onnxruntime", "scipy"}

MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def room(module: Path) -> str:
    """`coref` for coref/data.py, `files` for files.py, `__init__` for the package itself."""
    return module.parts[0].removesuffix(".py")


def imports(module: Path, source: str | None = None) -> Iterator[tuple[int, str]]:
    """Every import in the module, inside functions and for type checkers too, as its line and an absolute name."""
    package = ["lehr", *module.parts[:-1]]
    for node in ast.walk(ast.parse((ROOT / module).read_text("utf-8") if source is None else source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{name}.{alias.name}"
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield node.lineno, argument.value


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_go_down(module: Path) -> None:
    here = room(module)
    allowed = MAY_IMPORT.get(here, set())
    for line, name in imports(module):
        parts = name.split(".")
        if parts[0] == "lehr" and len(parts) > 1 and parts[1] in ABOVE_LIGHT:
            assert parts[1] in allowed, f"{module}:{line}: {here} must not know {parts[1]}"


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) not in ABOVE_LIGHT], ids=str)
def test_the_light_side_needs_only_what_the_light_install_brings(module: Path) -> None:
    known = LIGHT_PACKAGES | sys.stdlib_module_names | {"lehr"} | WITH_AN_EXTRA.get(str(module), set())
    for line, name in imports(module):
        assert name.split(".")[0] in known, f"{module}:{line}: {name} is not among the base dependencies"


def test_no_import_is_overlooked() -> None:
    """Else the two tests above would pass whatever was imported."""
    source = """
import torch.nn as nn
from .. import kd, __version__
from ..coref.data import windows
if TYPE_CHECKING:
    from transformers import Trainer
def late():
    from . import conll
    importlib.import_module("datasets")
"""
    assert [name for _, name in imports(Path("formats/some.py"), source)] == [
        "torch.nn",
        "lehr.kd",
        "lehr.__version__",
        "lehr.coref.data.windows",
        "transformers.Trainer",
        "lehr.formats.conll",
        "datasets",
    ]


@cache
def loaded_by(statement: str) -> frozenset[str]:
    code = f"import sys\ntry:\n    {statement}\nexcept SystemExit:\n    pass\nprint('loaded:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("loaded:"))
    return frozenset(line.split()[1:])


@pytest.mark.parametrize("module", [path for path in MODULES if str(path) in WITH_AN_EXTRA], ids=str)
def test_what_an_extra_brings_waits_until_it_is_asked_for(module: Path) -> None:
    assert not loaded_by(f"import lehr.{module.stem}") & WITH_AN_EXTRA[str(module)]


@pytest.mark.parametrize(
    "statement",
    ["import lehr, lehr.cli", "import lehr.formats", "from lehr.cli import app; app(['--help'])"],
)
def test_help_is_instant(statement: str) -> None:
    assert not loaded_by(statement) & SLOW
