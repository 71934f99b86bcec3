"""For the site: the reference of commands is made of their own help; CONTRIBUTING.md and SECURITY.md are pages too."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

COMMANDS = "reference/commands.md"
ROOT = Path(__file__).parents[1]


def on_files(files: Any, config: Any, **_: Any) -> None:
    """Add the pages on contributing and on security; what they link to beside docs is not part of the site."""
    for name in ("CONTRIBUTING", "SECURITY"):
        text = (ROOT / f"{name}.md").read_text("utf-8").replace("(SECURITY.md)", "(security.md)")
        text = re.sub(r"\(docs/(\w+\.md)\)", r"(\1)", text)
        text = re.sub(r"\[([^]]+)\]\((?!https?:|\w+\.md)[^)]+\)", r"\1", text)
        files.append(File.generated(config, f"{name.lower()}.md", content=text))


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
    return markdown + _mended(made.partition("\n")[2])


def _mended(text: str) -> str:
    """Typer's page a level down, without what is hidden; it escapes code as it does prose, and cuts summaries short."""
    text = re.sub(r"^### `lehr experiment cell`$.*?(?=^#)", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^(\* `[\w-]+`): .*\.\.\.$", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"^    .*$|`[^`\n]+`", lambda code: html.unescape(code[0]), text, flags=re.MULTILINE)
    return re.sub(r"^#", "##", text, flags=re.MULTILINE)
