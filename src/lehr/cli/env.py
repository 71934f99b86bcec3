"""`lehr env`: what a bug report should begin with."""

from __future__ import annotations

from typing import Annotated

import typer


def env(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print what a bug report should begin with: versions, processor, model, folders.

    Nothing of it leaves this machine by itself.

    Examples:

        lehr env
        lehr env --json > env.json
    """
    from ..versions import environment

    found = environment()
    if as_json:
        from json import dumps

        typer.echo(dumps(found, indent=1))
    else:
        width = max(map(len, found))
        for name, value in found.items():
            typer.echo(f"{name:{width}}  {'not installed' if value is None else value}")
