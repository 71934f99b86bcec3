"""`lehr env`: what a bug report should begin with."""

from __future__ import annotations

import typer


def env() -> None:
    """Print the versions that a bug report should begin with."""
    from ..versions import versions

    found = versions()
    width = max(map(len, found))
    for name, number in found.items():
        typer.echo(f"{name:{width}}  {number or 'not installed'}")
