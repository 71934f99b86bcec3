"""How many requests a second `lehr serve` answers on this machine, how long each takes, and its memory under a flood.

python benchmarks/serve.py results/serve.json

Starts services of its own on loopback and ends them. Each measurement is bounded in requests and in seconds; clients
ask one after the other, so that as many requests are on their way as there are clients. In a flood, more clients than
are let in send the largest requests of one kind over and over, each flood to a service of its own; its peak memory is
what Linux says of the process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lehr.files import write_text
from lehr.formats.text import split_words
from lehr.versions import versions

PASSAGE = Path(__file__).parent.parent / "examples" / "oliver_twist.txt"
CLIENTS = {"sentence": (1, 8), "page": (1, 8), "chapter": (1, 4)}
MEGABYTES = 7.9
"""Of the requests of a flood; 8 are allowed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--requests", type=int, default=200, help="at most, for each measurement")
    parser.add_argument(
        "--seconds", type=float, default=5, help="at most, for each measurement, but for the last requests"
    )
    parser.add_argument("--flood-seconds", type=float, default=25, help="for each kind of request")
    parser.add_argument("--flood-clients", type=int, default=40, help="more than are let in, which are 32")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()

    page = PASSAGE.read_text("utf-8")
    texts = {"sentence": "Mary said she was tired.", "page": page, "chapter": "\n\n".join([page] * 9)}
    with serving(options.threads) as (port, _):
        measured = asyncio.run(measure(port, texts, options.requests, options.seconds))
    floods = []
    for name, path, body in largest(page):
        with serving(options.threads) as (port, memory):
            asyncio.run(ask(port, "/resolve", {"text": page}))
            before = memory()
            statuses = asyncio.run(flood(port, path, body, options.flood_clients, options.flood_seconds))
            floods.append({"what": name, "megabytes": round(len(body) / 1e6, 2), "clients": options.flood_clients})
            floods[-1] |= {"answers": statuses, "mib_before": before, "mib_peak": memory()}
            print(floods[-1], flush=True)
    result = {"versions": versions(), "threads": options.threads, "measurements": measured, "floods": floods}
    write_text(options.result, json.dumps(result, indent=1) + "\n")


@contextmanager
def serving(threads: int | None) -> Iterator[tuple[int, Callable[[], int | None]]]:
    """The port of a service, and what says its peak memory in MiB; None but on Linux."""
    given = [] if threads is None else ["--threads", str(threads)]
    command = [sys.executable, "-m", "lehr", "serve", "--port", "0", *given]

    def memory() -> int | None:
        status = Path(f"/proc/{process.pid}/status")
        lines = status.read_text().splitlines() if status.is_file() else []
        return next((round(int(line.split()[1]) / 2**10) for line in lines if line.startswith("VmHWM:")), None)

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = urlsplit(process.stdout.readline().split()[3])
            assert address.hostname == "127.0.0.1"
            assert address.port is not None
            yield address.port, memory
        finally:
            process.terminate()
            process.wait(60)


