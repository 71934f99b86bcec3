"""The gate before the service: who comes in, how long they may take, and what every answer bears.

It stands outside of all else, so that nothing is read or held for a request that is refused, and so that an error that
nobody foresaw is logged by its kind and place alone: its message might quote a text.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import ExitStack, suppress
from traceback import extract_tb

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .limits import Limits
from .metrics import Metrics

log = logging.getLogger("lehr.serve")

FAULT = "this is a fault of the service's own: please report what you have sent"
LOOPBACK = frozenset(("localhost", "127.0.0.1", "[::1]"))
PIECE = 2**16
"""Bytes of an answer that are sent at once: what a client has not taken yet is no more than a few of these."""
DRAINED = 8
"""Times the bytes that a request may have: so much is read of one that is refused."""

HEADERS = [
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }.items()
]


class Refused(HTTPException):
    """A request is refused, with a status and a sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail, {"retry-after": "1"} if status == 429 else None)

    def __str__(self) -> str:
        return self.detail


class _Late(Exception):
    """A client has not taken a piece of its answer in time."""


class Gate:
    """An ASGI application around another, which finds what is to be done in the end as ``scope["ended"]``.

    Args:
        app: the application.
        limits: what requests with a body may weigh and ask for.
        metrics: where requests are counted.
        hosts: the names by which the service may be called; None for any. On loopback it is called by no other, lest a
            page of another site reach it through a name that points there.
        paths: those that are counted by name.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, metrics: Metrics, *, hosts: frozenset[str] | None, paths: frozenset[str]
    ) -> None:
        self.app, self.limits, self.metrics, self.hosts, self.paths = app, limits, metrics, hosts, paths
        self.open = self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Passage(self, scope, receive, send).run()
        elif scope["type"] == "lifespan":
            await self.app(scope, receive, send)

    def weigh(self, scope: Scope) -> int:
        """The bytes of a request.

        Raises:
            Refused: if it is not to come in.
        """
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").rsplit(":", 1)
        name = host[0] if host[-1].isdigit() else ":".join(host)
        if self.hosts is not None and name.lower() not in self.hosts:
            raise Refused(400, f"this service answers to {', '.join(sorted(self.hosts))} alone: call it so")
        bare = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
        if bare and scope["method"] in ("GET", "HEAD"):
            return 0
        if b"content-length" not in headers or b"transfer-encoding" in headers:
            raise Refused(411, "send the request whole, with its length in a Content-Length header")
        if headers.get(b"content-type", b"").lower().split(b";")[0].strip() != b"application/json":
            raise Refused(415, "send JSON, with the header Content-Type: application/json")
        size = int(headers[b"content-length"])
        limit = self.limits
        if size > limit.megabytes * 1e6:
            raise Refused(413, f"the request has {size:,} bytes, of at most {limit.megabytes * 1e6:,.0f}: send less")
        if self.open >= limit.requests or self.held + size > limit.held * 1e6:
            raise Refused(429, f"{self.open} requests are being worked on, and no more can be: come again soon")
        return size


class _Passage:
    """One request on its way through the gate."""

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        self.gate, self.scope, self._receive, self._send = gate, scope, receive, send
        self.status = 0
        self.read = False
        self.deadline = asyncio.get_running_loop().time() + gate.limits.patience

    async def run(self) -> None:
        gate, start = self.gate, time.perf_counter()
        path = self.scope["path"] if self.scope["path"] in gate.paths else "other"
        size = 0
        try:
            size = gate.weigh(self.scope)
            gate.open += size > 0
            gate.held += size
            gate.metrics.open.set(gate.open)
            with ExitStack() as self.scope["ended"]:
                await gate.app(self.scope, self.receive, self.send)
        except Refused as refused:
            await self.refuse(refused)
        except (ClientDisconnect, _Late, asyncio.CancelledError):
            pass  # the client has gone, or as good as that, or the time after which the service stops is over
        except Exception as error:
            self.log(error)
            await self.refuse(Refused(500, FAULT))
        finally:
            gate.open -= size > 0
            gate.held -= size
            gate.metrics.open.set(gate.open)
            gate.metrics.requests.labels(path, str(self.status or 499)).inc()
            gate.metrics.seconds.labels(path).observe(time.perf_counter() - start)

    async def receive(self) -> Message:
        """A part of the request, as long as it comes in time."""
        if self.read:
            return await self._receive()
        wait = self.deadline - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, wait))
        except asyncio.TimeoutError:
            raise Refused(
                408, f"the request did not come within {self.gate.limits.patience:g} seconds: send it faster"
            ) from None
        self.read = message["type"] != "http.request" or not message.get("more_body")
        return message

    async def send(self, message: Message) -> None:
        """A part of the answer, in pieces, as long as each of them is taken in time."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *HEADERS]
            await self._send(message)
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        for at in range(0, max(1, len(body)), PIECE):
            piece = {"type": "http.response.body", "body": body[at : at + PIECE]}
            piece["more_body"] = more or at + PIECE < len(body)
            try:
                await asyncio.wait_for(self._send(piece), self.gate.limits.patience)
            except asyncio.TimeoutError:
                raise _Late from None

    async def refuse(self, refused: Refused) -> None:
        """Answer with an error, unless an answer has begun, and end the connection once the request is read.

        A client that sends all before it reads would else find a connection that was cut off, and no answer.
        """
        if self.status:
            return
        body = json.dumps({"detail": refused.detail}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        headers += [(name.encode(), value.encode()) for name, value in (refused.headers or {}).items()]
        headers.append((b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": refused.status_code, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        await self.drain()
        await self.send({"type": "http.response.body"})

    async def drain(self) -> None:
        """Read what is left of a request and keep nothing of it, as long as it comes in time and is not too much.

        Chunks stay unread: if one is broken, the server below has another answer to it, and no place for two.
        """
        room = DRAINED * self.gate.limits.megabytes * 1e6
        self.read |= b"transfer-encoding" in dict(self.scope["headers"])
        with suppress(Refused):
            while not self.read and room > 0:
                room -= len((await self.receive()).get("body", b""))

    def log(self, error: Exception) -> None:
        frames = extract_tb(error.__traceback__)
        log.error("%s: %s at %s:%s", self.scope["path"], type(error).__name__, frames[-1].filename, frames[-1].lineno)
