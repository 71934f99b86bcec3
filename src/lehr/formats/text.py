"""Raw text, split into words as in the Penn Treebank and OntoNotes, and into sentences by syntok.

What is of one language, its abbreviations and contractions, is in `lehr.language.Language`; for one of which nothing is
known, words are what white space and punctuation part.

Offsets index the text as it came: nothing is replaced, joined or dropped. White space and control characters part
words, every other character belongs to one. Blank lines end a sentence, single line ends, as in hard-wrapped text,
do not. Writing without spaces (Chinese, Japanese, Thai) is not split into words, only at its punctuation.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from pathlib import PurePath

from syntok.segmenter import segment  # type: ignore[import-untyped]
from syntok.tokenizer import Token  # type: ignore[import-untyped]

from ..detokenize import join_words
from ..document import Document
from ..language import Language
from ..language import language as known

_SPACE = r"\s\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff"
_EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff"
_MARK = "!-/:-@\\[-`{-~¡¦§«¶·»¿\u2010-\u2027\u2030-\u205e\u2e00-\u2e5d\u3000-\u303f\uff01-\uff0f\uff1a-\uff20،؛؟।॥"
_IN = f"[^{_SPACE}{_MARK}{_EMOJI}]"
"""A character in a word."""
_END = f"(?!{_IN})"
_JOIN = r"[-‐‑'’_&@+]|\.(?![A-Z])|(?<![a-z])\.|(?<=\d)[,:/](?=\d)"
"""What stands between two parts of a word: to-day, o'clock, AT&T, 13,000; but not the stop in ``Punjab.He``."""

_BLANK = re.compile(f"[{_SPACE}]")
_PARAGRAPH = re.compile(r"(?:\n|\r(?!\n))[^\S\r\n]*[\r\n]|[\f\u2029]")

_TOLD = {";": ",", "…": "..."}
"""Marks that syntok takes for others than they are, or does not know."""

LONGEST = 1000
"""Words of a paragraph that are searched for sentences at once."""

_ENOUGH = 2**12
"""Characters of a stream that are worth looking at."""
_OVER = object()
"""What comes after the last piece of a stream."""


def read(source: str, *, name: str, language: str = "en") -> list[Document]:
    """The text, in the language of an ISO 639 code, as one document, named after the file, without clusters."""
    words = split_words(source, language)
    return [Document(PurePath(name).stem, source, tuple(words), tuple(split_sentences(source, words, language)))]


def write(documents: Iterable[Document]) -> str:
    """The texts alone, a blank line between two."""
    return "\n\n".join(document.text for document in documents)


def split_words(text: str, language: str = "en") -> list[tuple[int, int]]:
    """The words of a text as half-open characters."""
    word, part = _patterns(language)
    words = []
    cuts = (match.end() for match in part.finditer(text))
    cut = next(cuts, len(text))
    for match in word.finditer(text):
        start, end = match.span()
        while cut < end:
            if cut > start:
                words.append((start, cut))
                start = cut
            cut = next(cuts, len(text))
        words.append((start, end))
    return words