def largest(page: str) -> Iterator[tuple[str, str, bytes]]:
    """The largest requests of several kinds: their name, their path, and what is sent."""

    def as_many(piece: str, megabytes: float = MEGABYTES, words: int | None = None) -> str:
        most = int(megabytes * 1e6 / len(json.dumps(piece)))
        return piece * min(most, words // len(split_words(piece)) if words else most)

    def text(value: str) -> bytes:
        return json.dumps({"text": value}).encode()

    yield "long texts", "/resolve/stream", text(as_many(page + "\n\n", words=990_000))
    yield "chapters, as a whole", "/resolve", text(as_many(page + "\n\n", words=3_900))
    yield "a sentence a word", "/resolve/stream", text(as_many("It\n\n", words=990_000))
    yield "words", "/resolve", json.dumps({"words": [["a", "b"]] * 490_000}).encode()
    yield "no words", "/resolve", b'{"words":[' + b"[]," * 990_000 + b"[]]}"
    mentions = [{"start": 0, "end": 4}] * 240_000
    document = {"text": "Mary", "clusters": [{"mentions": mentions}]}
    yield "records", "/resolve", json.dumps({"text": (json.dumps({"text": "a " * 700_000}) + "\n") * 5}).encode()
    row = "d 0 0 It " + "|".join(["(1)"] * 1_900_000)
    yield (
        "brackets",
        "/resolve",
        json.dumps({"text": f"#begin document (d);\n{row}\n", "input_format": "conll"}).encode(),
    )
    yield "mentions", "/convert", json.dumps({"format": "html", "document": document}).encode()


async def flood(port: int, path: str, body: bytes, clients: int, seconds: float) -> dict[str, int]:
    """How often which status was answered; at the end, all clients hang up."""
    statuses: Counter[str] = Counter()

    async def client() -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            status = "hung up"
            try:
                writer.write(head(path, body) + body)
                status = (await reader.readline()).split()[1].decode()
                while await reader.read(2**16):
                    pass
            except (OSError, IndexError):  # refused before all was sent
                pass
            finally:
                statuses[status] += 1
                writer.close()
            await asyncio.sleep(0.1)

    tasks = [asyncio.ensure_future(client()) for _ in range(clients)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return dict(sorted(statuses.items()))


async def measure(port: int, texts: dict[str, str], requests: int, seconds: float) -> list[dict[str, Any]]:
    await ask(port, "/resolve", {"text": texts["page"]})  # the first one is slow
    rows = []
    for name, text in texts.items():
        body = {"text": text}
        words = len(split_words(text))
        for clients in CLIENTS[name]:
            times, spent = await load(port, body, clients, requests, seconds)
            rows.append(row(name, words, clients, times, spent))
    rows.append(await short_beside_long(port, texts, requests, seconds))
    return rows


async def load(
    port: int, body: dict[str, Any], clients: int, requests: int, seconds: float
) -> tuple[list[float], float]:
    """Seconds of each request, and of all of them."""
    start = time.perf_counter()
    times: list[float] = []

    async def client() -> None:
        while len(times) < requests and time.perf_counter() - start < seconds:
            began = time.perf_counter()
            # A text that was asked for just now would be known: each is one of its own.
            own = {**body, "text": f"{body['text']} {len(times)}.{id(asyncio.current_task())}"}
            await ask(port, "/resolve", own)
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(client() for _ in range(clients)))
    return times, time.perf_counter() - start


async def short_beside_long(port: int, texts: dict[str, str], requests: int, seconds: float) -> dict[str, Any]:
    """A sentence, asked for while a long text is streamed."""
    novel = asyncio.ensure_future(ask(port, "/resolve/stream", {"text": "\n\n".join([texts["chapter"]] * 8)}))
    await asyncio.sleep(1)
    times, spent = await load(port, {"text": texts["sentence"]}, 1, requests, seconds)
    novel.cancel()
    return row("sentence, beside novel", 6, 1, times, spent)


async def ask(port: int, path: str, body: dict[str, Any]) -> bytes:
    """The answer to one request on a connection of its own."""
    sent = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head(path, sent) + sent)
        told, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    if b" 200 " not in told.partition(b"\r\n")[0]:
        raise ValueError(f"{path} answered {told[:40]!r}: {answer[:200]!r}")
    return answer


def head(path: str, body: bytes) -> bytes:
    fields = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"POST {path} HTTP/1.0\r\n{fields}\r\n\r\n".encode()


def row(what: str, words: int, clients: int, times: list[float], spent: float) -> dict[str, Any]:
    cuts = statistics.quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    found = {
        "what": what,
        "words": words,
        "clients": clients,
        "requests": len(times),
        "requests_per_second": round(len(times) / spent, 2),
        "words_per_second": round(words * len(times) / spent),
        "milliseconds": {f"p{p}": round(1000 * cuts[p - 1], 1) for p in (50, 90, 99)},
    }
    print(", ".join(f"{key} {value}" for key, value in found.items()), flush=True)
    return found


if __name__ == "__main__":
    main()
