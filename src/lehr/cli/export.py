"""`lehr export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A trained model's folder.", exists=True, file_okay=False)
    ],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; made if absent.", file_okay=False)],
    int8: Annotated[bool, typer.Option("--int8", help="Quantise the weights: a quarter of the size.")] = False,
    vocabulary: Annotated[
        int | None, typer.Option(metavar="N", help="Word pieces to keep, by rank; all if not given.", min=200)
    ] = None,
    title: Annotated[
        str, typer.Option(metavar="TITLE", help="The model's name on its card.")
    ] = "A coreference resolver",
    example: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A short text for the example; for English there is one.", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Write a trained model as ONNX, for `lehr resolve --model` and the others.

    Its tokenizer and its card stand beside it, and an example: the model's own
    answer to a short text, which `lehr check` asks for again.

    Examples:

        lehr export runs/edge-en/model my-model --int8
        lehr export runs/edge-en/model my-model --int8 --vocabulary 28074
        lehr export runs/edge-de/model my-german-model --example passage.txt
    """
    from ..extras import needs

    needs("train")
    from tempfile import TemporaryDirectory

    from ..coref.card import model_card
    from ..coref.export import export as write
    from ..coref.prediction import load
    from ..files import read_object, write_text
    from ..formats import read_source
    from ..language import language
    from ..resolver import Resolver, store_example

    if (directory / "model.safetensors").exists():
        raise ValueError(f"{directory} holds a trained model, which would be written over: name another folder")
    card, training = directory / "README.md", model / "training.json"
    if card.exists() and not (directory / "config.json").exists():
        raise ValueError(f"{card} is no model's card, and would be written over: name another folder")
    made = read_object(training) if training.exists() else {}
    trained, tokenizer = load(model)
    text = read_source(example) if example else language(trained.config.language).example
    if not text:
        raise ValueError(
            f"no example is known in the language {trained.config.language!r} of {model}: name a file with a short "
            "text in which somebody is mentioned again, --example FILE"
        )
    directory.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as aside:
        folder = Path(aside)
        write(trained, tokenizer, folder, int8=int8, vocabulary=vocabulary)
        try:
            write_text(folder / "README.md", model_card(title, made, read_object(folder / "config.json")))
        except (AttributeError, LookupError, TypeError, ValueError):
            what = "is not of a resolver that this version has trained" if made else "is not there"
            typer.echo(f"{training} {what}, so no model card was written", err=True)
        store_example(Resolver.from_pretrained(folder), text)
        directory.mkdir(exist_ok=True)
        for file in folder.iterdir():
            file.replace(directory / file.name)
    size = sum(file.stat().st_size for file in directory.iterdir() if file.is_file())
    typer.echo(f"{directory}: {size / 1e6:.1f} MB")
