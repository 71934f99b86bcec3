"""What an entity is called: the mention that names it best.

No tagger is needed: letter case, frequency and length decide. What has to be known of a language, its pronouns above
all, is data, `languages/CODE.json`; where there is none, letter case, frequency and length decide alone.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import pairwise

from .document import Cluster, Document, Mention, Span
from .language import Language, language

LONGEST = 5
"""Words of a mention that is short enough to be a good name."""

_BREAK = re.compile(r"""[.!?…]+|[;:"“”«»—]|``|''|--""")
"""A mark that no name has inside of it, but for a stop after a short word with a capital, as in Adm. Nelson: a mention
that has one is rather a mistake."""

_QUOTES = frozenset(("'", '"', "‘", "“", "„", "«", "»", "``"))
"""Marks with which quotations begin, some of which are those of others' ends."""

_READ = 50
"""Words of a mention that are looked at, and the most that a name has."""


class Kind(IntEnum):
    """Kinds of mentions, better names being greater."""

    PRONOUN = 0
    QUANTIFIED = 1
    NOMINAL = 2
    NAME = 3


def best_names(document: Document, code: str = "") -> list[str]:
    """The name of each cluster of a document, in their order; `code` is that of its language, if it is known.

    A name is one line, without the ending of a genitive, and begins as it would within a sentence.
    """
    naming = Naming(document, language(code))
    return [naming.text(naming.best(cluster)) for cluster in document.clusters]


