"""A service with the shipped model, in this process and in one of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

pytest.importorskip("fastapi", reason="the service is an extra: pip install 'lehr[serve]'")

from starlette.testclient import TestClient

from lehr.resolver import Resolver
from lehr.serve import create

Serving = Callable[..., AbstractContextManager[tuple[str, "subprocess.Popen[str]"]]]


@pytest.fixture(scope="session")
def resolver() -> Resolver:
    return Resolver.from_pretrained(threads=1)


@pytest.fixture(scope="session")
def client(resolver: Resolver) -> Iterator[TestClient]:
    with TestClient(create(resolver)) as client:
        yield client


@contextmanager
def _serving(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a `lehr serve` on a free port, and its process, which is ended."""
    command = [sys.executable, "-m", "lehr", "serve", "--port", "0", "--threads", "1", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield line.split()[3].rstrip("/"), process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


@pytest.fixture(scope="session")
def serving() -> Serving:
    return _serving


@pytest.fixture(scope="session")
def address(serving: Serving) -> Iterator[str]:
    """That of a service as it is started by `lehr serve`."""
    with serving() as (address, _):
        yield address
