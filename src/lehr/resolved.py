"""A text in which pronouns and other short mentions say whom they mean."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

from .document import Cluster, Document, Mention, Span
from .language import Language, language
from .naming import LONGEST, Kind, Naming

SHORT = 3
"""Words of a mention, other than a pronoun, that may be replaced."""

BESIDE = 5
"""Words and marks at most between two mentions that stand beside each other, as in *it had not been the boat*."""

IsPossessive = Callable[[int], "bool | None"]
"""Whether the pronoun that is this word of the document is a possessive; None if that is not known."""


def resolved_text(document: Document, code: str, is_possessive: IsPossessive | None = None) -> str:
    """The text with mentions replaced by the best name of their entity, and every other character as it was.

    Replaced are pronouns, possessives by a genitive. Where the entity has a name (`Kind.NAME`), so are parts of it and
    definite mentions of up to `SHORT` words, as ``the boy``, and ``hers``, which may be what is owned where it has
    none. What stands beside another mention of its entity stays, as in ``Tom, the boy``, ``Tom, he``, ``it was the
    boat`` and ``he or she``. A replacement begins with a capital where what it replaces did. Entities that are named at
    no place in a few words, or as ``no boy`` or ``two boys``, stay as they are, and so does the whole text if nothing
    is known of its language.

    Args:
        code: the language of the document, see `lehr.language.language`.
        is_possessive: what a tagger says of pronouns that may be possessives or not, as ``her``; where it says nothing,
            wider mentions and the next word decide.
    """
    return _Rewriting(document, language(code), is_possessive).text()


@dataclass(frozen=True, slots=True)
class _Entity:
    best: Mention
    kind: Kind
    name: list[str]


class _Rewriting:
    def __init__(self, document: Document, language: Language, is_possessive: IsPossessive | None) -> None:
        self.document, self.language, self.is_possessive = document, language, is_possessive
        self.naming, self.tokens = Naming(document, language), document.tokens
        self.names: dict[Span, str] = {}
        curly = "’" in document.text
        self.ending = next((ending for ending in language.genitives if ("’" in ending) is curly), "")
        self.ends = {end for _, end in document.sentences}
        self.wide = {m.first_word for c in document.clusters for m in c.mentions if m.first_word < m.last_word}
        self.chosen = sorted(
            ((mention, entity) for cluster in document.clusters for mention, entity in self._replaced(cluster)),
            key=lambda pair: (pair[0].first_word, -pair[0].last_word),
        )

    def text(self) -> str:
        return "".join(self._pieces(self.chosen, 0, len(self.document.text)))

    def _pieces(self, chosen: Collection[tuple[Mention, _Entity]], at: int, end: int) -> Iterator[str]:
        """The text from `at` to `end`; of mentions that overlap, the first and longest is replaced."""
        for mention, entity in chosen:
            if mention.start >= at:
                yield self.document.text[at : mention.start]
                new, at = self._replacement(mention, entity)
                yield new
                at += new.endswith(".") and self.document.text.startswith(".", at)  # one stop after Jr.
        yield self.document.text[at:end]

    def _replaced(self, cluster: Cluster) -> Iterator[tuple[Mention, _Entity]]:
        """The mentions of a cluster that are to be replaced."""
        best = self.naming.best(cluster)
        entity = _Entity(best, self.naming.kind(best), self.naming.words(best))
        if entity.kind < Kind.NOMINAL or len(entity.name) > LONGEST:
            return
        close = {m for a, b in pairwise(cluster.mentions) if self._are_close(a, b) for m in (a, b)}
        beside = {m for a, b in pairwise(cluster.mentions) if self._are_beside(a, b) for m in (a, b)}
        inner = _inner(cluster)
        for mention in cluster.mentions:
            words = self.naming.words(mention)
            if self.naming.kind(mention) is Kind.PRONOUN:
                wanted = (
                    len(words) == 1 and mention not in beside and self._can_be_named(mention, words[0], entity.kind)
                )
            else:
                wanted = entity.kind is Kind.NAME and mention not in close and self._is_short(mention, words, entity)
            if wanted and mention.span != best.span and mention.span not in inner:
                yield mention, entity

    def _can_be_named(self, mention: Mention, word: str, kind: Kind) -> bool:
        """Whether a name may stand for a pronoun: not for *himself*, nor within a word, as *gimme* and *s/he*, nor
        before a title, as *Her Majesty*, nor for a numeral.

        A possessive that a phrase may stop at, as *hers*, may be the owner or what is owned: only an owner has a name.
        """
        text, after = self.document.text, mention.last_word + 1
        before = text[max(mention.start - 1, 0) : mention.start]
        within = before.islower() or before.isupper() or "/" in before + text[mention.end : mention.end + 1]
        owned = not _in(word, self.language.pronouns) and not self.ends.intersection((after, after + 1))
        titled = owned and any(t[:1].isupper() and _in(t, self.language.titles) for t in self.tokens[after : after + 2])
        within = within or titled or self._is_numeral(mention, word)
        absolute = _in(word, self.language.possessives) and not _in(word, self.language.objects_before)
        return not (_in(word, self.language.kept) or within or (absolute and kind is not Kind.NAME))

    def _is_numeral(self, mention: Mention, word: str) -> bool:
        """Whether *I* is rather a number: alone, as over a chapter, or after what has numbers, as in *Appendix I*."""
        at = mention.first_word
        if word != "I" or at != mention.last_word:
            return False
        first, end = self.document.sentences[bisect_right(self.document.sentences, at, key=lambda one: one[0]) - 1]
        last = not any(self.tokens[word][0].isalnum() for word in range(at + 1, end))
        before = self.tokens[at - 1] if at > first else ""
        if not before[:1].isalnum():
            return last and not any(self.tokens[word][0].isalnum() for word in range(first, at))
        return before[0].isupper() and (_in(before, self.language.numbered) or (last and self.naming.is_proper(before)))

    def _are_close(self, one: Mention, other: Mention) -> bool:
        """Whether two mentions overlap or have nothing but marks between them."""
        near = other.first_word <= one.last_word + 3
        return near and not any(map(str.isalnum, self.document.text[one.end : other.start]))

    def _are_beside(self, one: Mention, other: Mention) -> bool:
        """Whether a pronoun is in apposition to what it stands for, or is said to be that, as in *it was the boat*, or
        two pronouns share a place, as in *he or she*."""
        gap = range(one.last_word + 1, other.first_word)
        apart = not one.last_word < other.first_word <= one.last_word + 1 + BESIDE
        if apart or not self.ends.isdisjoint((*gap, other.first_word)):
            return False
        first, second = (self.naming.kind(mention) is Kind.PRONOUN for mention in (one, other))
        if first is not second and [self.tokens[word] for word in gap] == [","]:
            after = other.last_word + 1
            return one.first_word in self.naming.openings or self.tokens[after : after + 1] == [","]
        words = [word for word in self.tokens[gap.start : gap.stop] if word[0].isalpha()]
        if not (first and words and all(_in(word, self.language.linking) for word in words)):
            return False
        both = {self.tokens[one.first_word].lower(), self.tokens[other.first_word].lower()}
        return not (second and any(both.issubset(group) for group in self.language.persons))

    def _follows_article(self, mention: Mention) -> bool:
        """Whether a mention is but a part of what is said, as the second word of *a Beatles album*."""
        known, before = self.language, mention.first_word - 1
        if before < 0 or mention.first_word in self.ends:
            return False
        owners = set(known.possessives).intersection(known.objects_before)
        return _in(self.tokens[before], {*known.indefinite, *known.indefinite.values(), *owners})

    def _is_short(self, mention: Mention, words: list[str], entity: _Entity) -> bool:
        """Whether the name says all that a mention says: if it is a few definite words or a part of the name, but not
        where more of the name stands beside it."""
        if self.naming.kind(mention) is Kind.NAME:
            if self._follows_article(mention):
                return False
            first, end = mention.first_word, mention.first_word + len(words)
            wider = self._is_part(first - 1, end, entity) or self._is_part(first, end + 1, entity)
            return len(words) < len(entity.name) and self._is_part(first, end, entity) and not wider
        of_known = (*self.language.definite, *self.language.possessives, *self.language.either)
        return len(words) <= SHORT and _in(words[0], of_known)

    def _is_part(self, first: int, end: int, entity: _Entity) -> bool:
        """Whether the name has these words of the document in it."""
        return f" {' '.join(self.tokens[first:end])} ".lower() in f" {' '.join(entity.name)} ".lower()

    def _replacement(self, mention: Mention, entity: _Entity) -> tuple[str, int]:
        """What stands for a mention, and the character where all that it stands for ends."""
        new, end, word = self._name(entity), mention.end, self.naming.words(mention)[0]
        if self._is_genitive(mention, word):
            new = self._genitive(new, entity.kind)
            new = new.upper() if len(word) > 1 and word.isupper() and new[: -len(self.ending)].isupper() else new
        elif clitic := self._clitic(mention):
            new, end = new + clitic[0], clitic[1]
        opens = mention.first_word in self.naming.openings
        stressed = len(word) > 1 and word.isupper()
        inherits = self.naming.kind(mention) is not Kind.NAME and word not in self.language.pronouns and not stressed
        rest = re.split("[-'’ ]", new)[0][1:]
        plain = rest == rest.lower()  # not iPhone
        return (new[:1].upper() + new[1:] if word[:1].isupper() and (opens or inherits) and plain else new), end

    def _name(self, entity: _Entity) -> str:
        """The best name, definite, or what comes near to one: with the names of others in place of pronouns."""
        if entity.best.span not in self.names:
            text = self.naming.text(entity.best) if entity.kind is Kind.NAME else self._nominal(entity.best)
            first, space, rest = text.partition(" ")
            self.names[entity.best.span] = self.language.indefinite.get(first, first) + space + rest
        return self.names[entity.best.span]

    def _nominal(self, best: Mention) -> str:
        at, to = (
            bisect_left(self.chosen, n, key=lambda pair: pair[0].first_word)
            for n in (best.first_word, best.last_word + 1)
        )
        inner = [(m, e) for m, e in self.chosen[at:to] if e.kind is Kind.NAME and m.first_word == m.last_word]
        text = " ".join("".join(self._pieces(inner, best.start, self.naming.end(best))).split())
        idle = self.naming.has_idle_capital(best) and not (inner and inner[0][0].start == best.start)
        return text[0].lower() + text[1:] if idle else text

    def _clitic(self, mention: Mention) -> tuple[str, int] | None:
        """What the word after a mention is if a name stands before it, and where that word ends."""
        after = mention.last_word + 1
        if after == len(self.tokens) or self.document.words[after][0] > mention.end:
            return None
        written = self.language.clitics.get(self.tokens[after].lower())
        return (written, self.document.words[after][1]) if written else None

    def _is_genitive(self, mention: Mention, word: str) -> bool:
        if mention.first_word < mention.last_word:
            return self.naming.has_ending(mention)
        if _in(word, self.language.either):
            return self._is_possessive(mention.first_word)
        return _in(word, self.language.possessives)

    def _is_possessive(self, word: int) -> bool:
        """Whether a pronoun that may be a possessive is one."""
        known = self.is_possessive and self.is_possessive(word)
        if known is not None:
            return known
        if word in self.wide:
            return True
        after = word + 1
        while self._goes_on(after) and _in(self.tokens[after], self.language.adverbs):
            after += 1
        return self._goes_on(after)

    def _goes_on(self, word: int) -> bool:
        """Whether a phrase goes on with this word, which is of the same sentence as that before it."""
        if word in self.ends or not self.tokens[word][0].isalnum():
            return False
        known = self.language
        return not _in(self.tokens[word], (*known.objects_before, *known.verbs, *known.either))

    def _genitive(self, name: str, kind: Kind) -> str:
        """James's, the boss's and the boys', with the apostrophe that the document has."""
        letters = self.ending[1:]
        plural = kind is not Kind.NAME or _in(name.split()[0], self.language.definite)
        bare = plural and name.endswith(letters) and not name.endswith(2 * letters)
        return name + (self.ending[:1] if bare else self.ending)


def _inner(cluster: Cluster) -> set[Span]:
    """The mentions that stand inside of another of the same entity, as *them* in *both of them*."""
    inner, reach = set(), -1
    for mention in sorted(cluster.mentions, key=lambda m: (m.first_word, -m.last_word)):
        if mention.last_word <= reach:
            inner.add(mention.span)
        reach = max(reach, mention.last_word)
    return inner


def _in(word: str, words: Collection[str]) -> bool:
    return word in words or word.lower() in words
