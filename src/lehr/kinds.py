"""What kind of words a mention is: which pronoun, a name, or neither."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import count as count_from

import numpy as np

from .decoding import ANAPHOR, DESCRIPTION, NAME, PRONOUN, Floats, Ints
from .language import language


def count(code: str) -> int:
    """How many kinds there are in a language: its `persons`, other pronouns, names, definite mentions, and all else."""
    return len(language(code).persons) + 4


def kinds(mentions: Iterable[Sequence[str]], code: str) -> Ints:
    """The kinds of mentions (K,), below `count`; each is given by its words.

    A name begins with a capital, as at least half of its other words do; so does *Boys* at the beginning of a sentence.
    """
    pronouns, definite, name = _pronouns(code), _definite(code), count(code) - 3
    found = []
    for words in mentions:
        first = words[0]
        if len(words) == 1 and first.lower() in pronouns and first not in language(code).unpronouns:
            found.append(pronouns[first.lower()])
        elif first[:1].isupper() and 2 * sum(word[:1].isupper() for word in words[1:]) >= len(words) - 1:
            found.append(name)
        else:
            found.append(name + 1 if first.lower() in definite else name + 2)
    return np.array(found, np.int64)


def kinds_of_spans(tokens: Sequence[str], spans: Ints, code: str) -> Ints:
    """The kinds (K,) of spans (K, 2), first and last word, of a document's words."""
    return kinds((tokens[first : last + 1] for first, last in spans.tolist()), code)


def roles(kinds: Ints, code: str) -> Ints:
    """What mentions of these kinds (K,) are to `lehr.decoding.decode`, (K,).

    Where a language's pronouns are not known, nothing is a name, since pronouns that begin a sentence would be.
    """
    known = language(code)
    name = NAME if known.persons else DESCRIPTION
    numbers = count_from(ANAPHOR)
    groups = [next(numbers) if {*group}.intersection(known.anaphors) else PRONOUN for group in known.persons]
    return np.array([*groups, PRONOUN, name, DESCRIPTION, DESCRIPTION], np.int64)[kinds]


def shift_by_kind(logits: Floats, kinds: Ints, shift: Sequence[Sequence[float]]) -> None:
    """Add to each pair logit (K, K) what belongs to the kinds (K,) of the two, without another matrix of that size."""
    table = np.array(shift, logits.dtype)
    for kind in {*kinds.tolist()}:
        logits[kinds == kind] += table[kind, kinds]


def fingerprint(code: str) -> str:
    """What tells a language's kinds from others: the sha256 of all words that decide about them."""
    words = (sorted(_pronouns(code).items()), sorted(_definite(code)), sorted(language(code).unpronouns))
    return hashlib.sha256(repr(words).encode()).hexdigest()


@cache
def _pronouns(code: str) -> Mapping[str, int]:
    """The kind of each pronoun in lower case."""
    known = language(code)
    others = [*known.pronouns, *known.possessives, *known.either, *known.kept]
    numbers = {word.lower(): len(known.persons) for word in others}
    return numbers | {word: number for number, group in enumerate(known.persons) for word in group}


@cache
def _definite(code: str) -> frozenset[str]:
    known = language(code)
    return frozenset([*known.definite, *known.possessives, *known.either])
