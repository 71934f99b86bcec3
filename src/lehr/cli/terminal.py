"""Documents in a terminal: mentions in coloured, numbered brackets, and the entities below."""

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
    """Print a document; a `title` is its name."""
    if title:
        console.print(Text(_plain(document.id), style="bold"), soft_wrap=True)
        console.print()
    console.print(bracketed(document), soft_wrap=not console.is_terminal)
    console.print()
    console.print(entities(document), soft_wrap=not console.is_terminal)


def bracketed(document: Document) -> Text:
    """The text with ``[mention]₃``: a bracket at each end, and the number of the entity at the second.

    Mentions within mentions are brackets within brackets; those of entities mentioned once have no colour.
    """
    shown, at = Text(), 0
    styles: list[str] = []
    for place, opens, cluster in _brackets(document):
        shown.append(_plain(document.text[at:place]), styles[-1] if styles else "")
        at = place
        style = _style(cluster)
        if opens:
            shown.append("[", style)
            styles.append(style)
        else:
            shown.append("]" + _number(cluster), style)
            styles.reverse()
            styles.remove(style)
            styles.reverse()
    shown.append(_plain(document.text[at:]))
    return shown


def entities(document: Document) -> Text:
    """A line an entity: its number and what it is called, as often as it is."""
    shown = Text()
    many = [cluster for cluster in document.clusters if len(cluster) > 1]
    for cluster in many:
        forms = Counter(" ".join(_plain(mention.text).split()) for mention in cluster.mentions).most_common()
        listed = [f"{form} ×{count}" if count > 1 else form for form, count in forms[:_FORMS]]
        listed += [f"{len(forms) - _FORMS} more"] if len(forms) > _FORMS else []
        shown.append(f"{_number(cluster)} {', '.join(listed)}\n", _style(cluster))
    if single := len(document.clusters) - len(many):
        shown.append(f"{single} mentioned once\n", "dim")
    return shown if shown else Text("no mention was found\n", "dim")


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
