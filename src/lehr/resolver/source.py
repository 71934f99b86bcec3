"""What a resolver can be given: texts, words, sentences and documents, and the mentions in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import index
from typing import TypeAlias

from ..detokenize import join_words
from ..document import Cluster, Document, Mention, Span
from .encoding import Encoding

Source: TypeAlias = "str | Sequence[str] | Sequence[Sequence[str]] | Document | Encoding"
"""One document: its text, its words, the words of its sentences, itself, or what `Resolver.encode` made of it."""

GivenMention: TypeAlias = "Mention | tuple[int, int] | str"
"""A mention, where it stands, or its words; see `find_mention`."""

GivenCluster: TypeAlias = "Cluster | Sequence[GivenMention]"


def several(source: object) -> list[object] | None:
    """The documents that a list holds; None if `source` is one document.

    A list of strings is the words of one document unless one of them has white space in it: then it is texts. A list
    of lists of strings is the sentences of one document. Any other list is of documents.
    """
    if isinstance(source, (str, bytes, Document, Encoding)) or not isinstance(source, Sequence):
        return None
    if all(isinstance(item, str) for item in source):
        return list(source) if any(len(item.split()) != 1 for item in source) else None
    return None if _are_sentences(source) else list(source)


def read(source: object, language: str = "en") -> tuple[Document, bool]:
    """One document, and whether it came in words.

    Text is split into words and sentences as in `language`, and words that came without sentences are split into these,
    as in `lehr.formats.text`.

    Raises:
        TypeError: if `source` is nothing of the kind.
        ValueError: if a word is empty.
    """
    if isinstance(source, Document):
        return source, False
    from ..formats import text  # brings a library along that documents can do without

    if isinstance(source, str):
        return text.read(source, name="", language=language)[0], False
    if isinstance(source, Sequence) and all(isinstance(item, str) for item in source):
        joined, words = join_words([source], language)
        return Document("", joined, tuple(words), tuple(text.split_sentences(joined, words, language))), True
    if isinstance(source, Sequence) and _are_sentences(source):
        return Document.from_sentences(source, language=language), True
    raise TypeError(
        f"a resolver takes a text, a list of words, a list of sentences as lists of words or a Document, and not "
        f"{_described(source)}"
    )


def is_document(source: object) -> bool:
    """Whether this is a document as it is, or the sentences of one, and not a text in pieces."""
    if isinstance(source, (Document, Encoding)):
        return True
    return isinstance(source, Sequence) and not isinstance(source, str) and bool(source) and _are_sentences(source)


def find_mention(document: Document, given: GivenMention, *, in_words: bool) -> Mention:
    """The mention of `document` that is meant.

    Args:
        given: a `Mention` of a document with the same text; a pair of numbers, which are the inclusive positions of
            its first and last word if the document came `in_words` and else its half-open characters; or a string:
            its words, whatever white space is between them, where they stand first.

    Raises:
        ValueError: if there is no such mention.
    """
    if isinstance(given, str):
        return _find_words(document, given)
    start, end = (given.start, given.end) if isinstance(given, Mention) else _pair(given)
    if in_words and not isinstance(given, Mention):
        return document.mention(start, end)
    if isinstance(given, Mention) and document.text[start:end] != given.text:
        raise ValueError(
            f"document {document.id!r} has {document.text[start:end]!r} at characters {start}:{end}, "
            f"not the mention {given.text!r}: it is of another document"
        )
    words = document.words_at(start, end) if 0 <= start < end <= len(document.text) else None
    if words is None:
        beyond = "are not all there" if end > len(document.text) else "hold no word"
        raise ValueError(
            f"characters {start}:{end} of document {document.id!r}, which has {len(document.text)}, {beyond}"
        )
    return Mention(start, end, document.text[start:end], *words)


def find_mentions(document: Document, given: Iterable[GivenMention], *, in_words: bool) -> list[Mention]:
    """The mentions of `document` that are meant, each given as `find_mention` takes it.

    Raises:
        TypeError: if a single one is given, whose letters would be taken for mentions.
        ValueError: if there is no such mention.
    """
    if isinstance(given, (str, Mention)):
        raise TypeError(f"{given!r} is one mention, where several are meant: give a list of them")
    return [find_mention(document, item, in_words=in_words) for item in given]


def find_clusters(
    document: Document, given: Sequence[GivenCluster], *, in_words: bool
) -> dict[Span, tuple[Mention, int]]:
    """The mentions of given clusters, each with the position of its cluster.

    Raises:
        TypeError: if a mention is given as a cluster.
        ValueError: if there is no such mention, or it is in two clusters.
    """
    found: dict[Span, tuple[Mention, int]] = {}
    for number, cluster in enumerate(given):
        members = cluster.mentions if isinstance(cluster, Cluster) else cluster
        for mention in find_mentions(document, members, in_words=in_words):
            if found.setdefault(mention.span, (mention, number))[1] != number:
                raise ValueError(f"the mention {mention.text!r} at {mention.start}:{mention.end} is in two clusters")
    return found


def _find_words(document: Document, given: str) -> Mention:
    """The first mention of just these words; white space between and inside of them is not compared."""
    begins: dict[int, int] = {}
    ends: dict[int, int] = {}
    solid, length = [], 0
    for position, word in enumerate(document.tokens):
        solid.append("".join(word.split()))
        if not solid[-1]:
            continue  # a word of white space
        begins[length] = position
        length += len(solid[-1])
        ends[length] = position
    wanted, whole, starts = "".join(given.split()), "".join(solid), [*begins]
    at = whole.find(wanted) if wanted else -1
    while at >= 0:
        if at in begins and at + len(wanted) in ends:
            return document.mention(begins[at], ends[at + len(wanted)])
        following = bisect_right(starts, at)
        at = whole.find(wanted, starts[following]) if following < len(starts) else -1
    raise ValueError(f"document {document.id!r} has no words {given!r}")


def _pair(given: object) -> tuple[int, int]:
    try:
        first, second = map(index, given)  # type: ignore[call-overload]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{given!r} is no mention: give its words, a pair of whole numbers or a Mention") from error
    return first, second


def _are_sentences(source: Sequence[object]) -> bool:
    return all(
        isinstance(sentence, Sequence) and not isinstance(sentence, str) and all(isinstance(w, str) for w in sentence)
        for sentence in source
    )


def _described(source: object) -> str:
    name = type(source).__name__
    if isinstance(source, Sequence) and source:
        return f"{name} of {type(source[0]).__name__}"
    return name
