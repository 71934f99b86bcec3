"""Whether the probabilities of an exported model mean what they say, before and after calibration.

python benchmarks/calibration.py results/calibration.json --figure docs/calibration.svg

"Before" are the logits as the graphs give them, "after" is what `config.json` makes of them, as training has fitted it.
Counted are, in the scheme that a document follows:

- mentions: all candidates, and whether they are mentions;
- links: all pairs of candidates that pass the mention threshold, and whether they are mentions of one entity;
- reported: the link of each mention of an answer to its antecedent, and whether that is right.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from lehr.calibration import Outcomes, are_links, are_mentions, reliability
from lehr.decoding import Floats, probability
from lehr.document import Document
from lehr.evaluation import Data, read_data
from lehr.files import write_text
from lehr.resolver import Resolver, shipped_model
from lehr.resolver.encoding import Encoding
from lehr.resolver.model import Model
from lehr.versions import versions

Read = list[tuple[Document, Encoding, Floats]]
"""Documents, as the model sees them, with their pair logits before calibration."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--model", type=Path, default=shipped_model(), help="exported model; the shipped one if absent")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--figure", type=Path, help="SVG of the reliability diagrams to draw")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()

    splits = options.data / "litbank/splits/0"
    litbank = {part: read_data([options.data / "litbank/conll"], splits / f"{part}.ids") for part in ("dev", "test")}
    ontogum = read_data([options.data / "ontogum/dev"])
    resolver = Resolver.from_pretrained(options.model, threads=options.threads)
    config = resolver.config
    result = {
        "versions": versions(),
        "mention_scale": config.mention_scale,
        "mention_shift": config.mention_shift,
        "mention_threshold": config.mention_threshold,
        "link_scale": config.link_scale,
        "link_shift": config.link_shift,
        "kind_shift": config.kind_shift,
        "litbank_dev": measure(resolver, encoded(resolver, litbank["dev"]), "entities"),
        "litbank_test": measure(resolver, encoded(resolver, litbank["test"]), "entities"),
        "ontogum_dev": measure(resolver, encoded(resolver, ontogum), "chains"),
    }
    write_text(options.result, json.dumps(result, indent=1) + "\n")
    if options.figure:
        draw(result, options.figure)


def encoded(resolver: Resolver, data: Data) -> Read:
    model = Model(resolver.directory)
    model.config = dataclasses.replace(model.config, link_scale=1.0, link_shift=0.0, kind_shift=[])
    plain = Resolver(model)
    return [(one, resolver.encode(one), plain.encode(one).matrix.pair_logits) for one in data.documents]


def measure(resolver: Resolver, read: Read, scheme: str) -> dict[str, Any]:
    """Reliability before and after calibration."""
    found: dict[str, Any] = {}
    for name, of in (("mentions", mentions), ("links", links)):
        found[name] = {
            when: reliability(probability(logits), outcomes).as_dict()
            for when, (logits, outcomes) in (
                ("before", of(resolver, read, scheme, raw=True)),
                ("after", of(resolver, read, scheme, raw=False)),
            )
        }
    return {"documents": len(read), **found, "reported": reliability(*reported(resolver, read, scheme)).as_dict()}


def mentions(resolver: Resolver, read: Read, scheme: str, *, raw: bool) -> tuple[Floats, Outcomes]:
    """The logits of all candidates, and which are mentions."""
    logits = [mention_logits(resolver, encoding, scheme, raw=raw) for _, encoding, _ in read]
    outcomes = [are_mentions(encoding.matrix.spans, document) for document, encoding, _ in read]
    return np.concatenate(logits), np.concatenate(outcomes)


def links(resolver: Resolver, read: Read, scheme: str, *, raw: bool) -> tuple[Floats, Outcomes]:
    """The logits of all pairs of candidates that pass the mention threshold, and which are links."""
    config = resolver.config
    logits, outcomes = [], []
    for document, encoding, before in read:
        kept = mention_logits(resolver, encoding, scheme, raw=False) >= logit(config.mention_threshold)
        pairs = before if raw else encoding.matrix.pair_logits
        logits.append(pairs[np.ix_(kept, kept)][np.triu_indices(int(kept.sum()), 1)])
        outcomes.append(are_links(encoding.matrix.spans[kept], document))
    return np.concatenate(logits), np.concatenate(outcomes)


def reported(resolver: Resolver, read: Read, scheme: str) -> tuple[Floats, Outcomes]:
    """The probability of the link of each mention of an answer, and whether it is right."""
    found, right = [], []
    for document, encoding, _ in read:
        for cluster in resolver(encoding, scheme=scheme).clusters:
            for mention in cluster.mentions:
                if mention.antecedent is not None:
                    pair = np.array([cluster.mentions[mention.antecedent].span, mention.span])
                    found.append(mention.link)
                    right.append(are_links(pair, document)[0])
    return np.array(found, np.float64), np.array(right)


def mention_logits(resolver: Resolver, encoding: Encoding, scheme: str, *, raw: bool) -> Floats:
    logits = encoding.matrix.mention_logits
    return (logits if raw else resolver.config.calibrated(logits))[resolver.config.schemes.index(scheme)]


def logit(value: float) -> float:
    return math.log(value / (1 - value))


def draw(result: dict[str, Any], path: Path) -> None:
    """What came true by what was said, a panel for mentions and one for links, before and after."""
    from matplotlib.figure import Figure

    from lehr.experiments.figures import COLOURS, save, style

    lines = [
        ("LitBank test, before", "litbank_test", "before", COLOURS[1]),
        ("LitBank test, after", "litbank_test", "after", COLOURS[0]),
        ("OntoGUM dev, before", "ontogum_dev", "before", COLOURS[4]),
        ("OntoGUM dev, after", "ontogum_dev", "after", COLOURS[2]),
    ]
    with style():
        figure = Figure(figsize=(8.4, 4.0), layout="constrained")
        for place, name in enumerate(("mentions", "links"), 1):
            axes = figure.add_subplot(1, 2, place)
            axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
            for label, data, when, colour in lines:
                bins = result[data][name][when]
                points = [
                    (p, o) for n, p, o in zip(bins["count"], bins["predicted"], bins["observed"], strict=True) if n
                ]
                axes.plot(
                    *zip(*points, strict=True), marker="o", markersize=3, linewidth=1.4, color=colour, label=label
                )
            axes.set(title=name, xlabel="probability said", ylabel="share that came true", aspect="equal")
            axes.legend(fontsize=8)
        save(figure, path)


if __name__ == "__main__":
    main()
