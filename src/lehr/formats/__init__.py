"""The formats that documents are read from and written to, one module each.

Every module has ``read(source, *, name)``, which makes documents of a file's text and names the file in its errors.
Those in `WRITERS` also have ``write(documents)``, which gives the text back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ..document import Document
from . import conll, gap, html, jsonl, text
from .errors import FormatError

__all__ = ["READERS", "WRITERS", "FormatError", "detect", "read_file", "read_source", "write"]

READERS: dict[str, Callable[..., list[Document]]] = {
    "text": text.read,
    "conll": conll.read,
    "jsonl": jsonl.read,
    "gap": gap.read,
}
WRITERS: dict[str, Callable[[Iterable[Document]], str]] = {
    "text": text.write,
    "conll": conll.write,
    "jsonl": jsonl.write,
    "html": html.write,
}


def read_file(path: str | os.PathLike[str], format: str = "auto") -> list[Document]:
    """The documents of a UTF-8 file in one of the formats of `READERS`; ``auto`` lets `detect` choose.

    Raises:
        ValueError: if there is no such format.
        FormatError: if the file is not UTF-8 or not in the format.
        OSError: if it cannot be read.
    """
    if format not in READERS and format != "auto":
        raise ValueError(f"no format {format!r}; the formats are auto, {', '.join(READERS)}")
    source = read_source(path)
    return READERS[detect(path, source) if format == "auto" else format](source, name=os.fspath(path))


def read_source(path: str | os.PathLike[str]) -> str:
    """The text of a UTF-8 file, line ends as they are, without a byte order mark.

    Raises:
        FormatError: if the file is not UTF-8; the message has the offset of the first wrong byte.
    """
    data = Path(path).read_bytes()
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} at offset {error.start}"
        raise FormatError.at(os.fspath(path), None, found=found, expected="UTF-8 text") from error


def detect(path: str | os.PathLike[str], source: str) -> str:
    """The format of a file, by its first line and, where that says nothing, by its name."""
    file = Path(path).name.lower()
    start = source[:1000].lstrip()
    if start.startswith(("#begin document", "# begin document")) or file.endswith(("conll", "_conll.txt")):
        return "conll"
    if gap.is_header(start.partition("\n")[0]):
        return "gap"
    if file.endswith((".jsonl", ".jsonlines", ".json", ".ndjson")):
        return "jsonl"
    return "text"


def write(documents: Iterable[Document], format: str) -> str:
    """The documents as text in one of the formats of `WRITERS`.

    Raises:
        ValueError: if there is no such format or it cannot hold the documents.
    """
    if format not in WRITERS:
        raise ValueError(f"no format {format!r} to write; the formats are {', '.join(WRITERS)}")
    return WRITERS[format](documents)
