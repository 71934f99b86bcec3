"""Documents to be read: mentions in numbered brackets, coloured in a terminal, and the entities below."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from ..document import Cluster, Document

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What could move the cursor or recolour the screen, were it printed."""

_FORMS = 6
"""Different mentions of an entity that are listed."""


def show(console: Console, document: Document, *, title: bool) -> None:
    """Print a document in a terminal, which its text cannot command; a `title` is its name."""
    pieces = ((_plain(text), style) for text, style in page(document, title=title))
    console.print(Text.assemble(*pieces), end="")


def page(document: Document, *, title: bool) -> Iterator[tuple[str, str]]:
    """Pieces of text, its own as it is, each with its style; a `title` is its name."""
    if title:
        yield f"{document.id}\n\n", "bold"
    yield from bracketed(document)
    yield "\n\n", ""
    yield from entities(document)
    yield "\n", ""


def bracketed(document: Document) -> Iterator[tuple[str, str]]:
    """The text with ``[mention]₃``: a bracket at each end, and the number of the entity at the second.

    Mentions within mentions are brackets within brackets; those of entities mentioned once have no colour.
    """
    at, styles = 0, [""]
    for place, opens, cluster in _brackets(document):
        yield document.text[at:place], styles[-1]
        at = place
        style = _style(cluster)
        if opens:
            yield "[", style
            styles.append(style)
        else:
            yield "]" + _number(cluster), style
            styles.reverse()
            styles.remove(style)
            styles.reverse()
    yield document.text[at:], ""


def entities(document: Document) -> Iterator[tuple[str, str]]:
    """A line an entity: its number and what it is called, as often as it is."""
    many = [cluster for cluster in document.clusters if len(cluster) > 1]
    for cluster in many:
        forms = Counter(" ".join(mention.text.split()) for mention in cluster.mentions).most_common()
        listed = [f"{form} ×{count}" if count > 1 else form for form, count in forms[:_FORMS]]
        listed += [f"{len(forms) - _FORMS} more"] if len(forms) > _FORMS else []
        yield f"{_number(cluster)} {', '.join(listed)}\n", _style(cluster)
    if single := len(document.clusters) - len(many):
        yield f"{single} mentioned once\n", "dim"
    if not document.clusters:
        yield "no mention was found\n", "dim"


def _brackets(document: Document) -> Iterator[tuple[int, bool, Cluster]]:
    """Every bracket: its place in the text, whether it opens, its cluster; at one place inner ones close first."""
    found = []
    for cluster in document.clusters:
        for mention in cluster.mentions:
            found.append(((mention.start, 1, -mention.end, cluster.id), cluster))
            found.append(((mention.end, 0, -mention.start, -cluster.id), cluster))
    for (place, opens, _, _), cluster in sorted(found, key=lambda item: item[0]):
        yield place, bool(opens), cluster


def _style(cluster: Cluster) -> str:
    return _COLOURS[cluster.id % len(_COLOURS)] if len(cluster) > 1 else "dim"


def _number(cluster: Cluster) -> str:
    return str(cluster.id).translate(_SUBSCRIPTS)


def _plain(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))
