"""One process that serves until it is told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from errno import EADDRNOTAVAIL

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from ..resolver import Resolver
from .api import create
from .gate import LOOPBACK
from .limits import Limits


def run(resolver: Resolver, host: str, port: int, limits: Limits, told: Callable[[str], object]) -> None:
    """Serve until SIGINT or SIGTERM; requests that are being worked on then have `limits.grace` seconds to end.

    Args:
        port: 0 for any that is free.
        told: is called with the address of the page once connections are taken.

    Raises:
        OSError: if the address cannot be bound.
    """
    bound = listen(host, port, limits)
    address = bound.getsockname()
    local = ipaddress.ip_address(address[0]).is_loopback
    name = f"[{address[0]}]" if ":" in address[0] else address[0]
    app = create(resolver, limits, hosts=LOOPBACK | {name} if local else None)
    config = uvicorn.Config(
        app,
        http=_protocol(limits.patience),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=int(limits.grace),
        lifespan="on",
    )
    told(f"http://{name}:{address[1]}/")
    with bound:
        uvicorn.Server(config).run(sockets=[bound])


def _protocol(patience: float) -> type[H11Protocol]:
    """HTTP/1.1 on which a client has `patience` seconds to begin a request; once it has, the gate has an eye on it."""

    class Patient(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.watch = self.loop.call_later(patience, self.look, None)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self.watch.cancel()  # it would hold what was sent

        def look(self, before: RequestResponseCycle | None) -> None:
            """End the connection if nothing has happened on it since it was looked at before."""
            idle = self.cycle is None or self.cycle.response_complete
            if idle and self.cycle is before:
                self.transport.close()
            elif not self.transport.is_closing():
                self.watch = self.loop.call_later(patience, self.look, self.cycle)

    return Patient


def listen(host: str, port: int, limits: Limits) -> socket.socket:
    """A socket that listens; the system ends connections whose client takes nothing for twice the patience.

    Raises:
        OSError: if the address cannot be bound.
        ValueError: if there is none; the system would take that for all of them.
    """
    if not host:
        raise ValueError("--host is empty: name an address, 127.0.0.1 for this machine, 0.0.0.0 for all")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(2000 * limits.patience))
        bound.bind((host, port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        other = "--host" if isinstance(error, socket.gaierror) or error.errno == EADDRNOTAVAIL else "--port"
        raise OSError(
            f"{host}, port {port}, cannot be listened at ({error.strerror}): choose another {other}"
        ) from error
    return bound
