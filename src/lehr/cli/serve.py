"""`lehr serve`."""

from __future__ import annotations

from typing import Annotated

import typer


def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0 for any that is free.")] = 8000,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A folder or hub id; by default lehr's own model.")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Compute each answer on N threads; 1 for many clients, by default all."),
    ] = None,
    megabytes: Annotated[float, typer.Option(metavar="MB", help="What a request may weigh.")] = 8,
    requests: Annotated[int, typer.Option(metavar="N", help="Requests that are worked on or wait.")] = 32,
    seconds: Annotated[float, typer.Option(metavar="S", help="What a request may take.")] = 600,
) -> None:
    """Serve a page and a REST API, in one process, offline.

    The page is to be opened in a browser; the API is described at
    /openapi.json. Only this machine can reach it unless --host says otherwise.
    Nothing of a text is written anywhere. Ctrl-C ends it.

    Examples:

        lehr serve
        lehr serve --port 9000 --model my-model
        curl localhost:8000/resolve --json '{"text": "Mary said she slept."}'
    """
    from ..extras import needs

    needs("serve")
    from ..resolver import Resolver
    from ..serve import Limits, run

    limits = Limits(megabytes=megabytes, held=2 * megabytes, requests=requests, seconds=seconds)
    resolver = Resolver.from_pretrained(model, threads=threads)
    run(resolver, host, port, limits, lambda address: typer.echo(f"lehr is at {address} (Ctrl-C ends it)"))
