"""The gate, around an application that does as it is told: a flood, and clients that are slow or gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from lehr.serve.gate import PIECE, Gate, Refused
from lehr.serve.limits import Limits
from lehr.serve.metrics import Metrics


class Client:
    """A client of an ASGI application; `sent` is what it was answered."""

    def __init__(self, size: int = 10, *, sends: bool = True, takes: bool = True) -> None:
        self.size, self.sends, self.takes = size, sends, takes
        self.sent: list[Message] = []

    @property
    def scope(self) -> Scope:
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        headers.append((b"content-length", str(self.size).encode()))
        return {"type": "http", "method": "POST", "path": "/resolve", "headers": headers}

    async def receive(self) -> Message:
        if not self.sends:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"x" * self.size}

    async def send(self, message: Message) -> None:
        if not self.takes and message["type"] == "http.response.body":
            await asyncio.Event().wait()
        self.sent.append(message)

    @property
    def status(self) -> int:
        return self.sent[0]["status"] if self.sent else 0


class Sender(Client):
    """A client that sends in pieces, and has its answer before it has sent them all; `came` is how much was read."""

    came = 0

    async def receive(self) -> Message:
        assert self.sent[-1]["body"].startswith(b'{"detail": ')
        piece = min(1_000_000, self.size - self.came)
        self.came += piece
        return {"type": "http.request", "body": b"x" * piece, "more_body": self.came < self.size}


async def settle() -> None:
    """Let everything go on as far as it can."""
    for _ in range(100):
        await asyncio.sleep(0)


def gate(app: Callable[[Scope, Receive, Send], Awaitable[None]], **limits: Any) -> Gate:
    return Gate(app, Limits(**limits), Metrics(lambda: 0), hosts=None, paths=frozenset(("/resolve",)))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def test_a_get_may_say_that_it_is_empty() -> None:
    scope = {**Client(0).scope, "method": "GET", "headers": [(b"host", b"localhost"), (b"content-length", b"0")]}
    assert gate(echo).weigh(scope) == 0


def test_a_request_in_chunks_weighs_what_nobody_can_say() -> None:
    told = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"10")]
    assert gate(echo).weigh({**Client(0).scope, "method": "POST", "headers": told}) == 10
    with pytest.raises(Refused, match="its length in a Content-Length header"):
        gate(echo).weigh({**Client(0).scope, "method": "POST", "headers": [*told, (b"transfer-encoding", b"chunked")]})


def test_a_flood_is_refused_at_once() -> None:
    go = asyncio.Event()
    read = 0

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal read
        await receive()
        read += 1
        await go.wait()
        await echo(scope, receive, send)

    async def test() -> None:
        guarded = gate(wait, requests=4)
        clients = [Client() for _ in range(100)]
        calls = [asyncio.ensure_future(guarded(c.scope, c.receive, c.send)) for c in clients]
        await settle()
        assert read == 4
        assert [c.status for c in clients] == [0] * 4 + [429] * 96
        assert (b"retry-after", b"1") in clients[-1].sent[0]["headers"]
        go.set()
        await asyncio.gather(*calls)
        assert [c.status for c in clients[:4]] == [200] * 4
        assert (guarded.open, guarded.held) == (0, 0)

    asyncio.run(test())


def test_the_bytes_of_all_requests_are_bounded() -> None:
    go = asyncio.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        await go.wait()
        await echo(scope, receive, send)

    async def test() -> None:
        guarded = gate(wait, megabytes=1, held=1)
        clients = [Client(600_000), Client(600_000), Client(300_000), Client(1_000_001)]
        calls = [asyncio.ensure_future(guarded(c.scope, c.receive, c.send)) for c in clients]
        await settle()
        assert [c.status for c in clients] == [0, 429, 0, 413]
        go.set()
        await asyncio.gather(*calls)

    asyncio.run(test())


@pytest.mark.parametrize(("size", "came"), [(1_000_001, 1_000_001), (8_000_000, 8_000_000), (10**12, 8_000_000)])
def test_what_is_refused_is_read_so_that_the_answer_arrives_but_not_for_ever(size: int, came: int) -> None:
    async def test() -> None:
        client = Sender(size)
        await gate(echo, megabytes=1)(client.scope, client.receive, client.send)
        assert (client.status, client.came) == (413, came)
        assert [message.get("more_body") for message in client.sent] == [None, True, False]

    asyncio.run(test())


def test_who_is_refused_and_does_not_send_is_not_waited_for() -> None:
    async def test() -> None:
        guarded, client = gate(echo, megabytes=1, patience=0.05), Client(1_000_001, sends=False)
        await asyncio.wait_for(guarded(client.scope, client.receive, client.send), 30)
        assert client.status == 413

    asyncio.run(test())


def test_a_client_that_does_not_send() -> None:
    async def test() -> None:
        guarded, client = gate(echo, patience=0.05), Client(sends=False)
        await asyncio.wait_for(guarded(client.scope, client.receive, client.send), 30)
        assert client.status == 408
        assert guarded.open == 0

    asyncio.run(test())


def test_a_client_that_does_not_take_its_answer() -> None:
    async def test() -> None:
        guarded, client = gate(echo, patience=0.05), Client(takes=False)
        await asyncio.wait_for(guarded(client.scope, client.receive, client.send), 30)
        assert (len(client.sent), guarded.open) == (1, 0)

    asyncio.run(test())


def test_a_large_answer_goes_out_in_pieces() -> None:
    async def test() -> None:
        client = Client(3 * PIECE + 1)
        await gate(echo)(client.scope, client.receive, client.send)
        bodies = [message for message in client.sent if message["type"] == "http.response.body"]
        assert [len(body["body"]) for body in bodies] == [PIECE] * 3 + [1]
        assert [body["more_body"] for body in bodies] == [True] * 3 + [False]

    asyncio.run(test())


def test_a_fault_after_the_answer_has_begun() -> None:
    async def break_off(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("SECRET")

    async def test() -> None:
        client = Client()
        await gate(break_off)(client.scope, client.receive, client.send)
        assert [message["type"] for message in client.sent] == ["http.response.start"]

    asyncio.run(test())
