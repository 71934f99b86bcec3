"""The command line: one file a command, each of which imports what it needs only when it runs."""

from __future__ import annotations

import sys

import typer

from .. import __version__
from .bench import bench
from .check import check
from .distill import distill
from .env import env
from .eval import evaluate
from .experiment import app as experiment
from .export import export
from .resolve import resolve
from .score import score
from .serve import serve
from .train import app as train

app = typer.Typer(
    name="lehr",
    help="Who is who: coreference resolution on a CPU, and the tools that make its models.",
    no_args_is_help=True,
    add_completion=False,
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
app.command()(bench)
app.command()(env)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"lehr {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line; what the user can mend is told in one sentence, and the exit status is 1."""
    try:
        app()
    except (ValueError, OSError, ImportError) as error:
        typer.echo(f"lehr: {error}", err=True)
        sys.exit(1)
