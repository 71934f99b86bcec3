"""`lehr train`."""

from __future__ import annotations

import typer

from .distill import distill

HELP = """Train a model as a recipe says (needs `pip install 'lehr\\[train]'`).

A recipe is one YAML file; --set changes a key of it for one run.

Examples:

    lehr train coref recipes/coref/large.yaml
    lehr train glue recipes/glue/teacher.yaml --set task=glue/mrpc
    lehr train images recipes/cifar10/teacher.yaml
"""
COREF = """Train a coreference resolver on annotated documents.

It is `lehr distill` under another name, for recipes without a teacher.
The best epoch by CoNLL F1 on the development part is kept in OUTPUT/model.

Examples:

    lehr train coref recipes/coref/minilm.yaml --output runs/mine
    lehr train coref recipes/coref/minilm.yaml --set seed=2
    lehr train coref recipes/coref/minilm.yaml --resume
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


app.command("coref", help=COREF)(distill)
app.command("glue", help=GLUE)(distill)
app.command("images", help=IMAGES)(distill)
