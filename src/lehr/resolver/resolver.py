"""The resolver: documents in, documents with clusters out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from numbers import Integral
from pathlib import Path
from typing import Any, overload

from ..document import Document
from ..pool import in_order
from .answer import Given, Options, cluster, entity
from .blocks import of_document, of_stream
from .config import Config
from .encoding import Encoding
from .example import check
from .location import locate
from .model import Model
from .passages import HORIZON, Passage, Told, cluster_in_blocks, entities_in_blocks, passages
from .source import GivenCluster, GivenMention, Source, find_clusters, find_mentions, is_document, read, several


class Resolver:
    """A coreference model on a CPU.

    It has no state that a call could change, so threads may share it, and what it answers does not depend on what it
    was asked before, or with what.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    @classmethod
    def from_pretrained(cls, model: str | os.PathLike[str] | None = None, *, threads: int | None = None) -> Resolver:
        """The resolver in a folder or, if there is no such folder, of that id on the Hugging Face hub.

        Args:
            model: None for the one that comes with lehr.
            threads: to compute on; None lets the runtime decide.

        Raises:
            OSError: if there is none or it lacks a file.
            ValueError: if it is damaged, of another version or no model for lehr.
        """
        return cls(Model(locate(model), threads))

    @property
    def config(self) -> Config:
        """What the model says of itself."""
        return self._model.config

    @property
    def threads(self) -> int | None:
        """To compute on; None if the runtime decides."""
        return self._model.threads

    @cached_property
    def _on_one_thread(self) -> Resolver:
        """The same, to be used by many at a time: threads of one graph that wait for each other take as long as one."""
        return self if self.threads == 1 else Resolver(Model(self.directory, 1))

    @property
    def directory(self) -> Path:
        """The folder that the model was read from."""
        return self._model.directory

    def encode(self, source: Source) -> Encoding:
        """The document as the model sees it, to ask of it more than once: all the work but that of the question.

        Raises:
            TypeError: if `source` is no document.
            ValueError: if a word is empty or the text is no Unicode.
        """
        if isinstance(source, Encoding):
            if source.model is not self._model:
                raise ValueError(f"this encoding is of {source.model.directory}: only its own resolver can read it")
            return source
        document, in_words = read(source, self.config.language)
        return Encoding(self._model, document, in_words=in_words)

    @overload
    def __call__(
        self,
        source: str | Document | Encoding,
        *,
        mention: GivenMention | None = None,
        mentions: Iterable[GivenMention] | None = None,
        clusters: Iterable[GivenCluster] | None = None,
        scheme: str | None = None,
        mention_threshold: float | None = None,
        link_threshold: float | None = None,
        singletons: bool | None = None,
        horizon: int | None = None,
        told: Told | None = None,
    ) -> Document: ...
    @overload
    def __call__(
        self,
        source: Sequence[Any],
        *,
        mention: GivenMention | None = None,
        mentions: Iterable[GivenMention] | None = None,
        clusters: Iterable[GivenCluster] | None = None,
        scheme: str | None = None,
        mention_threshold: float | None = None,
        link_threshold: float | None = None,
        singletons: bool | None = None,
        horizon: int | None = None,
        told: Told | None = None,
    ) -> Any: ...
    def __call__(
        self,
        source: Source | Sequence[Source],
        *,
        mention: GivenMention | None = None,
        mentions: Iterable[GivenMention] | None = None,
        clusters: Iterable[GivenCluster] | None = None,
        scheme: str | None = None,
        mention_threshold: float | None = None,
        link_threshold: float | None = None,
        singletons: bool | None = None,
        horizon: int | None = None,
        told: Told | None = None,
    ) -> Document | list[Document]:
        """The clusters of a document, or of each of a list of documents.

        Args:
            source: a text, a list of words, a list of sentences as lists of words, a `Document`, an `Encoding`, or a
                list of such. A list of strings is the words of one document unless one of them is empty or has white
                space in it: then it is texts. `pipe` leaves no such doubt.
            mention: ask for one entity only: the answer has one cluster, that of this mention.
            mentions: cluster these and find none; they are kept when they stay alone, unless `singletons` is False.
            clusters: begin with these; they are neither merged nor split, but the mentions found may join them. With
                `mentions`, those may, and none is found.
            scheme: the annotation scheme to follow, of those the model has learned. None for all: what is a mention
                under any of them is one.
            mention_threshold: probability from which a span is a mention; None for the model's own.
            link_threshold: probability from which mentions are coreferent; None for the model's own.
            singletons: whether clusters of one mention are reported; unless a scheme is chosen, only those that the
                model's `singleton_scheme` marks. None for True if there is such a scheme.
            horizon: words to decide at once. None for the whole document, or 1,000 if it has more than 4,000.
            told: is called with the number of words that have been decided since it was last called.

        A document that is decided in parts of `horizon` words is read once from its beginning to its end, and a mention
        joins an entity by what links it to those of its members that are remembered (`lehr.resolver.entities`). Nothing
        is revised: a given cluster is known from its first mention on, and the entity of a given `mention` is its
        cluster.

        A mention is given as a `Mention`, as a string of its words, which stands for the first place where they are,
        or as a pair of numbers. They count what the document came in: half-open characters of a text or `Document`,
        inclusive words of a list of words or sentences.

        Returns:
            the document with its clusters, in the order of their first mentions. Each mention has the probability
            `score` that it is one (None for given ones that the model has no cell for: too long, or across
            sentences), and all but the first of a cluster its most probable `antecedent` and that `link`'s probability;
            of a given cluster, a mention so far from the others that none is remembered has neither.

        Raises:
            TypeError: if `source` is no document, or one mention is given where several are meant.
            ValueError: if what is given is not in the document.
        """
        options = Options(self.config, scheme, mention_threshold, link_threshold, singletons, horizon)
        many = several(source)
        if many is not None:
            if not mention is mentions is clusters is None:
                raise ValueError("mention, mentions and clusters are of one document: give documents one by one")
            return [self._answer(self._encoding(item, horizon), options, {}, told=told) for item in many]
        encoding = self._encoding(source, horizon)
        document, in_words = encoding.document, encoding.in_words
        if mention is not None:
            if mentions is not None or clusters is not None:
                raise ValueError("mention asks for one entity and goes with neither mentions nor clusters")
            return self._entities(encoding, options, [mention], told=told)
        given = find_clusters(document, list([] if clusters is None else clusters), in_words=in_words)
        for one in find_mentions(document, [] if mentions is None else mentions, in_words=in_words):
            given.setdefault(one.span, (one, -1))
        return self._answer(encoding, options, given, only_given=mentions is not None, told=told)

    def entities(
        self,
        source: str | Document | Encoding | Sequence[str] | Sequence[Sequence[str]],
        mentions: Iterable[GivenMention],
        *,
        scheme: str | None = None,
        mention_threshold: float | None = None,
        link_threshold: float | None = None,
        singletons: bool | None = None,
        horizon: int | None = None,
        told: Told | None = None,
    ) -> Document:
        """The entities of some mentions of one document, each once, as `mention` asks for that of one.

        See `__call__` for the rest. A document that is decided in parts is read once for all of them.
        """
        options = Options(self.config, scheme, mention_threshold, link_threshold, singletons, horizon)
        return self._entities(self._encoding(source, horizon), options, mentions, told=told)

    def pipe(
        self,
        sources: Iterable[Source],
        *,
        workers: int | None = None,
        scheme: str | None = None,
        mention_threshold: float | None = None,
        link_threshold: float | None = None,
        singletons: bool | None = None,
        horizon: int | None = None,
    ) -> Iterator[Document]:
        """Documents in their order; a list of strings is always words here.

        Args:
            sources: the documents.
            workers: documents to resolve at a time, on a thread each, for which the model is read once more unless it
                has one thread as it is, but an `Encoding` stays with its own; up to twice as many documents are read
                before the first answer is given. None to read and resolve each when its turn comes, on all threads.

        See `__call__` for the rest.

        Raises:
            TypeError: if `sources` is a single text, or `workers` is no whole number.
            ValueError: if `workers` is less than one, or the model was damaged since.
            OSError: if it has gone since.
        """
        if isinstance(sources, str):
            raise TypeError("pipe takes several documents: give [text] for one")
        options = Options(self.config, scheme, mention_threshold, link_threshold, singletons, horizon)
        if workers is None:
            return (self._answer(self._encoding(source, horizon), options, {}) for source in sources)
        if not isinstance(workers, Integral):
            raise TypeError(f"workers is {workers!r}; it must be a whole number")
        if workers < 1:
            raise ValueError(f"{workers} workers cannot work: give one or more, or None")

        alone = self._on_one_thread  # read once, and not in each thread

        def answer(source: Source) -> Document:
            resolver = self if isinstance(source, Encoding) else alone
            return resolver._answer(resolver._encoding(source, horizon), options, {})

        return (answered() for _, answered in in_order(answer, sources, int(workers)))

    def stream(
        self,
        source: Iterable[str] | Sequence[Sequence[str]] | Document | Encoding,
        *,
        given: Iterable[GivenMention] = (),
        scheme: str | None = None,
        mention_threshold: float | None = None,
        link_threshold: float | None = None,
        singletons: bool | None = None,
        horizon: int | None = None,
    ) -> Iterator[Passage]:
        """One document, passage by passage; a text that comes in pieces, as it comes, in memory that does not grow.

        Args:
            source: the pieces of a text, which may be cut anywhere; or a document: itself, or its sentences as lists
                of words.
            given: mentions of a document that are mentions whatever the model says; others are found beside them.
            horizon: words to decide at once, 1,000 if None; so many must have come, and some more, before they are.

        Together the passages say what the resolver says of the whole text with the same `horizon`, however it was cut.

        Raises:
            TypeError: if a piece is no string.
            ValueError: if the text is no Unicode, once one gets there, or what is given is not in the document.
        """
        options = Options(self.config, scheme, mention_threshold, link_threshold, singletons, horizon)
        if not is_document(source):
            if [*given]:
                raise ValueError("mentions are given of a document, and not of a text in pieces")
            return passages(self._model, of_stream(source, self.config.language), options, {})  # type: ignore[arg-type]
        encoding = self._encoding(source, HORIZON)
        document, in_words = encoding.document, encoding.in_words
        mentions = find_mentions(document, given, in_words=in_words)
        return passages(self._model, of_document(document), options, {m.span: (m, -1) for m in mentions})

    def check(self) -> None:
        """Resolve the example that lies beside the model, and see that the answer is the one stored with it.

        Raises:
            ValueError: if it is another, or there is no example.
        """
        check(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as the folder of its model, which is to be there when it is read again."""
        return partial(Resolver.from_pretrained, threads=self._model.threads), (self.directory,)

    def _encoding(self, source: object, horizon: int | None) -> Encoding:
        """The document, encoded unless it is to be so block by block."""
        if isinstance(source, Encoding) or horizon is None:
            return self.encode(source)  # type: ignore[arg-type]
        document, in_words = read(source, self.config.language)
        return Encoding(self._model, document, in_words=in_words, whole=False)

    def _entities(
        self, encoding: Encoding, options: Options, mentions: Iterable[GivenMention], *, told: Told | None
    ) -> Document:
        document = encoding.document
        queries = find_mentions(document, mentions, in_words=encoding.in_words)
        if options.horizon is not None or not all(encoding.is_whole_with([query.span]) for query in queries):
            return entities_in_blocks(self._model, document, options, queries, told=told)
        asked = (entity(encoding, options, query).clusters[0].mentions for query in queries)
        found = {tuple(mention.span for mention in mentions): mentions for mentions in asked}
        if told:
            told(len(document.words))
        return document.with_clusters(found[spans] for spans in sorted(found))

    def _answer(
        self,
        encoding: Encoding,
        options: Options,
        given: Given,
        *,
        only_given: bool = False,
        told: Told | None = None,
    ) -> Document:
        document = encoding.document
        if options.horizon is not None or not encoding.is_whole_with(given):
            return cluster_in_blocks(self._model, document, options, given, only_given=only_given, told=told)
        answer = cluster(encoding, options, given, only_given=only_given)
        if told:
            told(len(document.words))
        return answer
