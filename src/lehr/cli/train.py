"""`lehr train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .distill import distill

HELP = """Train a model as a recipe says (needs `pip install 'lehr\\[train]'`).

A recipe is one YAML file; --set changes a key of it for one run.

Examples:

    lehr train coref recipes/coref/edge-en.yaml
    lehr train glue recipes/glue/teacher.yaml --set task=glue/mrpc
    lehr train images recipes/cifar10/teacher.yaml
"""
GLUE = """Fine-tune a classifier on a GLUE task: a teacher, or a student from scratch.

It is `lehr distill` under another name, for recipes without a teacher.

Examples:

    lehr train glue recipes/glue/teacher.yaml --set task=glue/mrpc
    lehr train glue recipes/glue/teacher.yaml --output runs/rte --resume
"""
IMAGES = """Train an image classifier on CIFAR: a teacher, or a student from scratch.

It is `lehr distill` under another name, for recipes without a teacher.

Examples:

    lehr train images recipes/cifar10/teacher.yaml
    lehr train images recipes/cifar100/teacher.yaml --set seed=2
"""

app = typer.Typer(help=HELP, no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command()
def coref(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A YAML file, as in recipes/coref.", exists=True, dir_okay=False)
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe: training.seed=2. Repeatable."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for checkpoints, logs and the model.", show_default="runs/RECIPE"),
    ] = None,
    result: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Another copy, in results/ say, of OUTPUT/model/training.json: what ran and what it scored.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the output folder.")
    ] = False,
) -> None:
    """Train a coreference resolver.

    The best epoch by CoNLL F1 on the development part is kept in OUTPUT/model;
    watch the run with: tensorboard --logdir OUTPUT
    For several processes: accelerate launch -m lehr train coref RECIPE

    Examples:

        lehr train coref recipes/coref/edge-en.yaml --output runs/mine
        lehr train coref recipes/coref/edge-en.yaml --set training.seed=2
        lehr train coref recipes/coref/edge-en.yaml --resume
    """
    from ..extras import needs

    needs("train")
    from accelerate import PartialState  # type: ignore[import-untyped]

    from ..coref.recipe import load_recipe
    from ..coref.training import train, write_result

    folder = output or Path("runs") / recipe.stem
    outcome = train(load_recipe(recipe, settings or []), folder, resume=resume)
    if PartialState().is_main_process:
        for path in filter(None, (folder / "model/training.json", result)):
            write_result(path, outcome)
        typer.echo(f"{folder / 'model'}: CoNLL F1 {100 * outcome['dev_conll']:.1f} on the development part")


app.command("glue", help=GLUE)(distill)
app.command("images", help=IMAGES)(distill)
