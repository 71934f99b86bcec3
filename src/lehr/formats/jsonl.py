"""JSON lines: a document a line. A file of one JSON object, or of one array of them, is read as well.

lehr's own shape, as `to_json` makes it, counts text in half-open characters and words inclusively::

    {"id": "a", "text": "She smiled.", "clusters": [{"id": 0, "mentions": [{"start": 0, "end": 3, "text": "She"}]}]}

with ``words`` (pairs of characters), ``sentences`` (pairs of first and last word), ``speakers``, ``part`` and, in each
mention, ``first_word`` and ``last_word`` where the document came in words.

The shapes of fastcoref, s2e and Maverick are read as well:

* ``sentences`` (lists of words) or ``tokens`` (one list of words, which is split into sentences), ``clusters`` of
  inclusive pairs of words and perhaps ``speakers``, one a word, nested or flat; a ``text`` beside them is passed over
  and the words are joined anew;
* ``text`` alone and ``clusters`` of half-open pairs of characters.

Beside a ``text``, ``words``, ``tokens`` and ``sentences`` that are no lists, but counts, say, are passed over.
The name is ``doc_key`` or ``id``, else that of the file with, among several, the document's place in it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import chain
from math import isfinite
from pathlib import PurePath
from typing import Any

from ..document import Document, Mention
from . import text
from .errors import FormatError

_NO_SPEAKER = ("", "-", "_", None)

_IN_WORDS = ("tokens", "sentences", "words")


def read(source: str, *, name: str, language: str = "en") -> list[Document]:
    """The documents of a file in any of these shapes; what lacks words or text gets it as in `language`.

    Mentions that came in characters keep them, and have the words that they touch.

    Raises:
        FormatError: at a line that is not JSON or not in one of these shapes.
    """
    records = list(_records(source, name))
    stem = PurePath(name).stem
    return [
        record.document(stem if len(records) == 1 else f"{stem}:{number}", language)
        for number, record in enumerate(records, start=1)
    ]


def write(documents: Iterable[Document]) -> str:
    """The documents in lehr's own shape, words and all, one a line."""
    return "".join(json.dumps(to_json(document, words=True), ensure_ascii=False) + "\n" for document in documents)


def dumps(value: Any, *, indent: int | None = None, ascii: bool = False) -> str:
    """JSON of rows of tables, which have what it has not: NaN and infinities are null, bytes base64, dates ISO 8601."""
    told = partial(json.dumps, ensure_ascii=ascii, allow_nan=False, default=_told, indent=indent)
    try:
        return told(value)
    except ValueError:  # of NaN, which `default` is not asked about
        return told(_finite(value))


def _told(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, date) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [*map(_finite, value)]
    return value if not isinstance(value, float) or isfinite(value) else None


def to_json(document: Document, *, words: bool) -> dict[str, Any]:
    """A document as JSON holds it; `words` adds its words, sentences and speakers and the words of its mentions.

    What is None is left out.
    """
    record: dict[str, Any] = {"id": document.id}
    if document.part:
        record["part"] = document.part
    record["text"] = document.text
    if words:
        record["words"] = [list(word) for word in document.words]
        record["sentences"] = [[first, end - 1] for first, end in document.sentences]
        if document.speakers is not None:
            record["speakers"] = list(document.speakers)
    record["clusters"] = [
        {"id": cluster.id, "mentions": [_mention_to_json(mention, words) for mention in cluster.mentions]}
        for cluster in document.clusters
    ]
    return record


def _mention_to_json(mention: Mention, words: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"start": mention.start, "end": mention.end, "text": mention.text}
    if words:
        record |= {"first_word": mention.first_word, "last_word": mention.last_word}
    known = {"score": mention.score, "antecedent": mention.antecedent, "link": mention.link}
    return record | {key: value for key, value in known.items() if value is not None}