@cache
def _patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A word in a language, and where one parts in two."""
    about = known(language)
    abbreviations = "|".join(map(re.escape, about.abbreviations))
    own = [rf"(?:{abbreviations})\.{{end}}"] if abbreviations else []
    words, cuts = (
        [pattern.replace("{in}", _IN).replace("{end}", _END) for pattern in patterns]
        for patterns in ([*own, *about.words], about.cuts or ["(?!)"])
    )
    word = rf"""
          (?:https?://|www\.)[^{_SPACE}<>"“”]*[\w/]                # an address on the web
        | (?:[^\W\d_]\.){{2,20}}(?:-{_IN}+)*{_END}                 # U.S., p.m., U.S.-based
        {"".join(f"| (?-x:{pattern})" for pattern in words)}
        | (?:[\#@](?=[^\W\d_]))?{_IN}+(?:(?:{_JOIN}){_IN}+)*
        | [{_EMOJI}][{_EMOJI}\u200d\ufe0f]*
        | \.\.\. | (?P<mark>[-–—.!?*=_~\#'`])(?P=mark)+            # ..., --, ''
        | [^{_SPACE}][\u0300-\u036f\ufe0f]*
        """
    return re.compile(word, re.VERBOSE), re.compile("|".join(cuts), re.IGNORECASE)


def split_sentences(text: str, words: Sequence[tuple[int, int]], language: str = "en") -> list[tuple[int, int]]:
    """The sentences of a text as half-open ranges of its words, which may also be those of another tokenizer."""
    starts, _ = _sentence_starts(text, words, language, over=True)
    return list(pairwise([*starts, len(words)]))


def in_sentences(words: Sequence[str], language: str = "en") -> list[list[str]]:
    """Words that came without sentences, in sentences."""
    text, offsets = join_words([words], language)
    return [[*words[first:end]] for first, end in split_sentences(text, offsets, language)]


def stream(
    pieces: Iterable[str], language: str = "en"
) -> Iterator[tuple[str, list[tuple[int, int]], list[tuple[int, int]]]]:
    """The text that comes in `pieces`, as parts that end between sentences, each with the words and sentences in it.

    However the text is cut, its words and sentences are those of `read`. What is held is a few pages and the piece that
    came last; time is linear unless a word never ends.

    Raises:
        TypeError: if a piece is no string.
    """
    held: list[str] = []
    size, skip, enough = 0, 0, _ENOUGH
    for piece in chain(pieces, [_OVER]):
        if piece is not _OVER:
            if not isinstance(piece, str):
                raise TypeError(f"a stream of text comes in strings, not in {type(piece).__name__}")
            held.append(piece)
            size += len(piece)
            if size < enough:
                continue
        text = "".join(held)
        edge = len(text) if piece is _OVER else _run_start(text, len(text.rstrip()))
        words = [word for word in split_words(text, language) if skip <= word[0] and word[1] <= edge]
        starts, following = _sentence_starts(text, words, language, over=piece is _OVER)
        cut = len(text) if piece is _OVER else words[following - 1][1] if following else skip
        if cut > skip:
            done = [(start - skip, end - skip) for start, end in words[:following]]
            yield text[skip:cut], done, list(pairwise([*starts, following]))
        begin = _run_start(text, cut)
        held, size, skip = [text[begin:]], len(text) - begin, cut - begin
        enough = 2 * size + _ENOUGH


def _run_start(text: str, end: int) -> int:
    """Where the characters that stand together before `end` begin: their words do not depend on what came before."""
    while end and not _BLANK.match(text, end - 1):
        end -= 1
    return end


def _sentence_starts(
    text: str, words: Sequence[tuple[int, int]], language: str, *, over: bool
) -> tuple[list[int], int]:
    """The words with which sentences begin, and how many words are in sentences that are sure.

    Unless the text is `over`, the end of its last paragraph is open. A paragraph of more than `LONGEST` words is looked
    at so many words at a time, each time from the beginning of the last sentence on.
    """
    starts: list[int] = []
    for first, end in _paragraphs(text, words):
        while first < end:
            stop = min(first + LONGEST, end)
            if stop == len(words) and not over:
                return starts, first
            found = [first]
            for sentence in segment(_tokens(text, words[first:stop], known(language))):
                start = bisect_left(words, (sentence[0].offset, 0))
                if found[-1] < start < stop:
                    found.append(start)
            first = stop if stop == end or len(found) == 1 else found.pop()
            starts += found
    return starts, len(words)


def _paragraphs(text: str, words: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The half-open ranges of words between blank lines."""
    breaks = (bisect_left(words, (match.end(), 0)) for match in _PARAGRAPH.finditer(text))
    return pairwise(sorted({0, len(words), *breaks}))


def _tokens(text: str, words: Sequence[tuple[int, int]], about: Language) -> Iterator[Token]:
    """The words as syntok's segmenter wants them: abbreviations in two, marks in a row as one, no splits at ``;``.

    Of brackets that open in a row only the first is told, since it looks for the end of each. A pronoun of one
    letter, as in ``older than I. She``, is told as another word where it is no initial, for which it would be taken.
    """
    word, previous = "", words[0][0]
    for start, stop in words:
        before, word, space = word, text[start:stop], text[previous:start]
        previous = stop
        if len(word) == 1:
            if word != before or word not in "([{":
                alone = word in about.pronouns and before in about.before_pronouns
                yield Token(space, "it" if alone else _TOLD.get(word, word), start)
        elif word[0] == "." or word[-1] in "!?":
            yield Token(space, "..." if word[0] == "." else word[-1], start)
        elif word[-1] == ".":
            yield Token(space, word[:-1], start)
            yield Token("", ".", stop - 1)
        else:
            yield Token(space, word, start)
