"""CoNLL-2012: a row a word, a blank line after a sentence, the coreference brackets in the last column.

Rows of any width from two columns up are read, split at tabs where a row has one and at white space otherwise:

* the word is the fourth column, as in the files of the LDC, or in a shorter row the one before the last;
* the speaker is the tenth column of a row with at least twelve;
* the last column holds the brackets, ``-`` or ``_`` or nothing for none: ``(3`` opens a mention of cluster 3, ``3)``
  closes the one opened last, ``(3)`` is a mention of one word; several stand side by side or with ``|`` between them.

A row whose word is missing keeps its place as the word ``_``. A document with no blank line at all has lost its sentences; they are then found as in raw text, from the joined words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import PurePath

from ..document import Document, Span
from .errors import FormatError

_BEGIN = re.compile(r"#\s*begin document\b\s*(?:\((?P<id>.*)\)|(?P<bare>[^;]*?))\s*(?:;\s*(?:part\s+(?P<part>\d+))?\s*)?")
_END = re.compile(r"#\s*end document\b.*")
_BRACKET = re.compile(r"(?P<open>\()?(?P<cluster>\d+)(?P<close>\))?")
_BRACKETS = re.compile(r"(?:\(\d+\)?|\d+\))(?:\|?(?:\(\d+\)?|\d+\)))*")
_NOTHING = frozenset(("", "-", "_"))


def read(source: str, *, name: str) -> list[Document]:
    """The documents of a CoNLL file, one a part.

    A document without a name takes that of the file, and its place among the nameless as its part. Clusters are in
    the order of their numbers, mentions in that of the text; repeated mentions are kept.

    Raises:
        FormatError: at a row outside a document, a row without brackets in its last column, a bracket that never
            opens or closes, and a document that begins before the last has ended or does not end at all.
    """
    documents: list[Document] = []
    open_document: _Rows | None = None
    nameless, number = 0, 0
    for number, line in enumerate(source.split("\n"), start=1):
        line = line.rstrip("\r")
        if begin := _BEGIN.fullmatch(line):
            if open_document:
                raise FormatError.at(name, number, found=repr(line), expected=open_document.missing_end)
            id = begin["id"] if begin["id"] is not None else begin["bare"]
            part = int(begin["part"] or 0)
            if not id and begin["id"] is None:
                id, part, nameless = PurePath(name).stem, nameless, nameless + 1
            open_document = _Rows(name, number, id, part)
        elif _END.fullmatch(line):
            if not open_document:
                raise FormatError.at(name, number, found=repr(line), expected="'#begin document' before it")
            documents.append(open_document.document())
            open_document = None
        elif open_document:
            open_document.add(line, number)
        elif line.strip() and not line.startswith("#"):
            raise FormatError.at(name, number, found=f"the row {line!r}", expected="'#begin document' before it")
    if open_document:
        raise FormatError.at(name, number, found="the end of the file", expected=open_document.missing_end)
    return documents


@dataclass
class _Rows:
    """The document being read."""

    name: str
    line: int
    id: str
    part: int
    sentences: list[list[str]] = field(default_factory=lambda: [[]])
    speakers: list[str | None] = field(default_factory=list)
    clusters: dict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))
    opened: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def missing_end(self) -> str:
        return f"'#end document' for document {self.id!r}, which begins in line {self.line}"

    def add(self, line: str, number: int) -> None:
        """Take in one row, or the end of a sentence."""
        columns = line.split("\t") if "\t" in line else line.split()
        if not any(columns):
            self.sentences.append([])
            return
        if len(columns) > 3 and not columns[-1] and _BRACKETS.fullmatch(columns[-2]):
            columns.pop()
        if len(columns) < 2:
            raise FormatError.at(
                self.name, number, found=f"one column, {line!r}", expected="at least a word and its brackets"
            )
        word = columns[min(3, len(columns) - 2)] or "_"
        self.brackets(columns[-1].strip(), len(self.speakers), number)
        self.sentences[-1].append(word)
        speaker = columns[9].strip() if len(columns) >= 12 else "-"
        self.speakers.append(None if speaker in _NOTHING else speaker)

    def brackets(self, column: str, word: int, number: int) -> None:
        """Open and close mentions at a word."""
        if column in _NOTHING:
            return
        if not _BRACKETS.fullmatch(column):
            expected = "coreference brackets such as '(3', '3)', '(3)' or '-'"
            raise FormatError.at(self.name, number, found=f"{column!r} in the last column", expected=expected)
        for bracket in _BRACKET.finditer(column):
            cluster = int(bracket["cluster"])
            if bracket["open"]:
                self.opened[cluster].append((word, number))
            if bracket["close"]:
                if not self.opened[cluster]:
                    expected = f"a mention of cluster {cluster} opened before it"
                    raise FormatError.at(self.name, number, found=f"'{cluster})'", expected=expected)
                first, _ = self.opened[cluster].pop()
                self.clusters[cluster].append((first, word))

    def document(self) -> Document:
        for cluster, mentions in self.opened.items():
            for _, number in mentions:
                raise FormatError.at(
                    self.name, number, found=f"'({cluster}'", expected=f"a closing '{cluster})' before the document ends"
                )
        document = Document.from_sentences(
            self.sentences,
            id=self.id,
            clusters=[self.clusters[cluster] for cluster in sorted(self.clusters)],
            speakers=self.speakers if any(self.speakers) else None,
            part=self.part,
        )
        return document
