"""Whether the probabilities of an exported model mean what they say, before and after calibration.

python benchmarks/calibration.py results/calibration.json --figure docs/calibration.svg
python benchmarks/calibration.py results/calibration.json --fit  # first fit and write the mentions' scale and shift

"Before" are the logits as the graphs give them, "after" is what `config.json` makes of them. With --fit, the mentions'
calibration is fitted to LitBank's development part and written there; the threshold is moved along, so that the same
spans are mentions as before. Counted are, in the scheme that a document follows:

- mentions: all candidates, and whether they are mentions;
- links: all pairs of candidates that pass the mention threshold, and whether they are mentions of one entity;
- reported: the link of each mention of an answer to its antecedent, and whether that is right.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from lehr.calibration import Outcomes, are_links, are_mentions, fit, reliability
from lehr.decoding import Floats, probability
from lehr.document import Document
from lehr.evaluation import Data, read_data
from lehr.files import write_text
from lehr.resolver import Resolver, shipped_model
from lehr.resolver.encoding import Encoding
from lehr.versions import versions

Read = list[tuple[Document, Encoding]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--model", type=Path, default=shipped_model(), help="exported model; the shipped one if absent")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--fit", action="store_true", help="fit the mentions on the development part, and write it")
    parser.add_argument("--figure", type=Path, help="SVG of the reliability diagrams to draw")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()

    splits = options.data / "litbank/splits/0"
    litbank = {part: read_data([options.data / "litbank/conll"], splits / f"{part}.ids") for part in ("dev", "test")}
    ontogum = read_data([options.data / "ontogum/dev"])
    resolver = Resolver.from_pretrained(options.model, threads=options.threads)
    if options.fit:
        write_fit(resolver, encoded(resolver, litbank["dev"]))
        resolver = Resolver.from_pretrained(options.model, threads=options.threads)
    config = resolver.config
    result = {
        "versions": versions(),
        "mention_scale": config.mention_scale,
        "mention_shift": config.mention_shift,
        "mention_threshold": config.mention_threshold,
        "link_scale": config.link_scale,
        "link_shift": config.link_shift,
        "litbank_dev": measure(resolver, encoded(resolver, litbank["dev"]), "entities"),
        "litbank_test": measure(resolver, encoded(resolver, litbank["test"]), "entities"),
        "ontogum_dev": measure(resolver, encoded(resolver, ontogum), "chains"),
    }
    write_text(options.result, json.dumps(result, indent=1) + "\n")
    if options.figure:
        draw(result, options.figure)


def encoded(resolver: Resolver, data: Data) -> Read:
    return [(document, resolver.encode(document)) for document in data.documents]


def write_fit(resolver: Resolver, dev: Read) -> None:
    """Write the mentions' calibration, and the threshold that keeps the same mentions, into the model's `config.json`.

    All schemes get that of the one whose documents there are to fit to, as in training.
    """
    config, path = resolver.config, resolver.directory / "config.json"
    old = set(zip(config.mention_scale, config.mention_shift, strict=True)) or {(1.0, 0.0)}
    if config.scorer != "one-pass" or len(old) > 1:
        raise SystemExit(f"{path} ranks antecedents, or training has calibrated each scheme: there is nothing to fit")
    ((old_scale, old_shift),) = old
    scale, shift = fit(*mentions(resolver, dev, "entities", raw=True))
    raw_threshold = (logit(config.mention_threshold) - old_shift) / old_scale
    threshold = float(probability(np.array(scale * raw_threshold + shift)))
    values = json.loads(path.read_text("utf-8")) | {"mention_threshold": threshold}
    values |= {"mention_scale": [scale] * len(config.schemes), "mention_shift": [shift] * len(config.schemes)}
    write_text(path, json.dumps(values, indent=1) + "\n")


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
    logits = [mention_logits(resolver, encoding, scheme, raw=raw) for _, encoding in read]
    outcomes = [are_mentions(encoding.matrix.spans, document) for document, encoding in read]
    return np.concatenate(logits), np.concatenate(outcomes)


def links(resolver: Resolver, read: Read, scheme: str, *, raw: bool) -> tuple[Floats, Outcomes]:
    """The logits of all pairs of candidates that pass the mention threshold, and which are links."""
    config = resolver.config
    logits, outcomes = [], []
    for document, encoding in read:
        kept = mention_logits(resolver, encoding, scheme, raw=False) >= logit(config.mention_threshold)
        pairs = encoding.matrix.pair_logits[np.ix_(kept, kept)][np.triu_indices(int(kept.sum()), 1)]
        logits.append((pairs - config.link_shift) / config.link_scale if raw else pairs)
        outcomes.append(are_links(encoding.matrix.spans[kept], document))
    return np.concatenate(logits), np.concatenate(outcomes)


def reported(resolver: Resolver, read: Read, scheme: str) -> tuple[Floats, Outcomes]:
    """The probability of the link of each mention of an answer, and whether it is right."""
    found, right = [], []
    for document, encoding in read:
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
    import matplotlib
    from matplotlib.figure import Figure

    from lehr.experiments.figures import COLOURS, STYLE, save

    lines = [
        ("LitBank test, before", "litbank_test", "before", COLOURS[1]),
        ("LitBank test, after", "litbank_test", "after", COLOURS[0]),
        ("OntoGUM dev, before", "ontogum_dev", "before", COLOURS[4]),
        ("OntoGUM dev, after", "ontogum_dev", "after", COLOURS[2]),
    ]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
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
