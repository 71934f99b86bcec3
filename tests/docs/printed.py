"""The blocks of code that README and docs print, and how a reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>.*?) -->\n)?"
    r'^```(?P<language>\w*)(?: title="(?P<title>.*?)")?\n(?P<code>.*?)^```$',
    re.DOTALL | re.MULTILINE,
)
SHOWN = ("text", "json", "yaml", "js", "mermaid")
"""Languages of blocks that are there to be read."""


@dataclass(frozen=True)
class Block:
    """Some lines of code.

    Args:
        page: where they are printed.
        line: on which line they begin.
        language: as it stands behind the fence; none for commands.
        title: the file as which the reader saves them.
        code: the lines.
        why: the reason for which they are not run; "" if they are.
    """

    page: Path
    line: int
    language: str
    title: str
    code: str
    why: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The commands of a block of them, one a line, without comments; continued lines as one."""
        if self.language not in ("", "sh"):
            return []
        lines = self.code.replace("\\\n", " ").splitlines()
        return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in their order."""
    text = page.read_text("utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start("language")) + 1,
            found["language"],
            found["title"] or "",
            found["code"],
            found["why"] or "",
        )
        for found in BLOCK.finditer(text)
    ]


def walk(page: Path, folder: Path, environment: dict[str, str]) -> None:
    """Do what a page says, block by block, in `folder`: save files, type commands, run Python.

    All Python of a page is one program. What follows ``print(…)`` as a comment is what it must print. A block that says
    ``lehr serve`` starts a service on a free port, to which the page's later requests to port 8000 then go.
    """
    program, expected, address = "", [], "localhost:8000"
    with ExitStack() as services:
        for block in blocks(page):
            if block.title:
                (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
                (folder / block.title).write_text(block.code, encoding="utf-8")
            elif block.why or block.language in SHOWN:
                continue
            elif block.language == "python":
                program += block.code
                expected += re.findall(r"^ *print\(.*\)  # (.*)$", block.code, re.MULTILINE)
            elif block.commands == ["lehr serve"]:
                address = services.enter_context(_served(folder))
            elif block.language in ("", "sh"):
                code = block.code.replace("localhost:8000", address)
                _run(["bash", "-e", "-o", "pipefail", "-c", code], block.place, folder, environment)
            else:
                raise AssertionError(f"{block.place}: nothing is known of {block.language!r}")
    if program:
        printed = _run([sys.executable, "-c", program], page.name, folder, environment).splitlines()
        if program.count("print(") > len(expected):  # some lines say nothing of what they print
            printed = [line for line in printed if line in expected]
        assert printed == expected, page.name


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "lehr", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = re.search(r":(\d+)", process.stdout.readline())
            assert said, "the service says where it is"
            yield f"localhost:{said[1]}"
        finally:
            process.terminate()


def _run(command: list[str], place: str, folder: Path, environment: dict[str, str]) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    said = done.stdout[-3000:] + done.stderr[-3000:]
    assert done.returncode == 0, f"{place}: status {done.returncode}\n{command[-1]}\n{said}"
    return done.stdout
