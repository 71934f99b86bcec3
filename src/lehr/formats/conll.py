"""CoNLL-2012: a row a word, a blank line after a sentence, the coreference brackets in the last column.

Rows of any width from two columns up are read, split at tabs where a row has one and at white space otherwise:

* the word is the fourth column, as in the files of the LDC, or in a shorter row the one before the last; a word that
  is missing is read as ``_``;
* the speaker is the tenth column of a row with at least twelve;
* the last column holds the brackets, ``-`` or ``_`` or nothing for none: ``(3`` opens a mention of cluster 3, ``3)``
  closes the one opened last, ``(3)`` is a mention of one word; several stand side by side or with ``|`` between them.

A document with no blank line at all has lost its sentences; they are then found as in raw text, from the joined words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePath

from ..document import Document, Span
from .brackets import brackets
from .errors import FormatError
from .text import in_sentences

_BEGINS = re.compile(r"#\s*begin document\b")
_NAMED = re.compile(r"(?:\((?P<id>.*)\)\s*|(?P<bare>[^;]*))(?:;\s*(?:part\s+(?P<part>\d{1,18}))?)?")
"""What follows, without white space around it; time is linear in its length, as in that of brackets."""
_END = re.compile(r"#\s*end document\b.*")
_BRACKET = re.compile(r"(\()?(\d+)(\))?")
_BLANKS = re.compile(" +")  # words may hold white space of other kinds
_BRACKETS = re.compile(r"(?!\|)(?:\|?(?:\(\d{1,18}(?!\d)\)?|(?<!\d)\d{1,18}\)))+")
_NOTHING = frozenset(("", "-", "_"))
_SPACE = re.compile(r"\s+")


def read(source: str, *, name: str, language: str = "en") -> list[Document]:
    """The documents of a CoNLL file, one a part; their words are joined into text as in `language`.

    A document without a name takes that of the file, and its place among the nameless as its part. Clusters are in
    the order of their numbers, mentions in that of the text; repeated mentions are kept.

    Raises:
        FormatError: at a row outside a document, a row without brackets in its last column, a bracket that never
            opens or closes, and a document that begins before the last has ended or does not end at all.
    """
    documents: list[Document] = []
    rows: _Rows | None = None
    nameless, number = 0, 0
    for number, line in enumerate(source.removesuffix("\n").split("\n"), start=1):
        line = line.removesuffix("\r")
        if begins := _BEGINS.match(line):
            if not (named := _NAMED.fullmatch(line[begins.end() :].strip())):
                raise FormatError.at(name, number, found=repr(line), expected="'#begin document (NAME); part NUMBER'")
            if rows:
                raise FormatError.at(name, number, found=repr(line), expected=rows.missing_end)
            id, part = named["id"], int(named["part"] or 0)
            if id is None and not (id := named["bare"].rstrip()):
                id, part, nameless = PurePath(name).stem, nameless, nameless + 1
            rows = _Rows(name, number, id, part, language)
        elif line.startswith("#") and _END.fullmatch(line):
            if not rows:
                raise FormatError.at(name, number, found=repr(line), expected="'#begin document' before it")
            documents.append(rows.document())
            rows = None
        elif rows:
            rows.add(line, number)
        elif line.strip() and not line.startswith("#"):
            raise FormatError.at(name, number, found=f"the row {line!r}", expected="'#begin document' before it")
    if rows:
        raise FormatError.at(name, number, found="the end of the file", expected=rows.missing_end)
    return documents


def write(documents: Iterable[Document]) -> str:
    """The documents in the twelve columns of CoNLL-2012, separated by tabs; what is not known is ``-``.

    White space inside a word, a speaker or a name becomes ``_``, as no column can hold it.

    Raises:
        ValueError: if two mentions of one cluster cross, as the brackets cannot say which of them closes where.
    """
    return "".join(line for document in documents for line in _lines(document))


@dataclass
class _Rows:
    """The document being read; `opened` holds the first word and the line of every mention not closed yet."""

    name: str
    line: int
    id: str
    part: int
    language: str
    blank: bool = False
    sentences: list[list[str]] = field(default_factory=lambda: [[]])
    speakers: list[str | None] = field(default_factory=list)
    clusters: defaultdict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))
    opened: defaultdict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def missing_end(self) -> str:
        return f"'#end document' for document {self.id!r}, which begins in line {self.line}"

    def add(self, line: str, number: int) -> None:
        """Take in one row, or the end of a sentence."""
        columns = line.split("\t") if "\t" in line else _BLANKS.split(line.strip())
        if not any(columns):
            self.blank = self.blank or bool(self.speakers)
            self.sentences.append([])
            return
        if len(columns) > 3 and not columns[-1] and _BRACKETS.fullmatch(columns[-2]):
            columns.pop()
        if len(columns) < 2:
            raise FormatError.at(
                self.name, number, found=f"one column, {line!r}", expected="at least a word and its brackets"
            )
        if (brackets := columns[-1].strip()) not in _NOTHING:
            self.bracket(brackets, number)
        self.sentences[-1].append(columns[min(3, len(columns) - 2)] or "_")
        speaker = columns[9].strip() if len(columns) >= 12 else ""
        self.speakers.append(None if speaker in _NOTHING else speaker)

    def bracket(self, brackets: str, number: int) -> None:
        """Open and close mentions at the word of this row."""
        if not _BRACKETS.fullmatch(brackets):
            expected = "coreference brackets such as '(3', '3)', '(3)' or '-'"
            raise FormatError.at(self.name, number, found=f"{brackets!r} in the last column", expected=expected)
        word = len(self.speakers)
        for opens, cluster, closes in _BRACKET.findall(brackets):
            opened = self.opened[int(cluster)]
            if opens:
                opened.append((word, number))
            if closes:
                if not opened:
                    expected = f"a mention of cluster {cluster} opened before it"
                    raise FormatError.at(self.name, number, found=f"'{cluster})'", expected=expected)
                self.clusters[int(cluster)].append((opened.pop()[0], word))

    def document(self) -> Document:
        """The document, once all of its rows are in."""
        for cluster, opened in self.opened.items():
            for _, number in opened:
                expected = f"a closing '{cluster})' before the document ends"
                raise FormatError.at(self.name, number, found=f"'({cluster}'", expected=expected)
        return Document.from_sentences(
            self.sentences if self.blank else in_sentences(list(chain.from_iterable(self.sentences)), self.language),
            id=self.id,
            clusters=[self.clusters[cluster] for cluster in sorted(self.clusters)],
            speakers=self.speakers if any(self.speakers) else None,
            part=self.part,
            language=self.language,
        )


def _lines(document: Document) -> Iterator[str]:
    """The lines of one document."""
    id, brackets, words = _cell(document.id), _brackets(document), document.tokens
    yield f"#begin document ({_SPACE.sub(' ', document.id)}); part {document.part:03d}\n"
    for first, end in document.sentences:
        for word in range(first, end):
            speaker = _cell((document.speakers[word] if document.speakers else None) or "")
            row = [id, str(document.part), str(word - first), _cell(words[word]), *"-----", speaker, "*"]
            yield "\t".join([*row, brackets.get(word, "-")]) + "\n"
        yield "\n"
    yield "#end document\n"


def _cell(text: str) -> str:
    return _SPACE.sub("_", text) or "-"


def _brackets(document: Document) -> dict[int, str]:
    """The last column of the words that need one: first what closes, then what opens, one-word mentions last."""
    return {
        word: "|".join([*(f"{c})" for c in at.closing), *(f"({c}" for c in at.opening), *(f"({c})" for c in at.single)])
        for word, at in brackets(document, "CoNLL-2012").items()
    }
