"""What resolvers score that answer together, by the mean of their logits, on the documents of a recipe.

python benchmarks/average.py results/coref-large-average.json recipes/coref/large.yaml runs/large/model runs/other/model

Calibration and thresholds of the mean are fitted to the development part, as those of one resolver are.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm.auto import tqdm

from lehr.coref.data import Collator, Example
from lehr.coref.network import Ensemble
from lehr.coref.prediction import Prediction, tune
from lehr.coref.problem import CorefProblem, matrix_of
from lehr.coref.trainer import by_name
from lehr.experiments.recipe import load_recipe
from lehr.files import write_text
from lehr.kd.teacher import ask
from lehr.versions import versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path)
    parser.add_argument("recipe", help="whose `dev` documents decide, and whose `test` documents are scored")
    parser.add_argument("models", nargs="+", help="folders of resolvers, one or more")
    parser.add_argument("--data", default="../shared/data")
    options = parser.parse_args()

    problem = load_recipe(options.recipe, [f"data={options.data}"]).problem()
    if not isinstance(problem, CorefProblem):
        sys.exit(f"{options.recipe} is no recipe of coreference; give one with `documents`")
    spec = {"members": options.models}
    model = problem.model(spec).eval()
    assert isinstance(model, Ensemble)
    config = copy.deepcopy(model.config)
    collator = Collator(problem.inputs(spec).windower, model.config.max_width, problem.language, to_learn=False)
    dev = tune(asked(model, collator, problem.dev), config)
    test = problem.scored(asked(model, collator, problem.test_examples), config)
    parts = {"validation_scores": by_name(*dev), "test_scores": test}
    scores = {part: {name: round(100 * f1, 3) for name, f1 in own.items()} for part, own in parts.items()}
    about = {"models": len(options.models), "recipe": options.recipe}
    write_text(options.result, json.dumps({**about, **scores, "versions": versions()}, indent=1) + "\n")
    print(*(f"{part}: {own['conll_f1']:.1f}" for part, own in scores.items()), sep="\n")


def asked(model: Ensemble, collator: Collator, examples: Sequence[Example]) -> list[Prediction]:
    found = []
    for example in tqdm(examples, unit="document"):
        logits = ask(model, collator([example]))[0].numpy()
        found.append(Prediction(example, matrix_of(logits, example, model.config)))
    return found


if __name__ == "__main__":
    main()
