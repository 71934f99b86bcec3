"""What has to be known of a language, as data: `languages/CODE.json`, one file a language."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Language:
    """What is known of a language; nothing, unless `language` has read it. All words are lower-case unless always not.

    Args:
        pronouns: those that a name can stand for as it is.
        possessives: those that a name stands for in the genitive.
        either: those that can be one or the other.
        kept: pronouns that no name can stand for, as `himself` and `who`.
        persons: pronouns that may mean the same: *I* with *my*, *he* with *him*; see `lehr.kinds`.
        anaphors: of these, one of each person that stands for somebody who is named elsewhere in a text: *he*, *she*.
        unpronouns: words that are none of these as they are written, as the US.
        objects_before: words that are never what is possessed, so that one of `either` before them is no possessive;
            possessives that stand before that are among them, those that stand alone, as `hers`, are not. Nor does a
            good name of several words stop at one.
        linking: words between two mentions of one entity that say it twice: *it was the boat*, *he or she*.
        before_pronouns: words after which a pronoun of one letter is no initial, as in *older than I*.
        verbs: other words before which one of `either` is no possessive, as in *made her feel*.
        adverbs: words that say how something is done: before one that ends a phrase, one of `either` is no possessive.
        definite: words with which mentions begin that refer to what is known.
        indefinite: the definite article for each indefinite one.
        quantifiers: words that say how many, with which mentions begin that are no names.
        titles: words that make a name of a possessive before them, if they have a capital: Her Majesty.
        numbered: words that have a number after them, if they have a capital: Act I.
        genitives: the endings of a genitive, as words of their own; the first is put after a name, and of one that ends
            as the ending does and is not proper, only its apostrophe.
        clitics: what is written out of words that lean on a pronoun and cannot on a name.
        leaning: patterns of words that lean on the one before them, whatever their case, in text made of words.
        joined: words, and those after them that lean on them.
        clipped: endings of words that may take a lone straight apostrophe, as those of ``boys '`` and ``nothin '``.
        unclipped: words that end so, and take none.
        abbreviations: words that end in a stop, without it, in upper and lower case as they are written.
        words: patterns of other words that white space and punctuation alone would part. In these and in `cuts`,
            ``{in}`` stands for a character in a word and ``{end}`` for the end of one; they have no groups to refer to.
        cuts: patterns that end where a word parts in two, whatever its case.
        characters: the characters that it is written with, as ranges of a pattern; "" for any.
        example: a short text in which several are mentioned again, for `lehr check`.
    """

    pronouns: Sequence[str] = ()
    possessives: Sequence[str] = ()
    either: Sequence[str] = ()
    kept: Sequence[str] = ()
    persons: Sequence[Sequence[str]] = ()
    anaphors: Sequence[str] = ()
    unpronouns: Sequence[str] = ()
    objects_before: Sequence[str] = ()
    linking: Sequence[str] = ()
    before_pronouns: Sequence[str] = ()
    verbs: Sequence[str] = ()
    adverbs: Sequence[str] = ()
    definite: Sequence[str] = ()
    indefinite: Mapping[str, str] = field(default_factory=dict)
    quantifiers: Sequence[str] = ()
    titles: Sequence[str] = ()
    numbered: Sequence[str] = ()
    genitives: Sequence[str] = ()
    clitics: Mapping[str, str] = field(default_factory=dict)
    leaning: Sequence[str] = ()
    joined: Mapping[str, Sequence[str]] = field(default_factory=dict)
    clipped: Sequence[str] = ()
    unclipped: Sequence[str] = ()
    abbreviations: Sequence[str] = ()
    words: Sequence[str] = ()
    cuts: Sequence[str] = ()
    characters: str = ""
    example: str = ""

    def has_pronoun(self, word: str) -> bool:
        return word not in self.unpronouns and any(
            word in group or word.lower() in group
            for group in (self.pronouns, self.possessives, self.either, self.kept)
        )

    def has_function_word(self, word: str) -> bool:
        """Whether this is a word whose capital says nothing."""
        small = word.lower()
        known = (self.definite, self.indefinite, self.quantifiers)
        return any(small in group for group in known) or self.has_pronoun(word)


def is_code(code: str) -> bool:
    """Whether this has the form of an ISO 639 code."""
    return re.fullmatch(r"[a-z]{2,3}", code) is not None


def check_code(code: str) -> str:
    """The code, if it has the form of an ISO 639 code.

    Raises:
        ValueError: if not.
    """
    if not is_code(code):
        raise ValueError(f"language is {code!r}; it must be an ISO 639 code, such as 'de'")
    return code


@cache
def language(code: str) -> Language:
    """What is known of the language with an ISO 639 code; nothing for a language that has no file, or for ``""``.

    Raises:
        ValueError: if the code is none.
    """
    file = Path(__file__).with_name("languages") / f"{code and check_code(code)}.json"
    if not file.is_file():
        return Language()
    return Language(**json.loads(file.read_text("utf-8")))
