"""Words to running text, for documents that come without their text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

from .language import Language, language

_LEFT = frozenset([*".,;:?!)]}%’”»…°′″،؛؟。、！？）」』】", "''"])
"""Words that lean on the one before them; dots and marks in a row (``!!``) do as well."""

_RIGHT = frozenset([*"([{“‘„‚«$£€¥¿¡`（「『【", "``"])
"""Words that the next one leans on."""

_BOTH = frozenset(["--", "—", "/", "‐", "‑"])
"""Words that lean both ways, as dashes do in prose."""

_NUMERIC = frozenset("-–:/")
"""Words that lean both ways between digits."""

_MARKS = re.compile(r"[.!?…]{2,}")
_QUOTES = frozenset("\"'_")


@cache
def _leans(code: str) -> Callable[[str], object]:
    """Whether a word of a language leans on the one before it, apart from marks."""
    return re.compile("|".join(language(code).leaning) or r"(?!)", re.IGNORECASE).fullmatch


def join_words(sentences: Sequence[Sequence[str]], code: str = "en") -> tuple[str, list[tuple[int, int]]]:
    """Join words into text as print sets them; return it with every word's half-open character offsets.

    `code` is that of their language, see `lehr.language`.

    Every word stands in the text exactly as it came, Penn Treebank brackets and quotes (``-LRB-``) included; only the
    spaces between them are chosen. Straight quotes, which do not say which way they face, open and close in turn,
    and anew at the edges of sentences.
    """
    pieces: list[str] = []
    offsets: list[tuple[int, int]] = []
    length = 0
    opened: set[str] = set()
    for sentence in sentences:
        glued = False
        for position, word in enumerate(sentence):
            before = sentence[position - 1] if position else ""
            after = sentence[position + 1] if position + 1 < len(sentence) else ""
            leans_left, leans_right = _leaning(before, word, after, opened, code)
            if length and (not position or not (glued or leans_left)):
                pieces.append(" ")
                length += 1
            offsets.append((length, length + len(word)))
            pieces.append(word)
            length += len(word)
            glued = leans_right
    return "".join(pieces), offsets


def _leaning(before: str, word: str, after: str, opened: set[str], code: str) -> tuple[bool, bool]:
    """Whether a word leans on the one before it and on the one after it; `opened` holds the open quotes."""
    joined = language(code).joined
    if word.isalpha() and word.lower() not in joined:
        return False, False
    if word in _QUOTES:
        return _quote(before, word, after, opened, language(code))
    if word in _NUMERIC and before[-1:].isdigit() and after[:1].isdigit():
        return True, True
    if word in _BOTH:
        return True, True
    if word in _LEFT or _leans(code)(word) or _MARKS.fullmatch(word):
        return True, False
    return False, word in _RIGHT or after.lower() in joined.get(word.lower(), ())


def _quote(before: str, word: str, after: str, opened: set[str], known: Language) -> tuple[bool, bool]:
    """Open or close a straight quote."""
    if not before or before in _RIGHT:
        opens = True
    elif not after or after in _LEFT:
        opens = False
    elif word == "'" and before.endswith(tuple(known.clipped)) and after[0].islower() and before not in known.unclipped:
        return True, False
    else:
        opens = word not in opened
    (opened.add if opens else opened.discard)(word)
    return not opens, opens