def parse(line: str, *, name: str, number: int) -> Any:
    """The value of a line, the `number`th of the file `name`; what it holds, `from_json` says.

    Raises:
        FormatError: if it is not JSON, or a string in it is no Unicode.
    """
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        found = f"{error.msg!r} at column {error.colno}"
        raise FormatError.at(name, number + error.lineno - 1, found=found, expected="JSON") from error
    except (ValueError, RecursionError) as error:
        raise FormatError.at(name, number, found=repr(str(error)), expected="JSON") from error
    if "\\ud" in line.lower() and not _is_unicode(json.dumps(value, ensure_ascii=False)):
        raise FormatError.at(name, number, found="half of a surrogate pair", expected="both or none")
    return value


def holds(source: str) -> bool:
    """Whether a text is JSON, or its first line is, in one of these shapes."""
    for part in (source.partition("\n")[0], source):
        try:
            value = json.loads(part)
        except (ValueError, RecursionError):
            continue
        first = value[0] if isinstance(value, list) and value else value
        return isinstance(first, dict) and not {"text", "tokens", "sentences"}.isdisjoint(first)
    return False


def in_words(keys: Collection[str]) -> bool:
    """Whether a value with these keys comes in words."""
    return not set(_IN_WORDS).isdisjoint(keys)


