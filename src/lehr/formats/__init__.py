"""The formats that documents are read from and written to."""

from __future__ import annotations

import os
from pathlib import Path

from ..document import Document
from . import conll
from .errors import FormatError

__all__ = ["FormatError", "read_file"]


def read_file(path: str | os.PathLike[str], format: str = "auto") -> list[Document]:
    """The documents of a file."""
    return conll.read(Path(path).read_text("utf-8-sig"), name=os.fspath(path))
