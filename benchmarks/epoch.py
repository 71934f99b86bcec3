"""What a training step costs beside the encoder's own forward and backward pass, on LitBank's documents.

python benchmarks/epoch.py results/epoch.json

The two are timed alternately on the same batches. The whole step is windows, encoder, mentions, pruning, matrix, losses
and backward; the optimiser's step, the same for both, is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from lehr.coref.problem import CorefProblem
from lehr.experiments.recipe import load_recipe
from lehr.files import write_text
from lehr.kd.trainer import bf16_pays
from lehr.versions import versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--recipe", type=Path, default=Path("recipes/coref/minilm-litbank.yaml"))
    parser.add_argument("--documents", type=int, default=16)
    options = parser.parse_args()

    recipe = load_recipe(options.recipe)
    problem, student = recipe.problem(), recipe.models["student"]
    assert isinstance(problem, CorefProblem)
    model = problem.model(student).train()
    collate = problem.inputs(student).collator
    encoder_seconds, step_seconds, ratios = [], [], []
    for example in problem.train[: options.documents + 1]:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16_pays()):
            began = time.perf_counter()
            batch = collate([example])
            model(**batch).loss.backward()
            whole = time.perf_counter() - began
            model.zero_grad()
            began = time.perf_counter()
            model.encode(batch["input_ids"], batch["attention_mask"]).mean().backward()
            encoder = time.perf_counter() - began
            model.zero_grad()
        encoder_seconds.append(encoder)
        step_seconds.append(whole)
        ratios.append(whole / encoder)
    # The first document warms up.
    result = {
        "documents": options.documents,
        "threads": torch.get_num_threads(),
        "bf16": bf16_pays(),
        "encoder_seconds_median": round(statistics.median(encoder_seconds[1:]), 3),
        "step_seconds_median": round(statistics.median(step_seconds[1:]), 3),
        "step_over_encoder_median": round(statistics.median(ratios[1:]), 3),
        "versions": versions(),
    }
    write_text(options.result, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
