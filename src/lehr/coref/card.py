"""The model card, made from what the training run left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
- Training: {epochs:g} epochs, {minutes:g} minutes, seed {seed}, {documents} documents:
{sources}
- Best epoch, calibration and thresholds chosen on the development part ({dev}).

## Scores

Those of the training run, in per cent: in the precision it trained in, with its whole vocabulary, gold words, predicted
mentions. The test part chose nothing.

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
        result: what `training.train` returned.
        config: the `config.json` of the export.
    """
    recipe, versions = result["recipe"], result["versions"]
    return TEMPLATE.format(
        title=title,
        language=config["language"],
        reads="English only" if config["language"] == "en" else f"Only the language `{config['language']}`",
        encoder=recipe["encoder"],
        window=config["window"],
        width=config["max_width"],
        precision=config["precision"],
        scorer=config["scorer"],
        schemes=", ".join(config["schemes"]),
        epochs=result["epochs"],
        minutes=result["minutes_of_training"],
        seed=result["seed"],
        documents=result["documents"]["train"],
        sources="\n".join(_sources(recipe["train"])),
        dev="; ".join(source["about"] or source["scheme"] for source in recipe["dev"]),
        scores=_table(result),
        version=config["lehr_version"],
        torch=versions["torch"],
        transformers=versions["transformers"],
    )


def _sources(sources: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    for source in sources:
        yield f"  - `{source['scheme']}`: {source['about'] or ', '.join(source['files'])}"


def _table(result: Mapping[str, Any]) -> str:
    rows = [
        "| part | scheme | singletons | mentions F1 | MUC | B³ | CEAF-e | CoNLL F1 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for part in ("dev", "test"):
        for scheme, variants in result[part].items():
            for singletons, scores in variants.items():
                cells = [scores[m]["f1"] for m in ("mentions", "muc", "b_cubed", "ceaf_e")] + [scores["conll"]]
                figures = " | ".join(f"{100 * cell:.1f}" for cell in cells)
                rows.append(f"| {part} | {scheme} | {singletons.split('_')[0]} | {figures} |")
    return "\n".join(rows)
