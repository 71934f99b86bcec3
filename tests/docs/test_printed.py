"""What README and docs print is what happens."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from printed import BLOCK, PAGES, ROOT, Block, blocks, walk
from typer.main import get_command

from lehr.cli import app

BLOCKS = [block for page in PAGES for block in blocks(page)]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_reader_can_do_what_a_page_says(page: Path, reader: Path, environment: dict[str, str]) -> None:
    walk(page, reader, environment)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.commands], ids=lambda block: block.place)
def test_every_printed_command_is_one(block: Block) -> None:
    """Those that no test runs, too: their options are known, and the recipes that they name are there."""
    for line in block.commands:
        check(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_in_a_sentence_is_one(page: Path) -> None:
    for command in re.findall(r"`((?:lehr|python) [^`\n]+)`", BLOCK.sub("", page.read_text("utf-8"))):
        check(command)


def check(line: str) -> None:
    for command in re.split(r" (?:\||&&|>) |; ", line):
        words = shlex.split(command, comments=True)
        if "lehr" in words[:1] and "COMMAND" not in words:
            typed = get_command(app)
            while hasattr(typed, "commands") and words[1:] and not words[1].startswith("-"):
                typed, words = typed.commands[words[1]], words[1:]
            parser = typed.make_parser(typed.context_class(typed, info_name=typed.name))
            _, rest, _ = parser.parse_args(words[1:])
            assert not rest, f"{line}: what is {rest}?"
        for word in words:
            assert not word.startswith(("recipes/", "benchmarks/")) or (ROOT / word).is_file(), f"{line}: no {word}"


def test_no_block_escapes() -> None:
    """Every fence is the beginning or the end of a block that these tests know."""
    for page in PAGES:
        assert page.read_text("utf-8").count("\n```") == 2 * len(blocks(page)), page


def test_links_lead_somewhere() -> None:
    """Links of the README; those of the docs are followed where the site is built."""
    text = (ROOT / "README.md").read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), target
