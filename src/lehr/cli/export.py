"""`lehr export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = (
    "Mary Ann called her brother on Sunday. She told him that the old house by the river had been sold, and that "
    "its new owners, the Millers, wanted to move in before Christmas. Tom was not pleased. "
    "“They might have asked me,” he said to his sister."
)


def export(
    model: Annotated[Path, typer.Argument(help="A trained model's folder.", exists=True, file_okay=False)],
    directory: Annotated[Path, typer.Argument(help="Folder to write; made if absent.", file_okay=False)],
    int8: Annotated[bool, typer.Option("--int8", help="Quantise the weights: a quarter of the size.")] = False,
    vocabulary: Annotated[
        int | None, typer.Option(help="Word pieces to keep, by rank; all if not given.", min=200)
    ] = None,
    title: Annotated[str, typer.Option(help="The model's name on its card.")] = "A coreference resolver",
) -> None:
    """Write a trained model as ONNX, with its tokenizer, its card and an example: what `lehr resolve --model` reads.

    The example is the model's own answer to a short text, which `lehr check` asks for again.
    """
    from ..extras import needs

    needs("train")
    import json

    from ..coref.card import model_card
    from ..coref.export import export as write
    from ..coref.prediction import load
    from ..files import write_text
    from ..resolver import Resolver, store_example

    write(*load(model), directory, int8=int8, vocabulary=vocabulary)
    training = model / "training.json"
    if training.exists():
        config = json.loads((directory / "config.json").read_text("utf-8"))
        card = model_card(title, json.loads(training.read_text("utf-8")), config)
        write_text(directory / "README.md", card)
    else:
        typer.echo(f"{training} is not there, so no model card was written", err=True)
    store_example(Resolver.from_pretrained(directory), EXAMPLE)
    size = sum(file.stat().st_size for file in directory.iterdir() if file.is_file())
    typer.echo(f"{directory}: {size / 1e6:.1f} MB")
