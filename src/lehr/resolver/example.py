"""An example beside the model, which shows that it still answers as it did when it was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..document import Document
from ..files import write_text
from .location import EXAMPLE

if TYPE_CHECKING:
    from .resolver import Resolver


def store_example(resolver: Resolver, text: str) -> Path:
    """Store `text` and the clusters that the resolver finds in it beside its model, for `check` to compare.

    The file holds ``{"text": …, "clusters": [[[start, end], …], …]}`` in half-open characters.

    Raises:
        ValueError: if nothing is found in the text, so that it would show nothing.
    """
    clusters = _characters(resolver(text, singletons=True))
    if not clusters:
        raise ValueError("the model finds nothing in this text, so that it makes no example")
    path = resolver.directory / EXAMPLE
    write_text(path, json.dumps({"text": text, "clusters": clusters}, ensure_ascii=False) + "\n")
    return path


def read_example(directory: Path) -> tuple[str, set[frozenset[tuple[int, int]]]]:
    """The text that is stored beside a model, and its clusters, in half-open characters.

    Raises:
        ValueError: if there is none.
    """
    path = directory / EXAMPLE
    if not path.is_file():
        raise ValueError(f"{directory} has no {EXAMPLE}, the text that a model is tried on")
    try:
        stored: Any = json.loads(path.read_text("utf-8"))
        clusters = {frozenset((int(start), int(end)) for start, end in cluster) for cluster in stored["clusters"]}
        if not (stored["text"] and clusters):
            raise ValueError("nothing is in it")
        return str(stored["text"]), clusters
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path} holds no text with clusters of characters: fetch the model anew") from error


def check(resolver: Resolver) -> None:
    """Resolve the stored example; see `Resolver.check`."""
    text, expected = read_example(resolver.directory)
    found = {
        frozenset((start, end) for start, end in cluster) for cluster in _characters(resolver(text, singletons=True))
    }
    if found != expected:
        raise ValueError(
            f"{resolver.directory} does not answer {EXAMPLE} as it did when it was made: "
            f"it lacks {_shown(text, expected - found)} and has {_shown(text, found - expected)}"
        )


def _characters(document: Document) -> list[list[list[int]]]:
    return [[[mention.start, mention.end] for mention in cluster.mentions] for cluster in document.clusters]


def _shown(text: str, clusters: set[frozenset[tuple[int, int]]]) -> str:
    return ", ".join(str([text[start:end] for start, end in sorted(c)]) for c in sorted(clusters, key=sorted)) or "none"
