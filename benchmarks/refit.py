"""Fit thresholds and calibration of an exported model anew, to the development documents of a recipe, without training.

python benchmarks/refit.py src/lehr/models/edge_en recipes/coref/edge-en.yaml

Training does the same with the trained weights; this does it with the graphs that ship, and writes their `config.json`
and the example that `lehr check` answers.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from lehr.coref.annotated import Annotated
from lehr.coref.configuration import DECISIONS, LehrConfig
from lehr.coref.data import Example
from lehr.coref.network import Matrix
from lehr.coref.prediction import Prediction, tune
from lehr.files import write_text
from lehr.kd.recipe import read_recipe
from lehr.resolver import Resolver, store_example
from lehr.resolver.example import read_example
from lehr.resolver.model import Model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="exported model, whose config.json is written anew")
    parser.add_argument("recipe", type=Path, help="whose `dev` documents count")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()

    model = Model(options.model)
    as_they_are = {"link_scale": 1.0, "link_shift": 0.0, "kind_shift": []}
    model.config = dataclasses.replace(model.config, **as_they_are)
    resolver, schemes = Resolver(model), model.config.schemes
    config = LehrConfig(scorer=model.config.scorer, schemes=schemes, language=model.config.language)
    sources = [Annotated(**given) for given in read_recipe(options.recipe)["documents"]["dev"]]
    examples = [e for s in sources for e in s.examples(options.data, schemes.index(s.scheme), config.language)]
    scores = tune([predicted(resolver, example) for example in examples], config)
    print(*(f"{scheme}: CoNLL F1 {100 * of.conll:.2f}" for scheme, of in zip(schemes, scores, strict=True)), sep="\n")

    path = options.model / "config.json"
    fields = json.loads(path.read_text("utf-8")) | {name: getattr(config, name) for name in DECISIONS}
    write_text(path, json.dumps(fields, indent=1) + "\n")
    text, _ = read_example(options.model)
    store_example(Resolver.from_pretrained(options.model), text)


def predicted(resolver: Resolver, example: Example) -> Prediction:
    matrix = resolver.encode(example.document).matrix
    return Prediction(example, Matrix(matrix.spans, matrix.mention_logits, matrix.pair_logits, matrix.kinds))


if __name__ == "__main__":
    main()
