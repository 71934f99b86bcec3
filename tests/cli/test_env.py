"""`lehr env` tells what a bug report needs, whatever is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lehr
from lehr.cli import app
from lehr.resolver import shipped_model
from lehr.resolver.location import fingerprint
from lehr.versions import environment, versions

ENVIRONMENT = sys.modules[environment.__module__]


def test_versions_are_told() -> None:
    result = CliRunner().invoke(app, ["env"])
    assert result.exit_code == 0
    assert dict(line.split(maxsplit=1) for line in result.output.splitlines())["lehr"] == lehr.__version__


def test_base_packages_are_those_that_lehr_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = ["numpy>=1.24", "no-such_package>=1", 'torch>=2.4; extra == "train"']
    monkeypatch.setattr(ENVIRONMENT, "requires", lambda name: declared)
    found = versions()
    assert found["numpy"]
    assert found["no-such_package"] is None
    assert list(found)[5:7] == ["numpy", "no-such_package"]


def test_model_runtime_and_folders_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEHR_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    result = CliRunner().invoke(app, ["env", "--json"])
    assert result.exit_code == 0
    found = json.loads(result.output)
    assert found["model"] == f"{shipped_model()}, fingerprint {fingerprint(shipped_model())[:16]}"
    assert "CPUExecutionProvider" in found["providers"]
    assert found["cache"] == found["LEHR_CACHE"] == str(tmp_path)
    assert "secret" not in result.output


@pytest.mark.parametrize(
    ("machine", "known"),
    [
        ("flags\t\t: fpu sse avx2 avx512f avx512_vnni amx_int8\n", "avx2 avx512f avx512_vnni amx_int8"),
        ("processor : 0\nFeatures\t: fp asimddp bf16\n", "asimddp bf16"),
        ("flags\t\t: fpu sse\n", "none that matters"),
    ],
)
def test_instructions_are_those_that_matter(monkeypatch: pytest.MonkeyPatch, machine: str, known: str) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: machine if path.name == "cpuinfo" else "")
    assert ENVIRONMENT._instructions() == known


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers", "numpy", "rich"])
def test_a_package_that_is_broken_is_part_of_the_report(package: str) -> None:
    """An entry of None in `sys.modules` makes the import fail."""
    code = f"""
import json, sys
sys.modules[{package!r}] = None
from lehr.versions import environment
print(json.dumps(environment()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["lehr"] == lehr.__version__
    for told in ("model", "providers"):
        assert "edge_en" in found[told] or "Provider" in found[told] or package in found[told]


def test_a_missing_model_is_part_of_the_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lehr.resolver.location.shipped_model", lambda: tmp_path / "none")
    assert str(environment()["model"]).startswith("unknown (FileNotFoundError: lehr's own model is not in ")


def test_nothing_is_imported() -> None:
    """For `versions` nothing at all, for `lehr env` what resolves."""
    versions_only = "from lehr.versions import versions; versions(); assert not {'torch', 'numpy'} & {*sys.modules}"
    everything = "from lehr.versions import environment; environment(); assert not {'torch', 'scipy'} & {*sys.modules}"
    for code in (versions_only, everything):
        subprocess.run([sys.executable, "-c", f"import sys; {code}"], check=True)


def test_the_version_is_looked_up_when_it_is_asked_for() -> None:
    code = "import sys, lehr; assert 'lehr.versions' not in sys.modules; print(lehr.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == lehr.__version__
