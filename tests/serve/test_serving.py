"""`lehr serve` as a process: who reaches it, clients that vanish or dawdle, and its end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from lehr.serve import Limits
from lehr.serve.server import listen

Serving = Callable[..., AbstractContextManager[tuple[str, "subprocess.Popen[str]"]]]
NOVEL = "Mary said she was tired. Tom gave her his coat, and she thanked him. " * 1000


def post(address: str, path: str, **asked: object) -> bytes:
    headers = {"content-type": "application/json"}
    with urlopen(Request(address + path, json.dumps(asked).encode(), headers), timeout=120) as answer:
        return answer.read()


def connect(address: str) -> socket.socket:
    url = urlsplit(address)
    assert url.hostname is not None
    return socket.create_connection((url.hostname, url.port), timeout=60)


def request(body: bytes, path: str = "/resolve/stream") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def test_it_listens_on_loopback(address: str) -> None:
    assert urlsplit(address).hostname == "127.0.0.1"
    assert json.loads(post(address, "/resolve", text="Mary said she was tired."))["clusters"]


def test_an_address_that_is_empty_or_not_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="--host is empty"):
        listen("", 0, Limits())
    with pytest.raises(OSError, match="choose another --host"):
        listen("192.0.2.1", 0, Limits())  # of no machine


def test_who_sends_too_much_is_told_so(address: str) -> None:
    with pytest.raises(HTTPError) as refused:
        post(address, "/resolve", text="x" * 20_000_000)
    assert refused.value.code == 413
    assert b"of at most 8,000,000: send less" in refused.value.read()


def test_clients_that_vanish_or_dawdle_hold_nothing_up(address: str) -> None:
    novel = json.dumps({"text": NOVEL}).encode()
    dawdling = [connect(address) for _ in range(12)]
    for number, client in enumerate(dawdling):
        client.sendall(request(novel)[: 200 if number % 2 else None])  # half of them never end their request
    for client in dawdling[:6]:
        client.close()  # the others never read their answer
    for _ in range(3):
        assert json.loads(post(address, "/resolve", text="Mary said she was tired."))["clusters"]
    for client in dawdling[6:]:
        client.close()


def test_a_connection_on_which_nothing_comes_is_ended() -> None:
    """Before the first request, in the middle of its head, and after an answer."""
    code = """
from lehr.resolver import Resolver
from lehr.serve import Limits, run
run(Resolver.from_pretrained(threads=1), "127.0.0.1", 0, Limits(patience=0.5), lambda at: print(at, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            for sent in (b"", b"GET / HT", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /"):
                with connect(address) as client:
                    client.sendall(sent)
                    while client.recv(2**16):
                        pass
        finally:
            process.terminate()
            process.wait(60)


def test_an_answer_that_has_begun_is_ended_when_the_service_is_told_to_stop(serving: Serving) -> None:
    with serving() as (address, process):
        client = connect(address)
        text = json.dumps({"text": NOVEL[:2000], "horizon": 50}).encode()
        client.sendall(request(text))
        answer = client.recv(100)
        process.send_signal(signal.SIGTERM)
        while piece := client.recv(2**16):
            answer += piece
        assert b'{"done":' in answer
        assert process.wait(60) in (0, -signal.SIGTERM)
        assert process.stderr is not None
        assert "Mary" not in process.stderr.read()


def test_an_address_that_is_taken(address: str) -> None:
    command = [sys.executable, "-m", "lehr", "serve", "--port", str(urlsplit(address).port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith("lehr: 127.0.0.1, port ")
    assert "choose another --port" in done.stderr


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from lehr.cli import main

    monkeypatch.setattr("lehr.extras.find_spec", lambda package: None)
    monkeypatch.setattr(sys, "argv", ["lehr", "serve"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.endswith("pip install 'lehr[serve]'\n")


def test_the_page_is_packaged() -> None:
    """The wheel takes everything below `src/lehr`; that nothing of the page is ignored by git is all it needs."""
    folder = Path(__file__).parents[2] / "src" / "lehr" / "serve" / "page"
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert {"index.html", "page.css", "page.js", "text.js", "entities.js", "light.js", "service.js"} <= names
