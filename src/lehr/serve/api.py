"""The REST API and the page, as an ASGI application."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from .. import __version__
from ..cpus import usable_cpus
from ..document import Document
from ..formats import jsonl, write
from ..formats.jsonl import to_json
from ..pool import MOST
from ..resolver import WHOLE, Options, Passage, Resolver
from ..resolver.encoding import check_unicode
from . import schema
from .answers import Answers, Entities, quiet
from .gate import FAULT, Gate, Refused
from .limits import Limits
from .metrics import Metrics
from .page import add_page
from .reading import Question, Reader
from .work import T, Work

_DESCRIPTION = """Who is who in a text. Characters are half-open, `text[start:end]` is the mention; words are inclusive.

Every error is one sentence in `detail`: 400, 411, 413, 415 or 422 for what has to be sent otherwise, 408 for what took
too long, 429 for too much at once."""

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": schema.Error, "description": "No JSON, or the service is called by a name that is not its own."},
    408: {"model": schema.Error, "description": "It took too long to come or to be done."},
    411: {"model": schema.Error, "description": "No Content-Length."},
    413: {"model": schema.Error, "description": "Too large."},
    415: {"model": schema.Error, "description": "Not sent as application/json."},
    422: {"model": schema.Error, "description": "Something in it is not as it has to be."},
    429: {"model": schema.Error, "description": "Too many requests at once; come again soon."},
}
_LINES = {
    "application/x-ndjson": {
        "schema": {"type": "string"},
        "example": '{"document":{"words":12,"characters":47}}\n'
        '{"passage":{"start":0,"end":47,"words":12,"mentions":[{"entity":0,"start":0,"end":4,"text":"Mary",'
        '"score":0.98}],"names":{"0":"Mary"}}}\n{"done":{"words":12,"mentions":5,"entities":3,"seconds":0.03}}\n',
    }
}

Resolve = Annotated[schema.ResolveText | schema.ResolveWords, Body()]
Ask = Annotated[schema.MentionOfText | schema.MentionOfWords, Body()]


def create(resolver: Resolver, limits: Limits | None = None, *, hosts: frozenset[str] | None = None) -> Gate:
    """The service as an ASGI application.

    Args:
        resolver: answers.
        limits: by default those of `Limits`.
        hosts: the names by which it may be called; None for any.
    """
    limits = limits or Limits()
    work = Work(_workers(resolver.threads))
    metrics = Metrics(lambda: work.waiting)
    service = _Service(Answers(resolver), Reader(limits, resolver.config.language), work, metrics, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        work.start()
        yield
        await asyncio.get_running_loop().run_in_executor(None, work.stop)

    app = FastAPI(
        title="lehr", version=__version__, description=_DESCRIPTION, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.post(
        "/resolve",
        response_model=None,
        responses={**_ERRORS, 200: {"model": schema.Resolved, "description": "The document with its entities."}},
    )(service.resolve)
    app.post(
        "/resolve/stream",
        response_class=StreamingResponse,
        responses={**_ERRORS, 200: {"content": _LINES, "description": "JSON lines, each passage when it is decided."}},
    )(service.stream)
    app.post("/mentions", response_model=schema.Row, responses=_ERRORS)(service.mentions)
    app.post(
        "/convert",
        response_class=Response,
        responses={
            **_ERRORS,
            200: {
                "content": {kind: {"schema": {"type": "string"}} for kind in _KINDS.values()},
                "description": "The file.",
            },
        },
    )(service.convert)
    app.get("/health", response_model=schema.Health)(service.health)
    app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )(service.metrics_text)
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _failed)  # type: ignore[arg-type]
    app.add_exception_handler(ValueError, _unfit)
    app.add_exception_handler(asyncio.TimeoutError, service.late)
    app.add_exception_handler(Exception, _fault)
    paths = add_page(app)
    named = frozenset(getattr(route, "path", "") for route in app.routes) | paths
    return Gate(app, limits, metrics, hosts=hosts, paths=named)


_KINDS = {"conll": "text/plain", "conllu": "text/plain", "html": "text/html", "jsonl": "application/x-ndjson"}


class _Service:
    def __init__(self, answers: Answers, reader: Reader, work: Work, metrics: Metrics, limits: Limits) -> None:
        self.answers, self.reader, self.work, self.metrics, self.limits = answers, reader, work, metrics, limits

    async def resolve(self, asked: Resolve, request: Request) -> Response:
        """Say who is who: the mentions of each entity in a text or in words."""
        question, deadline = await self._read(asked, request)
        entities = Entities(question.document, self.answers)
        async for passage in self._steps(self.answers.passages(question), deadline, request):
            self._count(passage)
            entities.add(passage)

        def written() -> bytes:
            return _json(_record(*entities.resolved(), words=question.in_words))

        return Response(await self.work.do(written, deadline), media_type="application/json")

    async def stream(self, asked: Resolve, request: Request) -> StreamingResponse:
        """The same as JSON lines, as it is found: `document`, then one `passage` after the other, then `done`.

        What a passage says is final. Its mentions have the number of their `entity`; `names` has the names of
        entities that are new or have changed. A line with `error` ends an answer that could not be finished.
        """
        question, deadline = await self._read(asked, request)
        return StreamingResponse(self._lines(question, deadline), media_type="application/x-ndjson")

    async def mentions(self, asked: Ask, request: Request) -> dict[str, Any]:
        """The row of one mention in the span position matrix: every other mention, and how probably it is the same."""
        question, deadline = await self._read(asked, request)
        mention, row = await self.work.do(lambda: self.answers.row(question), deadline)
        return {"mention": mention, "row": row}

    async def convert(self, asked: schema.Convert, request: Request) -> Response:
        """Write a document that was resolved, and perhaps changed, as CoNLL-2012, CoNLL-U, HTML or JSON lines."""

        def written() -> str:
            documents = jsonl.read(json.dumps(asked.document), name="document", language=self.reader.language)
            return write(documents, asked.format, self.reader.language)

        question, deadline = Question("", {}), self._deadline()
        await self._take_in(question, self.reader.weigh(question, asked.document), deadline, request)
        text = await self.work.do(written, deadline)
        headers = {"content-disposition": f'attachment; filename="resolved.{asked.format}"'}
        return Response(text, media_type=_KINDS[asked.format], headers=headers)

    async def health(self) -> dict[str, Any]:
        """Whether the service is there, and with which model."""
        config = self.answers.resolver.config
        return {
            "status": "ok",
            "version": __version__,
            "schemes": config.schemes,
            "mention_threshold": config.mention_threshold,
            "link_threshold": config.link_threshold,
            "singletons": config.singleton_scheme is not None,
            "whole": WHOLE,
            "megabytes": self.limits.megabytes,
        }

    async def metrics_text(self) -> Response:
        """Counters in the text format of Prometheus."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.limits.seconds

    def _count(self, passage: Passage) -> None:
        self.metrics.words.inc(passage.words)
        self.metrics.mentions.inc(len(passage.mentions))

    async def _read(self, asked: Any, request: Request) -> tuple[Question, float]:
        """The question that is asked, its document read, and until when it is to be answered."""
        question, deadline = _question(asked), self._deadline()
        await self._take_in(question, self.reader.read(question), deadline, request)
        check_unicode(question.document.text, "the text")
        Options(self.answers.resolver.config, **question.options)
        return question, deadline

    async def _take_in(self, question: Question, steps: Iterator[bool], deadline: float, request: Request) -> None:
        """Take the steps of reading a question, whose words count until its request ends."""
        request.scope["ended"].enter_context(self.reader.asked(question))
        async for _ in self._steps(steps, deadline, request):
            pass

    async def _steps(self, items: Iterator[T], deadline: float, request: Request) -> AsyncIterator[T]:
        """The items, as long as the client is there."""
        async for item in self.work.each(items, deadline):
            if await request.is_disconnected():
                raise Refused(408, "the client has gone")
            yield item

    @property
    def _too_long(self) -> str:
        return f"this took more than {self.limits.seconds:g} seconds: send less at a time"

    async def late(self, _: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": self._too_long}, 408)

    async def _lines(self, question: Question, deadline: float) -> AsyncIterator[bytes]:
        document = question.document
        told: dict[str, Any] = {"words": len(document.words), "characters": len(document.text)}
        yield _json({"document": told | ({} if document.text == question.source else {"text": document.text})})
        try:
            async for line in self.work.each(self._passages(question), deadline):
                yield line
        except (ValueError, Refused) as error:
            yield _json({"error": quiet(error)})
        except asyncio.TimeoutError:
            yield _json({"error": self._too_long})

    def _passages(self, question: Question) -> Iterator[bytes]:
        """The line of each passage, and what there is to say of all of them."""
        document, entities, start = question.document, Entities(question.document, self.answers), time.monotonic()
        for passage in self.answers.passages(question):
            entities.add(passage)
            self._count(passage)
            yield _json({"passage": _passage(passage, entities.news(passage), question.in_words)})
        mentions = sum(map(len, entities.mentions.values()))
        done: dict[str, Any] = {"words": len(document.words), "mentions": mentions, "entities": len(entities.mentions)}
        done["seconds"] = round(time.monotonic() - start, 3)
        if question.in_words:
            record = to_json(document, words=True)
            done["document"] = {key: value for key, value in record.items() if key not in ("text", "clusters")}
        yield _json({"done": done})


def _workers(threads: int | None) -> int:
    """Steps to do at a time, each on so many threads, None for all cores: as many as there are cores for, up to `MOST`.

    They are two at least, one more than a single user needs, so that a short text need not wait for the step of a long
    one.
    """
    return max(2, min(usable_cpus() // (threads or usable_cpus()), MOST))


def _question(asked: Any) -> Question:
    options = asked.model_dump(include={"scheme", "mention_threshold", "link_threshold", "singletons", "horizon"})
    one = isinstance(asked, schema.MentionOfText | schema.MentionOfWords)
    mentions = [asked.mention] if one else asked.mention or []
    if isinstance(asked, schema.ResolveText | schema.MentionOfText):
        return Question(asked.text, options, mentions, asked.input_format)
    return Question(asked.words, options, mentions)


def _record(document: Document, names: list[str], *, words: bool) -> dict[str, Any]:
    record = to_json(document, words=words)
    for cluster, name in zip(record["clusters"], names, strict=True):
        cluster["name"] = name
        for mention in cluster["mentions"]:
            _round(mention)
    return record


def _passage(passage: Passage, names: dict[int, str], in_words: bool) -> dict[str, Any]:
    mentions = []
    for number, mention in passage.mentions:
        told = {"entity": number, "start": mention.start, "end": mention.end, "text": mention.text}
        if in_words:
            told |= {"first_word": mention.first_word, "last_word": mention.last_word}
        known = {"score": mention.score, "antecedent": mention.antecedent, "link": mention.link}
        mentions.append(_round(told | {key: value for key, value in known.items() if value is not None}))
    return {"start": passage.start, "end": passage.end, "words": passage.words, "mentions": mentions, "names": names}


def _round(mention: dict[str, Any]) -> dict[str, Any]:
    mention.update({key: round(mention[key], 4) for key in ("score", "link") if key in mention})
    return mention


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    """What is wrong with a request, without quoting it: innermost, and what is missing or too much if that is all."""
    found = min(error.errors(), key=lambda one: (one["type"] in ("missing", "extra_forbidden"), -len(one["loc"])))
    if found["type"] == "json_invalid":
        return JSONResponse({"detail": "the request is no JSON"}, 400)
    steps = map(str, found["loc"][1:])
    place = ".".join(step for step in steps if not step[:1].isupper() and "[" not in step)  # those are pydantic's own
    return JSONResponse({"detail": f"{place}: {found['msg']}" if place else found["msg"]}, 422)


async def _failed(_: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def _unfit(_: Request, error: Exception) -> JSONResponse:
    """A text cannot be resolved, or written, as it was asked."""
    return JSONResponse({"detail": quiet(error)}, 422)


async def _fault(_: Request, __: Exception) -> JSONResponse:
    """What nobody foresaw; the gate logs its kind and its place."""
    return JSONResponse({"detail": FAULT}, 500)
