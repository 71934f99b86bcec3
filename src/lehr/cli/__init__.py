"""The command line: one file a command, each of which imports what it needs only when it runs."""

from __future__ import annotations

import os
import sys
import warnings
from typing import TextIO

import typer

from .bench import bench
from .check import check
from .check_data import check_data
from .distill import distill
from .env import env
from .eval import evaluate
from .experiment import app as experiment
from .export import export
from .resolve import resolve
from .score import score
from .serve import serve
from .train import app as train

HELP = """Who is who: coreference resolution on a CPU, and the tools that make its models.

Every command has a --help of its own, with examples.

Examples:

    lehr resolve --text "Mary said she was tired."
    lehr resolve novel.txt --output novel.html
    lehr serve
"""

app = typer.Typer(
    name="lehr",
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(resolve)
app.command()(serve)
app.command()(score)
app.command("eval")(evaluate)
app.add_typer(train, name="train")
app.command()(distill)
app.add_typer(experiment, name="experiment")
app.command()(export)
app.command()(check)
app.command("check-data")(check_data)
app.command()(bench)
app.command()(env)


def _version(show: bool) -> None:
    if show:
        from .. import __version__

        typer.echo(f"lehr {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line; what the user can mend is told in one sentence, and the exit status is 1."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed, as a daemon's are
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _tell
            app()
    except (ValueError, OSError, ImportError, Warning) as error:  # warnings, where `python -W error` makes them fatal
        reason = str(error)
        if isinstance(error, OSError) and error.filename and error.strerror:
            reason = f"{error.filename}: {error.strerror}"
        typer.echo(f"lehr: {reason}", err=True)
        sys.exit(1)


def _tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning: one of lehr's own as the sentence it is, any other as Python does."""
    own = category.__module__.startswith("lehr.")
    told = f"lehr: {message}\n" if own else warnings.formatwarning(message, category, filename, lineno)
    typer.echo(told, nl=False, err=True)
