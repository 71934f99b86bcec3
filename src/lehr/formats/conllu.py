"""CoNLL-U with the ``Entity`` annotation of CorefUD 1.x: ten columns a word, mentions as brackets in the last of them.

The words of a document are the syntactic words, those with a whole number in the first column. Its text is what was
written: a multiword token (``3-4``) stands there as it does in the file, and its characters are shared out among its
words; white space is as ``SpaceAfter``, or UDPipe's ``SpacesAfter`` and ``SpacesBefore``, have it. ``# newdoc id``
begins a document; ``# speaker`` is that of a sentence and ``Speaker`` in the last column that of a word; what else is
annotated, ``Bridge`` and ``SplitAnte`` among it, is passed over.

A document has no room for two things that CorefUD has. Zero mentions, which have no written word, are left out;
discontinuous mentions are cut down to the piece with their head. A `FormatWarning` says of how many. Of a mention with
written words and others, it is the written ones.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from ..document import Document
from .brackets import Brackets, brackets
from .conllu_rows import ESCAPES, Rows
from .errors import FormatError, FormatWarning

FIELDS = "eid-etype-head-other"
"""What an opening bracket says, and in which order, unless ``# global.Entity`` has another list."""

_SPACE = re.compile(r"\s+")
_NO_COLUMN = re.compile(r"[\t\r\n]")


def read(source: str, *, name: str) -> list[Document]:
    """The documents of a CoNLL-U file; without ``# newdoc``, the whole file is one.

    A document without a name takes that of the file, and its place among the nameless as its part. Clusters are in the
    order of their names, numbers in these by value, and mentions in that of the text; repeated mentions are kept.

    Raises:
        FormatError: at a row that has not ten columns or whose first does not count on, a multiword token without its
            words, a bracket that never opens or closes, a piece of a mention without the others, and fields that name
            no entity.
    """
    return _File(name).documents(source)


def write(documents: Iterable[Document]) -> str:
    """The documents as CoNLL-U, entities numbered through all of them, as CorefUD does it.

    What a document does not know, which is all but words, mentions and speakers, is ``_``; the head of a word is 0, as
    CorefUD's scorer takes it without a tree, and that of a mention its first word. Tabs and line ends inside a word
    become spaces, as no column can hold them, and white space in a name becomes one space. White space of the text is
    written beside words: a document without any has no text when it is read again.

    Raises:
        ValueError: if two mentions of one cluster cross, as the brackets cannot say which of them closes where.
    """
    lines: list[str] = []
    entities = 1
    for document in documents:
        lines += _lines(document, entities)
        entities += 1 + max((cluster.id for cluster in document.clusters), default=-1)
    return "".join(lines)


