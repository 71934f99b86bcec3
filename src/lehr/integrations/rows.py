"""A row of a table or of JSON lines to the same row, resolved: what Ray, Datasets and folders of files have in common.

A row has ``text``, or words as JSON lines have them (`lehr.formats.jsonl`). What it has besides is kept, but for the
clusters that it may have come with.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ..document import Document
from ..formats.jsonl import from_json, in_words, there, to_json
from ..pool import at_once
from ..resolver import Options, Resolver
from ..resolver.config import Config
from ..resolver.location import fingerprint, locate

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..resolver.source import GivenMention

WRITTEN = ("text", "words", "sentences", "speakers", "clusters", "error")
"""The columns that are written anew; those of words only where the row came in words."""

_NAMES = ("id", "doc_key", "part")


@dataclass(frozen=True)
class RowResolver:
    """Resolves rows, whatever process it is brought to: the model is read there when the first row comes, and once.

    It is itself what ``datasets.Dataset.map(…, batched=True)`` takes, and the same, for its caches, whenever it is made
    for the same model with the same options.

    Args:
        model: a folder or an id on the hub, to be found wherever rows are resolved; None for the one that comes with
            lehr.
        threads: for each process to compute on; None lets the runtime decide.
        mentions: ask for the entities of these only, each as `Resolver` takes it as ``mention``.
        scheme, mention_threshold, link_threshold, singletons, horizon: see `lehr.Resolver`.

    Raises:
        OSError: if there is no such model.
        ValueError: if it is damaged, or an option is out of its range.
    """

    model: str | os.PathLike[str] | None = None
    threads: int | None = 1
    mentions: tuple[GivenMention, ...] = ()
    scheme: str | None = None
    mention_threshold: float | None = None
    link_threshold: float | None = None
    singletons: bool | None = None
    horizon: int | None = None
    _expected: str | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        Options(Config.read(locate(self.model) / "config.json"), **self.options)

    def __getstate__(self) -> dict[str, Any]:
        """With the fingerprint of the model, which is to be the same wherever this is brought."""
        return {**self.__dict__, "_expected": self._expected or fingerprint(locate(self.model))}

    @property
    def options(self) -> dict[str, Any]:
        """What `Resolver` takes at every call."""
        names = ("scheme", "mention_threshold", "link_threshold", "singletons", "horizon")
        return {name: getattr(self, name) for name in names}

    @property
    def language(self) -> str:
        """The language that the model reads."""
        return Config.read(locate(self.model) / "config.json").language

    def load(self) -> Resolver:
        """The resolver of this process, read at the first call.

        Raises:
            OSError: if the model is not on this machine.
            ValueError: if it is damaged, or not the one that it was where the work was given out.
        """
        model = None if self.model is None else os.fspath(self.model)
        return _resolver(model, self.threads, self._expected, os.getpid())

    def for_many(self, things: int) -> tuple[RowResolver, int]:
        """One of one thread, and how many of so many things it is to do at a time; or itself and 1, see `at_once`."""
        many = at_once(self.threads, things)
        return (replace(self, threads=1), many) if many > 1 else (self, 1)

    def answer(self, document: Document, told: Callable[[int], object] | None = None) -> Document:
        """All entities of a document, or those of the mentions asked for, each once; `told` as `Resolver` has it.

        Raises:
            ValueError: if the text is no Unicode, or a mention is not in it.
        """
        if not self.mentions:
            return self.load()(document, told=told, **self.options)
        return self.load().entities(document, self.mentions, told=told, **self.options)

    def __call__(self, batch: Mapping[str, Sequence[Any]], words: bool | None = None) -> dict[str, list[Any]]:
        """Columns to columns: the text, what was found in it, and why where there is nothing; see `resolve_rows`.

        Args:
            batch: columns of rows.
            words: whether rows may come in words; None for what the columns of this batch say.

        Raises:
            TypeError: if this is a row.
            ValueError: if no column has texts or words.
        """
        names = readable_columns(batch)
        if any(isinstance(batch[name], str) for name in names):
            raise TypeError("this is one row, and whole columns are meant: let `map` have batched=True")
        rows = [dict(zip(names, values, strict=True)) for values in zip(*(batch[name] for name in names), strict=True)]
        if words is None:
            words = in_words([key for row in rows for key in there(row)])
        found = self.resolve_rows(rows, words=words)
        return {name: [row[name] for row in found] for name in written(words)}

    def resolve_rows(self, rows: Iterable[Mapping[str, Any]], *, words: bool) -> list[dict[str, Any]]:
        """For each row what `written` names; where it cannot be resolved, its text as it came, and an ``error``.

        Raises:
            OSError: if the model is not on this machine.
            ValueError: if it is damaged or another one.
        """
        self.load()  # what is wrong with the model is not the rows' fault
        return [self._resolve_row(row, words) for row in rows]

    def _resolve_row(self, row: Mapping[str, Any], words: bool) -> dict[str, Any]:
        text, name = row.get("text"), "this row" if row.get("id") is None else f"row {row['id']}"
        empty = {**dict.fromkeys(written(words)), "text": text if isinstance(text, str) else None}
        try:
            found = record(self.answer(document(row, name=name, language=self.load().config.language)), words=words)
        except Exception as error:  # whatever it may be, it is that of one row of many
            return {**empty, "error": reason(error)}
        return {name: found.get(name) for name in empty}


def written(words: bool) -> tuple[str, ...]:
    """Those of `WRITTEN` that rows have which came in words or in text."""
    return tuple(name for name in WRITTEN if words or name in ("text", "clusters", "error"))


def replaced(words: bool) -> tuple[str, ...]:
    """The columns that are not kept as they came: those that are written, and words in another shape."""
    return (*written(words), "tokens") if words else written(words)


def readable(columns: Iterable[str]) -> list[str]:
    """The columns that a document is made of; clusters that are there already are not."""
    return [name for name in columns if name in (*_NAMES, *replaced(True)) and name not in ("clusters", "error")]


def readable_columns(columns: Collection[str]) -> list[str]:
    """The same of a table.

    Raises:
        ValueError: if rows of it can hold no document.
    """
    found = readable(columns)
    if not {"text", "tokens", "sentences"} & set(found):
        raise ValueError(
            f"no column is called text, tokens or sentences, but {', '.join(columns)}: rename the right one"
        )
    return found


def document(
    row: Mapping[str, Any], *, name: str, line: int | None = None, id: str = "", language: str = "en"
) -> Document:
    """The document in a row, its text split as in `language`; what is None counts as not there.

    Raises:
        FormatError: if there is none; the message names the `line` of the file `name`.
    """
    if not isinstance(row, dict):
        return from_json(row, name=name, line=line)
    kept = {key: row[key] for key in readable(row)}
    if isinstance(kept.get("part"), str):
        del kept["part"]  # of a data set, say, and not of a document
    return from_json(kept, name=name, line=line, id=id, language=language)


def record(document: Document, *, words: bool, row: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A resolved document as JSON holds it, probabilities to four places, with what else its row has, an error too."""
    found = to_json(document, words=words)
    own = {*_NAMES, *replaced(True)}
    kept = {key: value for key, value in (row or {}).items() if value is not None or key not in own}
    kept = {key: value for key, value in kept.items() if key == "error" or key not in replaced(words)}
    for cluster in found["clusters"]:
        for mention in cluster["mentions"]:
            mention.update({key: round(mention[key], 4) for key in ("score", "link") if key in mention})
    return found | kept


def reason(error: BaseException) -> str:
    """Why, in one sentence: an error's own where it is one that lehr raises, else with its name."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    told = " ".join(str(error).split())
    return told if isinstance(error, (ValueError, OSError)) and told else f"{type(error).__name__}: {told}"


@cache
def _resolver(model: str | None, threads: int | None, expected: str | None, process: int) -> Resolver:
    """The resolver of a process; one that a fork has brought along has left its threads behind."""
    import onnxruntime  # type: ignore[import-untyped]

    onnxruntime.set_default_logger_severity(4)  # it warns of devices that it does not need
    resolver = Resolver.from_pretrained(model, threads=threads)
    if expected and fingerprint(resolver.directory) != expected:
        raise ValueError(
            f"{resolver.directory} does not hold the model that this work was begun with: install the same lehr and "
            f"the same model on every machine"
        )
    return resolver
