"""`lehr distill`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def distill(
    context: typer.Context,
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE",
            help="A YAML file, as in recipes/glue, recipes/cifar10 and recipes/coref.",
            exists=True,
            dir_okay=False,
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe: method=kd, seed=2. Repeatable."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for checkpoints and the student.", show_default="runs/RECIPE"),
    ] = None,
    result: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Another copy, in results/ say, of OUTPUT/result.json: what ran and what it scored."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run in the output folder stopped, amid a stage too.")
    ] = False,
) -> None:
    """Train a student from a teacher, by Annealing-KD or another method.

    Stage after stage as the recipe says; the teacher's logits are computed once
    and kept for every run that can use them. The student is left in
    OUTPUT/model. For several processes: accelerate launch -m lehr distill RECIPE

    Examples:

        lehr distill recipes/glue/mpnet-minilm.yaml --set task=glue/mrpc
        lehr distill recipes/glue/mpnet-minilm.yaml --set method=kd --set seed=2
        lehr distill recipes/cifar10/short.yaml --resume
        lehr distill recipes/coref/edge-en.yaml --set data=my/corpora
    """
    from ..extras import needs

    needs("train")
    from accelerate import PartialState  # type: ignore[import-untyped]

    from ..experiments.recipe import begun, carry_out, load_recipe
    from ..files import place, write_text

    if result is not None:
        place(result)  # before hours of training: it is written after them
    folder = output or Path("runs") / recipe.stem
    read = load_recipe(recipe, settings or [])
    if context.info_name != "distill" and context.info_name != read.family:
        raise ValueError(f"{recipe} is of {read.task}: `lehr train {read.family}` is for it")
    if resume and not begun(folder) and PartialState().is_main_process:
        typer.echo(f"lehr: {folder} holds no run to go on with, and one begins there", err=True)
    outcome = carry_out(read, folder, resume=resume)
    if PartialState().is_main_process:
        if result is not None:
            write_text(result, (folder / "result.json").read_text("utf-8"))
        scores = [
            f"{outcome[part]:.1f} on the {part} part" for part in ("test", "validation") if outcome[part] is not None
        ]
        typer.echo(f"{folder / 'model'}: {outcome['metric']} {', '.join(scores) or 'was not measured'}")