@dataclass(frozen=True)
class Naming:
    """Names for the entities of one document."""

    document: Document
    language: Language

    def kind(self, mention: Mention) -> Kind:
        """A pronoun is nothing but pronouns; a name has at least a half of proper words.

        *US* and *IT* are names, but pronouns said with stress if the entity is *we* or *it* elsewhere, and came before.

        Quantified are *no boy*, *two boys* and *which of us*, that mean others when they are said again; not so *this
        boy*, nor Half Moon Bay, if it has its capital within a sentence.

        A word is proper that begins with a capital and has no function. It must also have its capital within a sentence
        if the document has it in lower case too, if nothing is known of the language, or if it is the first of several
        and opens a sentence. In scripts without case there are no names.
        """
        words = self.words(mention)
        if all(map(self.language.has_pronoun, words)) or mention.span in self._stressed:
            return Kind.PRONOUN
        if self._quantifies(words[0]) and (self.has_idle_capital(mention) or not words[0].istitle()):
            return Kind.QUANTIFIED
        proper = [*map(self.is_proper, words)]
        if len(words) > 1 and mention.first_word in self.openings:
            proper[0] = proper[0] and words[0] in self._inside
        return Kind.NAME if 2 * sum(proper) >= len(words) else Kind.NOMINAL

    def words(self, mention: Mention) -> list[str]:
        """The words of a mention, white space inside of them made one space, without the ending of a genitive.

        Of a long one they are the first 50, lest many that are nested take time.
        """
        words = self.document.words[mention.first_word : self._last(mention) + 1]
        return [" ".join(self.document.text[a:b].split()) for a, b in words]

    def has_ending(self, mention: Mention) -> bool:
        """Whether the last word of a mention is the ending of a genitive."""
        start, end = self.document.words[mention.last_word]
        return mention.first_word < mention.last_word and self.document.text[start:end] in self.language.genitives

    def best(self, cluster: Cluster) -> Mention:
        """The mention that names an entity best: a short one, a name, of names the most frequent, the longest.

        One with a mark inside that parts sentences, or that stops at a word such as "and" or "my", is taken only if
        there is no other, of pronouns the most frequent, and *my Tom* only if none is *Tom*. Of those as good as each
        other, a name is taken as it is written most often, and not in capitals as in one heading; then one that begins
        no sentence, then the first.
        """
        counts = Counter(map(self._key, cluster.mentions))
        spellings = Counter(" ".join(self.words(mention)) for mention in cluster.mentions)

        def fitness(mention: Mention) -> tuple[bool, bool, bool, Kind, bool, int, int, int, bool]:
            kind, key, words = self.kind(mention), self._key(mention), self.words(mention)
            whole = not self._is_broken(words) and not self._stops_short(words)
            short, named = len(words) <= LONGEST, kind is not Kind.PRONOUN
            frequency = counts[key] if kind in (Kind.PRONOUN, Kind.NAME) else 0
            length = len(key) if named else 0
            written = spellings[" ".join(words)] if kind is Kind.NAME else 0
            bare = kind is Kind.NAME and not self.language.has_pronoun(words[0])
            return whole, named, short, kind, bare, frequency, length, written, mention.first_word not in self.openings

        return max(cluster.mentions, key=fitness)

    def end(self, mention: Mention) -> int:
        """The half-open character where a mention ends, without the ending of a genitive."""
        return self.document.words[mention.last_word - self.has_ending(mention)][1]

    def text(self, mention: Mention) -> str:
        """A mention on one line, without the ending of a genitive, as it is written within a sentence."""
        text = " ".join(self.document.text[mention.start : self.document.words[self._last(mention)][1]].split())
        return text[0].lower() + text[1:] if self.has_idle_capital(mention) else text

    def has_idle_capital(self, mention: Mention) -> bool:
        """Whether the capital that a mention begins with says nothing of it."""
        word, *more = self.words(mention)
        if not word[:1].isupper() or word[1:2].isupper() or word in self.language.pronouns:
            return False
        opens, has_function = mention.first_word in self.openings, self.language.has_function_word(word)
        if more and self.is_proper(more[0]):
            if not has_function or (not opens and not self.language.has_pronoun(word)):
                return False  # as of President Obama, and of Half Moon Bay and The Hague within a sentence
            if more[0].lower() in self.language.titles and self.language.has_pronoun(word):
                return False  # as of Her Majesty
        return has_function or (opens and word.lower() in self._small and word not in self._inside)

    def _last(self, mention: Mention) -> int:
        """The last word of a mention that is looked at."""
        return min(mention.last_word - self.has_ending(mention), mention.first_word + _READ - 1)

    @cached_property
    def openings(self) -> frozenset[int]:
        """The words with which sentences begin, after quotes and the like, and quotations within sentences."""
        words, found = self.document.words, []
        for first, end in self.document.sentences:
            heads = (n for n in range(first, end) if any(map(str.isalnum, self.document.text[slice(*words[n])])))
            found.append(next(heads, first))
        return frozenset([*found, *filter(self._is_quoted, range(1, len(words)))])

    def _is_quoted(self, word: int) -> bool:
        """Whether a word follows a quotation mark, as close as it does if a quotation begins with both."""
        mark, end = self.document.words[word - 1][0], self.document.words[word][0]
        return self.document.text[mark:end] in _QUOTES and not self.document.text[max(0, mark - 1) : mark].strip()

    @cached_property
    def _small(self) -> frozenset[str]:
        """The words that the document has in lower case."""
        return frozenset(word for word in self.document.tokens if word[0].islower())

    @cached_property
    def _inside(self) -> frozenset[str]:
        """The words that the document has within its sentences."""
        return frozenset(word for n, word in enumerate(self.document.tokens) if n not in self.openings)

    @cached_property
    def _stressed(self) -> frozenset[Span]:
        """Pronouns that are written like names."""
        found: list[Span] = []
        tokens, odd = self.document.tokens, self.language.unpronouns
        for cluster in self.document.clusters:
            words = {m.span: tokens[m.first_word] for m in cluster.mentions if m.first_word == m.last_word}
            first = min(mention.span for mention in cluster.mentions)
            written = {span: word.lower() for span, word in words.items() if word in odd and span != first}
            others = {word.lower() for span, word in words.items() if span not in written} if written else set()
            for group in (group for group in self.language.persons if others.intersection(group)):
                found += [span for span, word in written.items() if word in group]
        return frozenset(found)

    def is_proper(self, word: str) -> bool:
        """Whether a word is one of a name, see `kind`."""
        if word in self.language.unpronouns:
            return True
        if len(word) < 2 or not word[0].isupper() or (word.lower() in self._small and word not in self._inside):
            return False
        known = bool(self.language.pronouns)
        return not self.language.has_function_word(word) if known else word in self._inside

    def _quantifies(self, word: str) -> bool:
        """Whether a mention that begins with this word says, or asks, how many or which, and does not say who."""
        word, known = word.lower(), self.language
        return word in known.quantifiers or (word in known.kept and word not in known.definite)

    def _is_broken(self, words: list[str]) -> bool:
        """Whether a mark parts these words."""
        return any(
            _BREAK.fullmatch(word) and not (word == "." and len(before) <= 5 and before[:1].isupper())
            for before, word in pairwise(("", *words))
        )

    def _stops_short(self, words: list[str]) -> bool:
        """Whether the last of several words is one that asks for another after it; not as Charles I and Theresa May."""
        return len(words) > 1 and words[-1] in self.language.objects_before

    def _key(self, mention: Mention) -> str:
        return " ".join(self.words(mention)).casefold()
