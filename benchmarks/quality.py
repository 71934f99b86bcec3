"""What an exported model scores and how fast it is, float32 beside int8 and gold words beside raw text.

python benchmarks/quality.py results/edge-en-runtime.json --float32 runs/edge-en/onnx

Without a model of its own, int8 is the shipped one; without one in float32, the scores that the result has of it stay.
The two are timed alternately on the same documents; on a machine that does other work the ratio means more than either.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from lehr.document import Document
from lehr.evaluation import Resolve, evaluate, evaluate_gap, from_text, read_data
from lehr.files import write_text
from lehr.resolver import Resolver, shipped_model
from lehr.versions import versions

REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--int8", type=Path, default=shipped_model(), help="exported model; the shipped one if absent")
    parser.add_argument("--float32", type=Path, help="the same model, exported in float32")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()

    paths = {"int8": options.int8, "float32": options.float32}
    models = {
        name: Resolver.from_pretrained(path, threads=options.threads)
        for name, path in paths.items()
        if path is not None
    }
    litbank = read_data([options.data / "litbank/conll"], options.data / "litbank/splits/0/test.ids").documents
    ontogum = read_data([options.data / "ontogum/dev"]).documents
    gap = read_data([options.data / "gap/gap-validation.tsv"]).examples

    before = json.loads(options.result.read_text("utf-8")) if options.result.exists() else {}
    result: dict[str, object] = {"versions": versions(), "int8": None, "float32": before.get("float32")}
    for name, model in models.items():
        entities = functools.partial(model, scheme="entities", singletons=True)
        chains = functools.partial(model, scheme="chains", singletons=False)
        result[name] = {
            "megabytes": round(sum(f.stat().st_size for f in model.directory.iterdir() if f.is_file()) / 1e6, 1),
            "litbank_test": evaluate(entities, litbank).as_dict(),
            "litbank_test_raw_text": evaluate(from_text(entities), litbank).as_dict(),
            "litbank_test_all_schemes": evaluate(functools.partial(model, singletons=True), litbank).as_dict(),
            "litbank_test_gold_mentions": evaluate(linking(entities), litbank, gold_mentions=True).as_dict(),
            "ontogum_dev": evaluate(chains, ontogum, singletons=False).as_dict(),
            "ontogum_dev_raw_text": evaluate(from_text(chains), ontogum, singletons=False).as_dict(),
            "ontogum_dev_all_schemes": evaluate(model, ontogum, singletons=False).as_dict(),
            "ontogum_dev_gold_mentions": evaluate(
                linking(chains), ontogum, singletons=False, gold_mentions=True
            ).as_dict(),
            "ontogum_dev_by_genre": {
                genre: evaluate(chains, documents, singletons=False).scores.as_dict()
                for genre, documents in by_genre(ontogum).items()
            },
            "gap_validation": evaluate_gap(model, gap).as_dict(),
        }
        print(f"{name}: scored")
    result["seconds_for_litbank_test"] = time_alternately(models, litbank)
    write_text(options.result, json.dumps(result, indent=1) + "\n")


def linking(model: Callable[..., Document]) -> Resolve:
    """The model, linking the mentions of a document and finding none."""
    return lambda document: model(document, mentions=chain.from_iterable(c.mentions for c in document.clusters))


def by_genre(documents: list[Document]) -> dict[str, list[Document]]:
    genres: dict[str, list[Document]] = {}
    for document in documents:
        genres.setdefault(document.id.split("_")[1], []).append(document)
    return genres


def time_alternately(models: dict[str, Resolve], documents: list[Document]) -> dict[str, object]:
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(REPEATS):
        for name, model in models.items():
            began = time.perf_counter()
            for document in documents:
                model(document)
            seconds[name].append(round(time.perf_counter() - began, 3))
    words = sum(len(document.words) for document in documents)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "runs": seconds,
        "words": words,
        "words_per_second": {name: round(words / median) for name, median in medians.items()},
        **({"float32_over_int8": round(medians["float32"] / medians["int8"], 2)} if len(models) == 2 else {}),
    }


if __name__ == "__main__":
    main()
