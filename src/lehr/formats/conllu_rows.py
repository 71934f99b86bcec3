"""The rows of one document of a CoNLL-U file: its text, put together as it was written, and its mentions."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

from ..document import Document, Span
from .errors import FormatError

COLUMNS = 10

_ID = re.compile(r"(?P<number>\d{1,9})(?:-(?P<last>\d{1,9})|(?P<empty>\.\d{1,9}))?")
_BRACKET = re.compile(r"\([^()]+\)?|(?<![^()])[^()]+\)")
_PIECE = re.compile(r"(?P<entity>.+)\[(?P<piece>\d{1,9})/(?P<pieces>\d{1,9})\]")
_LONGEST = 200
"""Characters of a multiword token that are aligned with its words, which takes time with the square of them."""
ESCAPES = {"\\": "\\\\", " ": "\\s", "\t": "\\t", "\r": "\\r", "\n": "\\n", "|": "\\p"}
"""How the last column has white space and bars."""
_UNESCAPES = {escape: plain for plain, escape in ESCAPES.items()}


@dataclass(slots=True)
class _Token:
    """What is written in one piece: a word, or the words up to the one with the number `last`."""

    surface: str
    last: int
    misc: Mapping[str, str]
    forms: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Mention:
    """A mention, or a piece of one: its nodes, which are words and words that are not written, and its head's place.

    While it is open it has its first node only. `line` is where its last bracket stands.
    """

    nodes: list[int]
    head: int
    line: int


@dataclass(slots=True)
class Rows:
    """The document being read; `nodes` holds the word that each node is, None for one that is not written."""

    name: str
    fields: Sequence[str]
    lost: Counter[str]
    id: str
    part: int
    speaker: str | None = None
    number: int = 0
    token: _Token | None = None
    text: list[str] = field(default_factory=list)
    length: int = 0
    gap: str = ""
    gap_is_told: bool = False
    words: list[Span] = field(default_factory=list)
    sentences: list[Span] = field(default_factory=list)
    speakers: list[str | None] = field(default_factory=list)
    nodes: list[int | None] = field(default_factory=list)
    opened: defaultdict[str, list[_Mention]] = field(default_factory=lambda: defaultdict(list))
    pieces: defaultdict[str, list[_Mention]] = field(default_factory=lambda: defaultdict(list))
    clusters: defaultdict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    emptied: set[str] = field(default_factory=set)

    def row(self, columns: Sequence[str], line: int) -> None:
        """Take in a word, a word that is not written, or a multiword token."""
        if len(columns) != COLUMNS:
            found, expected = f"{len(columns)} columns", f"{COLUMNS}, separated by tabs"
            raise FormatError.at(self.name, line, found=found, expected=expected)
        id, form = _ID.fullmatch(columns[0]), columns[1]
        misc = dict(item.partition("=")[::2] for item in columns[9].split("|"))
        if id is None or not self.counts_on(id):
            expected = f"that of the next word, {self.number + 1}, or of what comes with it"
            raise FormatError.at(self.name, line, found=f"{columns[0]!r} as number", expected=expected)
        if not form:
            raise FormatError.at(self.name, line, found="nothing as word", expected="a word, or '_' for one unknown")
        if id["last"]:
            self.token = _Token(form, int(id["last"]), misc)
            if "Entity" in misc:
                found = "'Entity' beside a multiword token"
                raise FormatError.at(self.name, line, found=found, expected="it beside words")
            return
        self.nodes.append(None if id["empty"] else len(self.speakers))
        if not id["empty"]:
            self.number += 1
            self.word(form, misc)
        if "Entity" in misc:
            self.brackets(misc["Entity"], line)

    def counts_on(self, id: re.Match[str]) -> bool:
        """Whether a number is that of the next word, of a multiword token from it on, or of what is not written."""
        number, last = int(id["number"]), id["last"]
        if id["empty"]:
            return number == self.number
        return number == self.number + 1 and (not last or (int(last) > number and self.token is None))

    def word(self, form: str, misc: Mapping[str, str]) -> None:
        """Take in a word, and what is written of it once the last word of its token is in."""
        self.token = token = self.token or _Token(form, self.number, misc)
        token.forms.append(form)
        self.speakers.append(_unescaped(misc["Speaker"]) if "Speaker" in misc else self.speaker)
        if self.number == token.last:
            self.token = None
            surface = token.surface if len(token.surface) >= len(token.forms) else "".join(token.forms)
            gap = self.gap + _unescaped(token.misc.get("SpacesBefore", ""))
            self.text += [gap, surface]
            start = self.length + len(gap)
            self.length = start + len(surface)
            cuts = [start + cut for cut in _cuts(token.forms, surface)]
            self.words += pairwise(cuts)
            self.gap_is_told = "SpacesAfter" in token.misc
            self.gap = "" if token.misc.get("SpaceAfter") == "No" else _unescaped(token.misc.get("SpacesAfter", "\\s"))

    def end_sentence(self, line: int) -> None:
        if self.token:
            found = f"the end of the sentence after {self.number}"
            expected = f"the words of {self.token.surface!r}, up to {self.token.last}"
            raise FormatError.at(self.name, line, found=found, expected=expected)
        first = self.sentences[-1][1] if self.sentences else 0
        if first < len(self.words):
            self.sentences.append((first, len(self.words)))
        self.number = 0

    def brackets(self, value: str, line: int) -> None:
        """Open and close mentions at the last node."""
        found = _BRACKET.findall(value)
        if not value or "".join(found) != value:
            expected = "brackets such as '(e1-person-1', 'e1)' or '(e1-person-1)'"
            raise FormatError.at(self.name, line, found=f"{value!r} as 'Entity'", expected=expected)
        at = next(place for place, name in enumerate(self.fields) if name in ("eid", "GRP"))
        node = len(self.nodes) - 1
        for bracket in found:
            values = bracket.strip("()").split("-")
            label = values[at] if len(values) > at else "" if bracket[0] == "(" else values[0]
            if not label:
                expected = f"the fields {'-'.join(self.fields)}"
                raise FormatError.at(self.name, line, found=f"{bracket!r} without an entity", expected=expected)
            if bracket[0] == "(":
                head = dict(zip(self.fields, values, strict=False)).get("head", "")
                self.opened[label].append(_Mention([node], int(head) if re.fullmatch(r"\d{1,9}", head) else 0, line))
            if bracket[-1] == ")":
                if not self.opened[label]:
                    expected = f"a mention of {label} opened before it"
                    raise FormatError.at(self.name, line, found=repr(bracket), expected=expected)
                mention = self.opened[label].pop()
                mention.nodes, mention.line = list(range(mention.nodes[0], node + 1)), line
                self.close(label, mention)

    def close(self, label: str, mention: _Mention) -> None:
        """Take in a mention, or a piece of one, which waits for those that come after it."""
        found = _PIECE.fullmatch(label)
        if found is None:
            self.mention(label, mention)
            return
        piece, pieces = int(found["piece"]), int(found["pieces"])
        if piece > 1:
            before = f"{found['entity']}[{piece - 1}/{pieces}]"
            if not self.pieces[before]:
                raise FormatError.at(self.name, mention.line, found=repr(label), expected=f"{before!r} before it")
            mention.nodes = self.pieces[before].pop().nodes + mention.nodes
        if piece < pieces:
            self.pieces[label].append(mention)
        else:
            self.mention(found["entity"], mention)

    def mention(self, entity: str, mention: _Mention) -> None:
        """Take in a whole mention: the run of words that it is or that has its head, the longest if none has."""
        runs: list[list[int]] = []
        for word in sorted({word for node in mention.nodes if (word := self.nodes[node]) is not None}):
            if runs and runs[-1][-1] == word - 1:
                runs[-1].append(word)
            else:
                runs.append([word])
        if not runs:
            self.lost["zero"] += 1
            self.emptied.add(entity)
            return
        if len(runs) > 1:
            self.lost["discontinuous"] += 1
        head = self.nodes[mention.nodes[mention.head - 1]] if 0 < mention.head <= len(mention.nodes) else None
        run = next((run for run in runs if head in run), max(runs, key=len))
        self.clusters[entity].append((run[0], run[-1]))

    def document(self) -> Document:
        """The document, once all of its rows are in."""
        for what, expected in (self.opened, "a closing '{})'"), (self.pieces, "the piece after '{}'"):
            for label, mentions in what.items():
                for mention in mentions:
                    expected = expected.format(label) + " before the document ends"
                    raise FormatError.at(self.name, mention.line, found=f"a mention of {label}", expected=expected)
        if self.gap_is_told:
            self.text.append(self.gap)
        self.lost["alone"] += sum(len(self.clusters.get(entity, ())) == 1 for entity in self.emptied)
        document = Document(
            self.id,
            "".join(self.text),
            tuple(self.words),
            tuple(self.sentences),
            (),
            tuple(self.speakers) if any(self.speakers) else None,
            self.part,
        )
        return document.with_clusters(self.clusters[entity] for entity in sorted(self.clusters, key=_by_number))


def _cuts(forms: Sequence[str], surface: str) -> list[int]:
    """Where the words of what is written begin in it, and where it ends: ``zum``, which is zu and dem, in 0, 2, 3.

    Each gets the characters that an alignment of both gives it, and at least one; there must be one for each. What is
    too long to be a word goes to the last.
    """
    spelt, edges = "".join(forms), list(accumulate(map(len, forms)))
    if spelt == surface:
        return [0, *edges]
    if max(len(surface), len(spelt)) > _LONGEST:
        return [*range(len(forms)), len(surface)]
    blocks = SequenceMatcher(None, spelt, surface, autojunk=False).get_opcodes()
    cuts = [0]
    for left, edge in zip(range(len(forms) - 1, 0, -1), edges, strict=False):
        cut = next(min(j + edge - i, j_end) for _, i, i_end, j, j_end in blocks if i <= edge < i_end)
        cuts.append(min(max(cut, cuts[-1] + 1), len(surface) - left))
    return [*cuts, len(surface)]


def _by_number(entity: str) -> str:
    return re.sub(r"\d+", lambda digits: digits[0].zfill(18), entity)


def _unescaped(text: str) -> str:
    return re.sub(r"\\[\\strnp]", lambda escape: _UNESCAPES[escape[0]], text)
