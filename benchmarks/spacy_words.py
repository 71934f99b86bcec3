"""Whose words lehr should read in a spaCy pipeline: its own, moved outward to spaCy's tokens, or spaCy's.

python benchmarks/spacy_words.py results/spacy-words.json

The texts are LitBank's, development part of split 0, and OntoGUM's development part, as running text; what is found is
aligned to the gold words, so that a tokenizer which cuts otherwise than the annotators is charged for it.
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path

import spacy

from lehr.evaluation import Resolve, align, evaluate, from_text, read_data
from lehr.files import write_text
from lehr.integrations.spacy import words_of
from lehr.resolver import Resolver
from lehr.versions import versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()

    resolver = Resolver.from_pretrained(threads=options.threads)
    blank, with_sentences = spacy.blank("en"), spacy.blank("en")
    with_sentences.add_pipe("sentencizer")
    litbank = read_data([options.data / "litbank/conll"], options.data / "litbank/splits/0/dev.ids").documents
    ontogum = read_data([options.data / "ontogum/dev"]).documents
    data = {
        "litbank_dev": (litbank, functools.partial(resolver, scheme="entities", singletons=True), True),
        "ontogum_dev": (ontogum, functools.partial(resolver, scheme="chains", singletons=False), False),
    }
    result: dict[str, object] = {"versions": versions()}
    for name, (documents, resolve, singletons) in data.items():
        ways = {
            "gold words": resolve,
            "lehr's words": from_text(resolve),
            "lehr's words, moved outward to spaCy's": moved_outward(blank, from_text(resolve)),
            "spaCy's words, lehr's sentences": in_words_of(blank, resolve),
            "spaCy's words and sentencizer": in_words_of(with_sentences, resolve),
        }
        result[name] = {
            way: evaluate(answer, documents, singletons=singletons).scores.as_dict() for way, answer in ways.items()
        }
        print(f"{name}: scored")
    write_text(options.result, json.dumps(result, indent=1) + "\n")


def moved_outward(nlp: spacy.Language, resolve: Resolve) -> Resolve:
    """As a component that gives spaCy's text to lehr would do it."""
    return lambda document: align(align(resolve(document), words_of(nlp(document.text))[0]), document)


def in_words_of(nlp: spacy.Language, resolve: Resolve) -> Resolve:
    """As the component does it."""
    return lambda document: align(resolve(words_of(nlp(document.text))[0]), document)


if __name__ == "__main__":
    main()