class _File:
    """The file being read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields = FIELDS.split("-")
        self.done: list[Document] = []
        self.rows: Rows | None = None
        self.speaker: str | None = None
        self.nameless = 0
        self.lost: Counter[str] = Counter()

    def documents(self, source: str) -> list[Document]:
        number = 0
        for number, line in enumerate(source.removesuffix("\n").split("\n"), start=1):
            line = line.removesuffix("\r")
            if line.startswith("#"):
                key, _, value = (part.strip() for part in line[1:].partition("="))
                self.comment(key, value, number)
            elif not line.strip():
                self.speaker = None
                if self.rows:
                    self.rows.end_sentence(number)
            else:
                self.rows = self.rows or self.begin(None)
                self.rows.speaker = self.speaker
                self.rows.row(line.split("\t"), number)
        self.finish(number)
        if self.lost.total():
            warnings.warn(f"{self.name}: {_told(self.lost)}", FormatWarning, stacklevel=4)
        return self.done

    def comment(self, key: str, value: str, number: int) -> None:
        if key in ("newdoc", "newdoc id"):
            self.finish(number)
            self.rows = self.begin(value if key == "newdoc id" else None)
        elif key == "global.Entity":
            self.fields[:] = value.split("-")
            if not {"eid", "GRP"} & {*self.fields}:
                raise FormatError.at(self.name, number, found=f"the fields {value!r}", expected="eid among them")
        elif key == "speaker":
            self.speaker = value or None
        elif key == "part" and self.rows and re.fullmatch(r"\d{1,18}", value):
            self.rows.part = int(value)

    def begin(self, id: str | None) -> Rows:
        part = 0
        if id is None:
            id, part = PurePath(self.name).stem, self.nameless
            self.nameless += 1
        return Rows(self.name, self.fields, self.lost, id, part)

    def finish(self, number: int) -> None:
        if self.rows:
            self.rows.end_sentence(number)
            self.done.append(self.rows.document())


def _told(lost: Counter[str]) -> str:
    """What a document has no room for."""
    zero, split = lost["zero"], lost["discontinuous"]
    said = [f"{_counted(zero, 'zero mention')} left out, which no written word stands for"] * bool(zero)
    said += [f"{_counted(lost['alone'], 'entity', 'entities')} left with one mention by it"] * bool(lost["alone"])
    said += [f"{_counted(split, 'discontinuous mention')} cut down to the piece with the head"] * bool(split)
    return ", and ".join(said)


def _counted(number: int, noun: str, nouns: str = "") -> str:
    return f"{number} {noun} is" if number == 1 else f"{number} {nouns or noun + 's'} are"


def _lines(document: Document, entities: int) -> Iterator[str]:
    """The lines of one document, whose cluster 0 is the entity of the number `entities`."""
    id, columns = _SPACE.sub(" ", document.id), brackets(document, "CoNLL-U")
    yield f"# newdoc id = {id}".rstrip() + f"\n# global.Entity = {FIELDS}\n"
    if document.part:
        yield f"# part = {document.part}\n"
    name = "-".join([id.replace(" ", "_") or "document", *([str(document.part)] if document.part else [])])
    for number, (first, end) in enumerate(document.sentences, start=1):
        speakers = {*(document.speakers or ())[first:end]}
        speaker = speakers.pop() if len(speakers) == 1 else None
        yield f"# sent_id = {name}-{number}\n"
        if speaker:
            yield f"# speaker = {_SPACE.sub(' ', speaker)}\n"
        yield f"# text = {_SPACE.sub(' ', document.text[document.words[first][0] : document.words[end - 1][1]])}\n"
        for word in range(first, end):
            misc = _misc(document, word, _entity(columns.get(word, Brackets()), entities), told=bool(speaker))
            form = _NO_COLUMN.sub(" ", document.text[slice(*document.words[word])])
            yield "\t".join([str(word - first + 1), form, *"____0__", misc]) + "\n"
        yield "\n"
    if not document.sentences:
        yield "\n"


def _entity(at: Brackets, entities: int) -> str:
    """The mentions at a word: what closes stands before what opens, and of one word as they nest."""
    closing = [f"e{entities + cluster})" for cluster in at.closing]
    opening = [f"(e{entities + cluster}--1" for cluster in at.opening]
    single = [f"(e{entities + cluster}--1)" for cluster in at.single]
    return "".join([*closing, *opening, *single] if opening else [*single, *closing])


def _misc(document: Document, word: int, entity: str, *, told: bool) -> str:
    """The last column; the speaker too, unless it was `told` beside the sentence."""
    start, end = document.words[word]
    is_last = word + 1 == len(document.words)
    after = document.text[end : None if is_last else document.words[word + 1][0]]
    before = document.text[:start] if word == 0 else ""
    speaker = document.speakers[word] if document.speakers and not told else None
    items = {
        "Entity": entity,
        "SpaceAfter": "No" if not after and not is_last else "",
        "SpacesAfter": _escaped(after) if after != " " or is_last else "",
        "SpacesBefore": _escaped(before),
        "Speaker": _escaped(speaker or ""),
    }
    return "|".join(f"{key}={value}" for key, value in items.items() if value) or "_"


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(character, character) for character in text)
