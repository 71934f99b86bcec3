"""What a request asks for: its document is read in steps, and not too much of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from ..document import Document, Mention
from ..formats import detect, jsonl, read
from ..formats import text as raw_text
from ..resolver import find_mention
from ..resolver.source import read as read_source
from .gate import Refused
from .limits import Limits

_PIECE = 2**16
"""Characters that are split into words in one step."""


@dataclass(slots=True, eq=False)
class Question:
    """A document and how to answer for it.

    `document` is there once `read` is through, its words given as they are if it came `in_words`; `mentions` are those
    whose entities alone are asked for.
    """

    source: str | Sequence[Any]
    options: dict[str, Any]
    asked: Sequence[Any] = ()
    input_format: str = "text"
    document: Document = field(default_factory=lambda: Document("", "", (), ()))
    in_words: bool = False
    mentions: list[Mention] = field(default_factory=list)


class Reader:
    """Reads questions, whose texts are in a language, as iterators that do a part of the work at each step."""

    def __init__(self, limits: Limits, language: str) -> None:
        self.limits, self.language = limits, language
        self._words: dict[Question, int] = {}
        self._lock = Lock()

    @contextmanager
    def asked(self, question: Question) -> Iterator[None]:
        """Count the words of a question as long as it is open."""
        with self._lock:
            self._words[question] = 0
        try:
            yield
        finally:
            with self._lock:
                del self._words[question]

    def read(self, question: Question) -> Iterator[bool]:
        """Fill in the document of a question and its mentions.

        Raises:
            ValueError: if it is not in its format, or a mention is not in it.
            Refused: if it has too many words.
        """
        source = question.source
        if not isinstance(source, str):
            sentences = [source] if all(isinstance(word, str) for word in source) else source
            self._count(question, sum(map(len, sentences)))
            document, question.in_words = read_source(source, self.language)
            question.document = replace(document, id="words")
        else:
            unmarked = source.removeprefix("\ufeff")  # a byte order mark, as files have it
            format = detect("", unmarked) if question.input_format == "auto" else question.input_format
            if format in ("conll", "conllu", "jsonl"):
                source = unmarked
                records = _parsed(source) if format == "jsonl" else []
                if len(records) > 1:
                    raise ValueError(f"the text holds {len(records)} documents: send one at a time")
                self._count(question, max(source.count("\n"), 4 * source.count("(")) if format != "jsonl" else 0)
                for record in records:
                    yield from self.weigh(question, record)
                documents = read(source, format, name="the text", language=self.language)
                question.document = _one(documents)
                question.in_words = not records or jsonl.in_words(jsonl.there(records[0]))
            else:
                yield from self._read_text(question, source)
        self._count(question, len(question.document.words))
        for asked in question.asked:
            given = tuple(asked) if isinstance(asked, list) else asked
            question.mentions.append(find_mention(question.document, given, in_words=question.in_words))
            yield False
        yield True

    def weigh(self, question: Question, record: Any) -> Iterator[bool]:
        """See that a document as JSON is not too much, before it is made of it.

        Raises:
            Refused: if it has too many words or mentions.
        """
        if not isinstance(record, dict):
            return
        lists = {name: value for name, value in record.items() if isinstance(value, list)}
        clusters = (c.get("mentions") if isinstance(c, dict) else c for c in lists.get("clusters", ()))
        words = max(
            _length(lists.get("words")), _length(lists.get("tokens")), sum(map(_length, lists.get("sentences", ())))
        )
        self._count(question, max(words, 4 * sum(map(_length, clusters))))
        if not words and isinstance(record.get("text"), str):
            yield from self._read_text(question, record["text"])
            question.document = Document("", "", (), ())

    def _read_text(self, question: Question, source: str) -> Iterator[bool]:
        """Split a text into words and sentences, some pages at a step."""
        words: list[tuple[int, int]] = []
        sentences: list[tuple[int, int]] = []
        offset = 0
        pieces = (source[at : at + _PIECE] for at in range(0, len(source), _PIECE))
        for text, part, ranges in raw_text.stream(pieces, self.language):
            sentences += [(first + len(words), end + len(words)) for first, end in ranges]
            words += [(start + offset, end + offset) for start, end in part]
            offset += len(text)
            self._count(question, len(words))
            yield False
        question.document = Document("text", source, tuple(words), tuple(sentences))

    def _count(self, question: Question, words: int) -> None:
        """See that a question of so many words is not too much, nor all of them together."""
        most = self.limits.words
        if words > most:
            raise Refused(413, f"the document has more than {most:,} words, or a mention for four: send it in parts")
        with self._lock:
            if question in self._words:  # its client is there
                self._words[question] = words
            if sum(self._words.values()) > 2 * most:
                raise Refused(429, f"more than {2 * most:,} words are being worked on: come again later")


def _parsed(source: str) -> list[Any]:
    """What there is in JSON or JSON lines; nothing if it is neither, which the reader will say."""
    for pieces in ([source], source.split("\n")):
        with suppress(ValueError, RecursionError):
            values = [json.loads(piece) for piece in pieces if piece.strip()]
            return [item for value in values for item in (value if isinstance(value, list) else [value])]
    return []


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def _one(documents: list[Document]) -> Document:
    """The one document of a file, without its clusters.

    Raises:
        ValueError: if there is another number of them.
    """
    if len(documents) != 1:
        names = ", ".join(repr(document.id) for document in documents[:3]) + (", …" if len(documents) > 3 else "")
        raise ValueError(f"the text holds {len(documents)} documents ({names}): send one at a time")
    return replace(documents[0], clusters=())
