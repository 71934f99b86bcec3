"""`lehr check`."""

from __future__ import annotations

from typing import Annotated

import typer


def check(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A folder or hub id; by default lehr's own model.", show_default=False),
    ] = None,
) -> None:
    """See that a model is whole and answers as it did when it was made.

    Beside every model lies a text with the clusters that were found in it. It is
    resolved anew; if other clusters are found, as a damaged file or a faulty
    runtime may cause, this says which, and the exit status is 1.

    Examples:

        lehr check
        lehr check my-model
    """
    from ..resolver import Resolver

    resolver = Resolver.from_pretrained(model)
    resolver.check()
    typer.echo(f"{resolver.directory} is whole and answers as it did when it was made")
