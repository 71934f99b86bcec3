"""What a model's entities do with GAP's pronouns that GAP's F1 does not ask for.

python benchmarks/gap_entities.py results/gap-entities/shipped.json
python benchmarks/gap_entities.py results/gap-entities/NAME.json --model DIR

Of all passages: how many pronouns are one with the names as annotated, with both, or with neither; and in how many
entities *he* and *she* are one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lehr.evaluation import read_data
from lehr.files import write_text
from lehr.formats.gap import GapExample
from lehr.resolver import Resolver, shipped_model
from lehr.versions import versions

HE, SHE = {"he", "him", "his", "himself"}, {"she", "her", "hers", "herself"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--model", type=Path, default=shipped_model(), help="exported model; the shipped one if absent")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()

    resolver = Resolver.from_pretrained(options.model)
    examples = read_data([options.data / "gap/gap-validation.tsv"]).examples
    counts = dict.fromkeys(("passages", "as_annotated", "with_both", "with_neither", "he_with_she"), 0)
    for example in examples:
        for name, number in judged(resolver, example).items():
            counts[name] += number
    write_text(options.result, json.dumps({"versions": versions(), **counts}, indent=1) + "\n")
    print(counts)


def judged(resolver: Resolver, example: GapExample) -> dict[str, int]:
    document = resolver(example.document)
    place = {
        document.words_at(mention.start, mention.end): number
        for number, cluster in enumerate(document.clusters)
        for mention in cluster.mentions
    }
    pronoun, a, b = (place.get(document.words_at(*span)) for span in (example.pronoun, example.a, example.b))
    found = pronoun is not None and pronoun == a, pronoun is not None and pronoun == b
    texts = [{mention.text.lower() for mention in cluster.mentions} for cluster in document.clusters]
    return {
        "passages": 1,
        "as_annotated": found == (example.a_coref, example.b_coref),
        "with_both": all(found),
        "with_neither": not any(found),
        "he_with_she": sum(bool(HE & words and SHE & words) for words in texts),
    }


if __name__ == "__main__":
    main()
