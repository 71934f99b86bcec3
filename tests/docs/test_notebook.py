"""The notebook runs from its first cell to its last, and says what it said."""

from __future__ import annotations

import re
from typing import Any

import pytest
from printed import ROOT

nbclient = pytest.importorskip("nbclient", reason="notebooks are run by nbclient: pip install 'lehr[docs]'")
nbformat = pytest.importorskip("nbformat")

BOOK = ROOT / "examples/page_of_dickens.ipynb"


def test_the_notebook_says_what_it_said() -> None:
    stored = nbformat.read(BOOK, as_version=4)
    again = nbformat.read(BOOK, as_version=4)
    nbclient.NotebookClient(again, timeout=300, resources={"metadata": {"path": str(BOOK.parent)}}).execute()
    for before, now in zip(stored.cells, again.cells, strict=True):
        if before.cell_type == "code" and before.outputs:
            assert said(now.outputs) == said(before.outputs)


def said(outputs: list[dict[str, Any]]) -> str:
    """The words of a cell's outputs; the digits of probabilities differ from one processor to another."""
    text = "".join(str(output.get("text") or output["data"]) for output in outputs)
    return re.sub(r"[\d.,%█\s]+", " ", text)
