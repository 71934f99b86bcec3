"""Documents as one HTML page to read: mentions coloured by entity, entities at the side.

The page needs nothing but itself: its style (`html.css`) and its script (`html.js`) are written into it, and its
content security policy forbids it to fetch anything. Without the script it is still a page to read; with it an entity
lights up under the pointer, and the keyboard walks from mention to mention.

Every character of a document's text stands in the page once and in order; the numbers after the mentions are drawn by
the style, so that copied text is the document's own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from html import escape
from importlib.resources import files

from ..document import Cluster, Document, Mention
from ..naming import best_names

COLOURS = 5
"""Colours of `html.css`. They stay apart for the three kinds of colour blindness, in light and in dark mode."""

LINES = 4
"""Kinds of underline. 5 and 4 share no factor, so 20 entities differ in colour or line, and all in number."""

DEEPEST = 8
"""Mentions drawn around one another at most; one more is drawn as its number alone. Keeps the page linear in size."""

_PARAGRAPH = re.compile(r"\n(?:[^\S\n]*\n)+")


def write(documents: Iterable[Document], *, language: str = "") -> str:
    """One self-contained HTML page of all the documents, whose entities are named as in `language`, an ISO 639 code.

    Time and size grow linearly with the words and the mentions, however they nest or cross.
    """
    shown = list(documents)
    names = [_title(document) for document in shown]
    title = names[0] if len(names) == 1 else f"{len(names)} documents"
    contents = "".join(f'<li><a href="#d{number}">{escape(name)}</a></li>' for number, name in enumerate(names))
    assets = files(__package__)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            "script-src 'unsafe-inline'; img-src data:\">",
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{assets.joinpath('html.css').read_text('utf-8')}</style>",
            f"<nav><h1>{escape(title)}</h1><ol>{contents}</ol></nav>" if len(shown) != 1 else "",
            *(
                _article(number, name, document, language)
                for number, (name, document) in enumerate(zip(names, shown, strict=True))
            ),
            '<div id="bar" role="status" hidden></div>',
            f"<script>\n{assets.joinpath('html.js').read_text('utf-8')}</script>",
            "</html>\n",
        ]
    )


def _title(document: Document) -> str:
    part = f", part {document.part}" if document.part else ""
    return (document.id or "Untitled") + part


@dataclass(slots=True)
class _Entity:
    """A cluster with what the page calls it and how it is drawn."""

    cluster: Cluster
    name: str
    look: str

    @property
    def key(self) -> str:
        return f'data-k="{self.cluster.id}"'


def _entities(document: Document, language: str) -> list[_Entity]:
    """The clusters, largest first, each with its name and the classes that draw it."""
    ranked = sorted(filter(len, document.clusters), key=len, reverse=True)
    names = best_names(replace(document, clusters=tuple(ranked)), language)
    return [
        _Entity(cluster, _clip(name), f"c{rank % COLOURS} s{rank % LINES}" if len(cluster) > 1 else "one")
        for rank, (cluster, name) in enumerate(zip(ranked, names, strict=True))
    ]


def _clip(text: str, length: int = 48) -> str:
    """The text on one line, of at most `length` characters."""
    line = " ".join(text[: 4 * length].split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _article(number: int, title: str, document: Document, language: str) -> str:
    entities = _entities(document, language)
    mentions = sum(len(entity.cluster) for entity in entities)
    facts = (
        f"{_count(len(document.words), 'word')} · {_count(mentions, 'mention')} of "
        f"{len(entities):,} {'entity' if len(entities) == 1 else 'entities'}"
    )
    return "".join(
        [
            f'<article id="d{number}" aria-labelledby="t{number}">\n',
            f'<header><h2 id="t{number}">{escape(title)}</h2><p>{facts}</p></header>\n',
            _aside(document, entities),
            '<div class="text" lang="" dir="auto">',
            _text(document, entities),
            "</div>\n</article>",
        ]
    )


def _aside(document: Document, entities: list[_Entity]) -> str:
    """The list of entities: number, name, a strip that shows where in the text they are, how many mentions."""
    many = [entity for entity in entities if len(entity.cluster) > 1]
    single = [entity for entity in entities if len(entity.cluster) == 1]
    rows = [
        f'<li><button type="button" class="{entity.look}" {entity.key}><b>{entity.cluster.id}</b> '
        f'<span dir="auto">{escape(entity.name)}</span> <i aria-label="{_count(len(entity.cluster), "mention")}">'
        f"{len(entity.cluster)}</i>{_strip(document, entity.cluster)}</button></li>\n"
        for entity in many
    ]
    singles = "".join(
        f'<li><button type="button" class="one" {entity.key}>{escape(entity.name)}</button></li>\n' for entity in single
    )
    once = f"<details><summary>{len(single):,} mentioned once</summary><ul>\n{singles}</ul></details>" if single else ""
    return (
        f'<aside aria-label="Entities"><h3>Entities</h3><ol>\n{"".join(rows)}</ol>{once}'
        + ("" if entities else "<p>No mention was found.</p>")
        + '<p class="keys"><kbd>Tab</kbd> to a mention, <kbd>→</kbd> <kbd>←</kbd> or <kbd>Enter</kbd> along its '
        "entity, <kbd>Esc</kbd> to let go</p></aside>\n"
    )


def _strip(document: Document, cluster: Cluster) -> str:
    """A hundred places from the start of the text to its end, marked where the entity is mentioned."""
    places = sorted({100 * mention.start // len(document.text) for mention in cluster.mentions})
    marks = "".join(f"M{place}.5 0v4" for place in places)
    return f'<svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><path d="{marks}"/></svg>'


@dataclass(slots=True, eq=False)
class _Mark:
    """A mention being drawn: one element, or several where another mention or a paragraph ends inside it.

    `pieces` are the positions of its opening tags among the parts of the page. The tags are written when the mention
    has ended: only then is it known how many there are, and below how many other lines its own must lie (`lane`).
    """

    mention: Mention
    entity: _Entity
    place: int
    lane: int = 0
    pieces: list[int] = field(default_factory=list)

    def tags(self) -> Iterator[str]:
        """The opening tag of each piece: the first is what the keyboard reaches, the last bears the number."""
        size, link = len(self.entity.cluster), self.mention.link
        about = f"{self.entity.name}, {self.place} of {size}" + ("" if link is None else f", link {link:.0%}")
        reach = f' tabindex="{0 if size > 1 else -1}" role="link" aria-description="{escape(about)}"'
        lane = f" l{min(self.lane, 4)}" if self.lane else ""
        for piece in range(1, len(self.pieces) + 1):
            cut = (" in" if piece > 1 else "") + (" out" if piece < len(self.pieces) else "")
            yield f'<span class="m {self.entity.look}{lane}{cut}" {self.entity.key}{reach if piece == 1 else ""}>'


class _Drawing:
    """The text of a document, written from its start to its end with the mentions as nested elements.

    Elements cannot cross as mentions can: where a mention ends inside a later one, both elements end and the later one
    begins again. The same is done at the end of a paragraph.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.around: list[_Mark] = []  # the mentions that are open, outermost first

    def write(self, part: str) -> None:
        self.parts.append(part)

    def open(self, mark: _Mark) -> None:
        self._begin([mark])
        if len(self.around) < DEEPEST:
            self.around.append(mark)
        else:
            self.write("</span>")
            self._finish(mark)

    def close(self, end: int) -> None:
        """Close the mentions that end at character `end`."""
        first = next((n for n, mark in enumerate(self.around) if mark.mention.end == end), None)
        if first is None:
            return
        inside = self.around[first:]
        self.write("</span>" * len(inside))
        for mark in reversed(inside):
            if mark.mention.end == end:
                self.around.remove(mark)
                for other in self.around:
                    other.lane = max(other.lane, mark.lane + 1)
                self._finish(mark)
        self._begin(self.around[first:])

    def interrupt(self, part: str) -> None:
        """Write `part` outside all mentions."""
        self.write("</span>" * len(self.around) + part)
        self._begin(self.around)

    def _begin(self, marks: Iterable[_Mark]) -> None:
        for mark in marks:
            mark.pieces.append(len(self.parts))
            self.write("")

    def _finish(self, mark: _Mark) -> None:
        for piece, tag in zip(mark.pieces, mark.tags(), strict=True):
            self.parts[piece] = tag


