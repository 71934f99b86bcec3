"""The model card, made from what the training run left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .unlabelled import sources as without_annotation

MEASURES = ("mention", "muc", "b_cubed", "ceaf_e", "conll")

TEMPLATE = """\
---
license: apache-2.0
language: {language}
library_name: lehr
pipeline_tag: token-classification
tags: [coreference-resolution, onnx]
---

# {title}

Coreference resolution: which words of a text mean the same person, place or thing. Runs on a CPU with ONNX Runtime and
without torch.

```python
from lehr import Resolver

resolver = Resolver.from_pretrained("path/to/this/folder")
for cluster in resolver("Mary said she was tired.").clusters:
    print([mention.text for mention in cluster.mentions])
```

`lehr check path/to/this/folder` compares its answer to the stored example with the stored one.

## How it was made

- Encoder: {encoder}, windows of {window} word pieces, read with {precision} weights.
- Head: {scorer}; a span position matrix after our own reading of the abstract of arXiv:2007.04301.
- Training: {epochs:g} epochs, {minutes:.1f} minutes, seed {seed}:
{sources}
- Best epoch, calibration and thresholds chosen on the development part ({dev}){validation}.

## Scores

Those of the training run on its test part, which chose nothing, in per cent: in the precision it trained in, with its
whole vocabulary, gold words, predicted mentions.

{scores}

## Limits

- {reads}. The annotation schemes it has learned: {schemes}.
- Spans of more than {width} words are never found. What it was not trained on may go worse than these scores.
- It repeats the regularities of its training data, stereotypes about gender among them; see the score by gender where
  one is given. Do not let it decide about people.
- Speakers of a dialogue are not given to the model.

Made with lehr {version}, torch {torch}, transformers {transformers}.
"""


def model_card(title: str, result: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The card in Markdown.

    Args:
        title: the model's name.
        result: what `lehr.experiments.recipe.carry_out` returned for a resolver.
        config: the `config.json` of the export.
    """
    return TEMPLATE.format(
        **_made(result),
        title=title,
        language=config["language"],
        reads="English only" if config["language"] == "en" else f"Only the language `{config['language']}`",
        window=config["window"],
        width=config["max_width"],
        precision=config["precision"],
        scorer=config["scorer"],
        schemes=", ".join(config["schemes"]),
        epochs=result["epochs"],
        seed=result["seed"],
        version=config["lehr_version"],
        torch=result["versions"]["torch"],
        transformers=result["versions"]["transformers"],
    )


def _made(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the card says of how a resolver was made, and of its scores."""
    documents, student = result["recipe"]["documents"], result["student"]
    layers = f", layers {', '.join(map(str, student['layers']))}" if student.get("layers") else ""
    sources = list(_sources(documents["train"]))
    if result["teacher"]:
        titles = " and ".join(stage["title"] for stage in result["stages"])
        sources.append(f"  - {titles}; taught by {', '.join(map(_name, result['teacher'].values()))}")
        for drawn in without_annotation(documents):
            words = f"{drawn['words']:,} words of " if drawn.get("words") else ""
            sources.append(f"  - without annotation: {words}{drawn.get('about') or ', '.join(drawn['files'])}")
    return {
        "encoder": student["from"] + layers,
        "minutes": result["seconds"] / 60,
        "sources": "\n".join(sources),
        "dev": _about(documents.get("dev") or []),
        "validation": "" if result["validation"] is None else f": CoNLL F1 {result['validation']:.1f}",
        "scores": _scores(result["test_scores"], [source["scheme"] for source in documents["train"]]),
    }


def _scores(scores: Mapping[str, float], schemes: Sequence[str]) -> str:
    """Those of the test part as a table."""
    lines = ["| scheme | singletons | mentions F1 | MUC | B³ | CEAF-e | CoNLL F1 |", "|---" * 7 + "|"]
    for number, scheme in enumerate(dict.fromkeys(schemes)):
        names = [f"{scheme}_{name}_f1" if number else f"{name}_f1" for name in MEASURES]
        dropped = [f"{name}_without_singletons" for name in names]
        rows = [("with", names), ("without", dropped)] if dropped[0] in scores else [("as annotated", names)]
        for singletons, row in rows:
            if row[0] in scores:
                lines.append(f"| {scheme} | {singletons} | {' | '.join(f'{scores[name]:.1f}' for name in row)} |")
    return "\n".join(lines) if len(lines) > 2 else "There was no test part."


def _name(model: str | Mapping[str, Any]) -> str:
    """A teacher's, from how a recipe describes it."""
    return (
        model if isinstance(model, str) else str(model["from"] if "from" in model else " and ".join(model["members"]))
    )


def _sources(sources: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    for source in sources:
        yield f"  - `{source['scheme']}`: {source.get('about') or ', '.join(source['files'])}"


def _about(sources: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(source.get("about") or source["scheme"] for source in sources) or "there was none"
