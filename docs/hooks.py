"""For the site: the reference of commands is made of their own help, and CONTRIBUTING.md is a page of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

COMMANDS = "reference/commands.md"
ROOT = Path(__file__).parents[1]


def on_files(files: Any, config: Any, **_: Any) -> None:
    """Add the page on contributing; what it links to beside itself is not part of the site."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    text = re.sub(r"\[([^]]+)\]\((?!https?:)[^)]+\)", r"\1", text)
    files.append(File.generated(config, "contributing.md", content=text))


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put what every command says of itself below the page's own words."""
    if page.file.src_uri != COMMANDS:
        return markdown
    made = subprocess.run(
        [sys.executable, "-m", "typer", "lehr.cli", "utils", "docs", "--name", "lehr"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return markdown + re.sub(r"^#", "##", made.partition("\n")[2], flags=re.MULTILINE)
