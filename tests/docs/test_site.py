"""The site of the docs is built, and every link and every name that the reference asks for is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from printed import ROOT

pytest.importorskip("material", reason="the site is built with MkDocs: pip install 'lehr[docs]'")


def test_the_site_is_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    reference = tmp_path / "site/reference"
    commands = (reference / "commands/index.html").read_text("utf-8")
    assert "lehr resolve novel.txt" in commands
    assert "&amp;quot;" not in commands, "code is escaped twice"
    assert 'id="lehr.resolver.resolver.Resolver.__call__"' in (reference / "resolver/index.html").read_text("utf-8")
    for page in (tmp_path / "site").rglob("*.html"):
        assert 'src="http' not in page.read_text("utf-8"), f"{page} asks another host for something"
