"""How many requests a second `lehr serve` answers on this machine, and how long each takes.

python benchmarks/serve.py results/serve.json

Starts a service of its own on loopback and ends it. Each measurement is bounded in requests and in seconds; clients ask
one after the other, so that as many requests are on their way as there are clients.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lehr.files import write_text
from lehr.formats.text import split_words
from lehr.versions import versions

PASSAGE = Path(__file__).parent.parent / "examples" / "oliver_twist.txt"
CLIENTS = {"sentence": (1, 8), "page": (1, 8), "chapter": (1, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--requests", type=int, default=200, help="at most, for each measurement")
    parser.add_argument(
        "--seconds", type=float, default=5, help="at most, for each measurement, but for the last requests"
    )
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()

    page = PASSAGE.read_text("utf-8")
    texts = {"sentence": "Mary said she was tired.", "page": page, "chapter": "\n\n".join([page] * 9)}
    threads = [] if options.threads is None else ["--threads", str(options.threads)]
    command = [sys.executable, "-m", "lehr", "serve", "--port", "0", *threads]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = urlsplit(process.stdout.readline().split()[3])
            assert address.hostname == "127.0.0.1"
            assert address.port is not None
            measured = asyncio.run(measure(address.port, texts, options.requests, options.seconds))
        finally:
            process.terminate()
            process.wait(60)
    result = {"versions": versions(), "threads": options.threads, "measurements": measured}
    write_text(options.result, json.dumps(result, indent=1) + "\n")


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
        head = (
            f"POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}"
        )
        writer.write(f"{head}\r\n\r\n".encode() + sent)
        head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise ValueError(f"{path} answered {head[:40]!r}: {answer[:200]!r}")
    return answer


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
