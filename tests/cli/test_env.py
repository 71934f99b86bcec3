"""`lehr env` names versions and imports nothing for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

import lehr
from lehr.cli import app
from lehr.versions import versions


def test_versions_are_told() -> None:
    result = CliRunner().invoke(app, ["env"])
    assert result.exit_code == 0
    assert dict(line.split(maxsplit=1) for line in result.output.splitlines())["lehr"] == lehr.__version__


def test_base_packages_are_those_that_lehr_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = ["numpy>=1.24", "no-such_package>=1", 'torch>=2.4; extra == "train"']
    monkeypatch.setattr(sys.modules[versions.__module__], "requires", lambda name: declared)
    found = versions()
    assert found["numpy"]
    assert found["no-such_package"] is None
    assert list(found)[4:6] == ["numpy", "no-such_package"]


def test_nothing_is_imported() -> None:
    code = "import sys; from lehr.versions import versions; versions(); assert not {'torch', 'numpy'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