def _text(document: Document, entities: list[_Entity]) -> str:
    """The text in paragraphs, with its mentions."""
    opening: defaultdict[int, list[_Mark]] = defaultdict(list)
    for entity in entities:
        for place, mention in enumerate(entity.cluster.mentions, start=1):
            opening[mention.start].append(_Mark(mention, entity, place))
    breaks = _breaks(document)
    ends = {mark.mention.end for marks in opening.values() for mark in marks}
    drawing, at = _Drawing(), 0
    drawing.write("<p>")
    for edge in sorted({*opening, *breaks, *ends, len(document.text)}):
        drawing.write(_plain(document.text[at:edge]))
        at = max(at, edge)
        drawing.close(edge)
        if edge in breaks:
            at, paragraph = breaks[edge]
            drawing.interrupt(f"</p>{_plain(document.text[edge:at])}{paragraph}")
        for mark in sorted(opening[edge], key=lambda mark: -mark.mention.end):
            drawing.open(mark)
    drawing.write("</p>")
    return "".join(drawing.parts)


def _breaks(document: Document) -> dict[int, tuple[int, str]]:
    """Where a paragraph ends: at empty lines and at changes of speaker; with where the next begins, and its tag."""
    breaks = {match.start(): (match.end(), "<p>") for match in _PARAGRAPH.finditer(document.text)}
    before = None
    for (start, _), speaker in zip(document.words, document.speakers or (), strict=False):
        if speaker is not None and speaker != before:
            breaks[start] = start, f'<p data-speaker="{escape(speaker)}">'
        before = speaker
    return breaks


def _plain(text: str) -> str:
    return escape(text, quote=False).replace("\r", "&#13;")