def there(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a record has for us: nothing that is null, and beside a text no words that are no list."""
    foreign = _IN_WORDS if isinstance(record.get("text"), str) else ()
    return {
        key: value
        for key, value in record.items()
        if value is not None and (key not in foreign or isinstance(value, list))
    }


def from_json(value: Any, *, name: str, line: int | None = None, id: str = "", language: str = "en") -> Document:
    """The document that a value in any of these shapes holds, called `id` if it has no name of its own.

    Text without words is split as in `language`.

    Raises:
        FormatError: if it is in none; the message says so of the `line` of the file `name`.
    """
    return _Record(name, line, value).document(id, language)


def _records(source: str, name: str) -> Iterator[_Record]:
    """What the lines hold, or the items of the only array."""
    lines = [(number, line) for number, line in enumerate(source.split("\n"), start=1) if line.strip()]
    if lines and not _is_json(lines[0][1]):
        lines = [(1, source)]
    for number, line in lines:
        value = parse(line, name=name, number=number)
        if isinstance(value, list) and len(lines) == 1:
            yield from (_Record(f"{name}, item {item}", None, inner) for item, inner in enumerate(value, start=1))
        else:
            yield _Record(name, number, value)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_unicode(string: str) -> bool:
    try:
        string.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Record:
    """A JSON value and the place where it stands."""

    name: str
    line: int | None
    value: Any

    def document(self, name: str, language: str) -> Document:
        """The document, of this name if it has none of its own."""
        if not isinstance(self.value, dict):
            raise self.error(self.value, "an object")
        if (value := there(self.value)) != self.value:
            return replace(self, value=value).document(name, language)
        id, part = self.value.get("doc_key", self.value.get("id")), self.value.get("part", 0)
        if type(part) is not int or part < 0:
            raise self.error(part, "a whole number from 0 on as 'part'")
        in_words = "tokens" in self.value or ("sentences" in self.value and "words" not in self.value)
        try:
            document = self.in_words(language) if in_words else self.in_characters(language)
        except FormatError:
            raise
        except ValueError as error:
            raise self.error(error, "words, sentences, speakers and clusters that fit together") from error
        return replace(document, id=name if id is None else str(id), part=part)

    def in_words(self, language: str) -> Document:
        """A document whose clusters are of inclusive words."""
        key = "tokens" if "tokens" in self.value else "sentences"
        sentences = [self.items(key)] if key == "tokens" else [self.list_of(key, item) for item in self.items(key)]
        for word in chain.from_iterable(sentences):
            if not isinstance(word, str) or not word:
                raise self.error(word, f"a word in {key!r}")
        if key == "tokens":
            sentences = text.in_sentences(sentences[0], language)
        document = Document.from_sentences(sentences, speakers=self.speakers(), language=language)
        return document.with_clusters([self.pair("clusters", pair) for pair in cluster] for cluster in self.clusters())

    def in_characters(self, language: str) -> Document:
        """A document whose clusters are of half-open characters."""
        source = self.value.get("text")
        if not isinstance(source, str):
            only = ValueError(f"only {', '.join(self.value)}" if self.value else "nothing")
            found = source if "text" in self.value else only
            raise self.error(found, "a string as 'text', or words in 'tokens' or 'sentences'")
        if "words" in self.value:
            words = tuple(self.pair("words", word) for word in self.items("words"))
            document = Document("", source, words, ((0, len(words)),) if words else ())
            given = [self.pair("sentences", sentence) for sentence in self.items("sentences")]
            sentences = [(first, last + 1) for first, last in given] or text.split_sentences(source, words, language)
            document = replace(document, sentences=tuple(sentences), speakers=self.speakers())
        else:
            document = text.read(source, name="", language=language)[0]
        return document.with_clusters([self.mention(document, item) for item in cluster] for cluster in self.clusters())

    def mention(self, document: Document, value: Any) -> Mention:
        """A mention given by its characters, alone or with its text and what a resolver said of it."""
        record = value if isinstance(value, dict) else {}
        start, end = self.pair("clusters", [record.get("start"), record.get("end")] if record else value)
        words = document.words_at(start, end) if start < end <= len(document.text) else None
        if words is None:
            raise self.error([start, end], f"characters in 'clusters' that hold a word of the {len(document.text)}")
        found = document.text[start:end]
        if record.get("text", found) != found:
            raise self.error(record["text"], f"{found!r}, which stands at characters {start} to {end}")
        antecedent = record.get("antecedent")
        if antecedent is not None and type(antecedent) is not int:
            raise self.error(antecedent, "a whole number as 'antecedent'")
        return Mention(
            start, end, found, *words, self.probability(record, "score"), antecedent, self.probability(record, "link")
        )

    def probability(self, record: Mapping[str, Any], key: str) -> float | None:
        value = record.get(key)
        if value is not None and not (type(value) in (int, float) and 0 <= value <= 1):
            raise self.error(value, f"a probability as {key!r}")
        return value

    def clusters(self) -> Iterator[list[Any]]:
        """The mentions of each cluster, whatever stands for them."""
        for cluster in self.items("clusters"):
            yield self.list_of("clusters", cluster.get("mentions") if isinstance(cluster, dict) else cluster)

    def speakers(self) -> tuple[str | None, ...] | None:
        """One speaker a word, from a flat list or one nested as the sentences are; None where none is known."""
        values = self.items("speakers")
        if any(isinstance(value, list) for value in values):
            values = [speaker for value in values for speaker in self.list_of("speakers", value)]
        speakers = tuple(None if value in _NO_SPEAKER else str(value) for value in values)
        return speakers if any(speakers) else None

    def items(self, key: str) -> list[Any]:
        """The list under a key, empty where there is none."""
        value = self.value.get(key)
        return [] if value is None else self.list_of(key, value)

    def list_of(self, key: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.error(value, f"a list in {key!r}")
        return value

    def pair(self, key: str, value: Any) -> tuple[int, int]:
        """Two positions in order."""
        if not (isinstance(value, list) and [type(item) for item in value] == [int, int] and 0 <= value[0] <= value[1]):
            raise self.error(value, f"two positions in order in {key!r}")
        return value[0], value[1]

    def error(self, found: Any, expected: str) -> FormatError:
        """The error of finding a value, or a reason against it, in this record."""
        shown = str(found) if isinstance(found, ValueError) else json.dumps(found, ensure_ascii=False)
        shown = shown if len(shown) <= 100 else shown[:99] + "…"
        return FormatError.at(self.name, self.line, found=shown, expected=expected)
