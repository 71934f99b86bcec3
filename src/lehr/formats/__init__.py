"""The formats that documents are read from and written to, one module each.

Every module has ``read(source, *, name)``, which makes documents of a file's text and names the file in its errors.
Those in `WRITERS` also have ``write(documents)``, which gives the text back. Modules that
split a text or name entities also take its `language`.
"""

from __future__ import annotations

import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from ..document import Document
from .errors import FormatError, FormatWarning

__all__ = [
    "READERS",
    "WRITERS",
    "FormatError",
    "FormatWarning",
    "decoded",
    "detect",
    "read",
    "read_file",
    "read_known",
    "read_source",
    "write",
]


def _late(format: str, function: str) -> Callable[..., Any]:
    """A function of a format's module, which is imported when it is first called."""

    def call(*arguments: Any, **settings: Any) -> Any:
        return getattr(import_module(f".{format}", __name__), function)(*arguments, **settings)

    return call


_CONLLU = re.compile(r"#\s*(newdoc\b|sent_id\b|text\s*=|global\.)|(1|1-\d+|0\.1)\t([^\t\n]*\t){8}[^\t\n]*(\n|$)")
"""How it begins: a comment that it knows, or a row of ten columns."""

READERS: dict[str, Callable[..., list[Document]]] = {
    format: _late(format, "read") for format in ("text", "conll", "conllu", "jsonl", "gap")
}
WRITERS: dict[str, Callable[..., str]] = {
    format: _late(format, "write") for format in ("text", "conll", "conllu", "jsonl", "html")
}


def read_file(path: str | os.PathLike[str], format: str = "auto", language: str = "en") -> list[Document]:
    """The documents of a UTF-8 file in one of the formats of `READERS`; ``auto`` lets `detect` choose.

    What comes without words is split, and what comes without text is joined, as in `language`, an ISO 639 code.

    Raises:
        ValueError: if there is no such format.
        FormatError: if the file is not UTF-8 or not in the format.
        OSError: if it cannot be read.
    """
    if format not in READERS and format != "auto":
        raise ValueError(f"no format {format!r}; the formats are auto, {', '.join(READERS)}")
    source = read_source(path)
    format = detect(path, source) if format == "auto" else format
    return read(source, format, name=os.fspath(path), language=language)


def read(source: str, format: str, *, name: str, language: str = "en") -> list[Document]:
    """The documents of the text of a file `name`, in one of `READERS`; see `read_file`.

    Raises:
        FormatError: if it is not in the format.
    """
    in_language = {"language": language} if format in ("text", "conll", "jsonl") else {}
    return READERS[format](source, name=name, **in_language)


def read_known(source: str, format: str, *, name: str, language: str = "en") -> list[Document]:
    """The same as training reads it: GAP's passages have the clusters that are known, of three mentions each."""
    if format == "gap":
        known: list[Document] = _late("gap", "read_known")(source, name=name)
        return known
    return read(source, format, name=name, language=language)


def read_source(path: str | os.PathLike[str]) -> str:
    """The text of a UTF-8 file, line ends as they are, without a byte order mark.

    Raises:
        FormatError: if the file is not UTF-8, see `decoded`.
    """
    return decoded(Path(path).read_bytes(), os.fspath(path))


def decoded(data: bytes, name: str, line: int | None = None) -> str:
    """The text of the bytes of a file `name`, or of a line in it, without a byte order mark.

    Raises:
        FormatError: if they are not UTF-8; the message has the offset of the first wrong byte, and what may help.
    """
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} at offset {error.start}" + (" of the line" if line else "")
        likely = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "cp1252"
        hint = f"if it is {likely}, iconv -f {likely} -t utf-8 converts it"
        raise FormatError.at(name, line, found=found, expected=f"UTF-8 text; {hint}") from error


def detect(path: str | os.PathLike[str], source: str) -> str:
    """The format of a file, by its first line and, where that says nothing, by its name."""
    file = Path(path).name.lower()
    start = source[:1000].lstrip()
    if start.startswith(("#begin document", "# begin document")) or file.endswith(("conll", "_conll.txt")):
        return "conll"
    if _CONLLU.match(start) or file.endswith(".conllu"):
        return "conllu"
    from .gap import is_header

    if is_header(start.partition("\n")[0]):
        return "gap"
    if file.endswith((".jsonl", ".jsonlines", ".json", ".ndjson")):
        return "jsonl"
    return "jsonl" if "." not in file and start[:1] in ("{", "[") and _late("jsonl", "holds")(source) else "text"


def write(documents: Iterable[Document], format: str, language: str = "en") -> str:
    """The documents, whose text is in `language`, in one of the formats of `WRITERS`.

    Raises:
        ValueError: if there is no such format or it cannot hold the documents.
    """
    if format not in WRITERS:
        raise ValueError(f"no format {format!r} to write; the formats are {', '.join(WRITERS)}")
    in_language = {"language": language} if format == "html" else {}
    return WRITERS[format](documents, **in_language)
