"""Resolvers that were trained to be compared, and what training costs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from lehr.cli.score import DISTANCES

from .cells import ROOT, header, mean, of_seeds, per_cent, ratio, read, row

SCORERS = ("one-pass", "antecedent")
STUDENTS = {"text": "3 layers of MiniLM, MRPC, batch 32", "images": "ResNet-8, CIFAR-10, batch 128"}
"""What `distillation.json` is of."""


def heads() -> Iterable[str]:
    """Both heads on the same encoder, over seeds."""
    yield from header("head", "seeds", "mentions", "MUC", "B³", "CEAF-e", "CoNLL F1, test", "dev")
    for scorer in SCORERS:
        runs = of_seeds(f"minilm-litbank/{scorer}-*.json")
        names = ("mention", "muc", "b_cubed", "ceaf_e", "conll")
        parts = [[run["test_scores"][f"{name}_f1"] / 100 for run in runs] for name in names]
        parts.append([run["validation"] / 100 for run in runs])
        yield row(scorer, len(runs), *map(mean, parts))


def heads_links() -> Iterable[str]:
    """Their links by distance, the mean over seeds."""
    found = {scorer: of_seeds(f"minilm-litbank/links/{scorer}-*.json") for scorer in SCORERS}
    yield from header("distance", *(f"{scorer}, {what}" for scorer in SCORERS for what in ("recall", "precision")))
    for band, label in {**DISTANCES, "all": "all"}.items():
        links = [[run["coreference"]["links"][band] for run in found[scorer]] for scorer in SCORERS]
        yield row(label, *(mean([link[what] for link in runs]) for runs in links for what in ("recall", "precision")))


def large() -> Iterable[str]:
    """The resolver that teaches, each time it was trained, and one that was trained for longer."""
    results = {"4, bfloat16": read("coref-large.json"), "4, bfloat16, the first": read("coref-large-first.json")}
    results |= {"4, float32": read("coref-large-float32.json"), "10, bfloat16": read("coref-large-10.json")}
    results |= {"4, bfloat16, calibrated by kinds": read("coref-large-kinds.json")}
    results |= {"the same, and from GAP's passages": read("coref-large-gap.json")}
    yield from header("epochs, in", "data", "mentions", "MUC", "B³", "CEAF-e", "CoNLL F1")
    names = ("mention", "muc", "b_cubed", "ceaf_e", "conll")
    for about, result in results.items():
        dev = {name: 100 * score for name, score in result["stages"][-1]["scores"].items()}
        for label, scores, pattern in (
            ("LitBank, split 0, dev part; singletons in", dev, "{}_f1"),
            ("LitBank, split 0, test part; singletons in", result["test_scores"], "{}_f1"),
            ("OntoGUM dev, 15 genres; no singletons", result["test_scores"], "chains_{}_f1_without_singletons"),
        ):
            *parts, conll = (f"{scores[pattern.format(name)]:.1f}" for name in names)
            yield row(about, label, *parts, f"**{conll}**")
    yield ""
    yield "CoNLL F1 on the development part after each epoch:"
    yield ""
    for result in results.values():
        log = result["stages"][-1]["log"]
        epochs = ", ".join(f"{100 * entry['eval_conll_f1']:.1f}" for entry in log if "eval_conll_f1" in entry)
        yield f"- {epochs}; {result['seconds'] / 60:.0f} minutes"


def students() -> Iterable[str]:
    """Students of the large resolver as an edge device runs them, between it and the shipped model."""
    files = sorted((ROOT / "results/students").glob("*-[0-9].json"), key=lambda path: path.stem.rsplit("-", 1))
    rows = [("the large model, ten epochs", "students/teacher.json")]
    rows += [("the same, four epochs, with kinds and GAP's development part", "students/teacher-gap.json")]
    rows += [("{}, seed {}".format(*path.stem.rsplit("-", 1)), f"students/{path.name}") for path in files]
    yield from header("int8", "MB", "LitBank test", "OntoGUM dev", "GAP validation", "masculine", "feminine")
    rows += [("four layers, annealed, trained in bfloat16", "students/four-layers.json")]
    rows += [("the same, trained in float32", "students/four-layers-float32.json")]
    rows += [("six layers from annotation alone, `minilm.yaml`", "students/minilm.json")]
    rows += [("six layers, annealed, as below", "edge-en-without-kinds.json")]
    rows += [("the same, calibrated by kinds", "students/six-layers-calibrated.json")]
    rows += [("the shipped model: the same, and names have a say", "edge-en-runtime.json")]
    rows += [("six layers again, taught with kinds and by longer documents", "students/six-layers-kinds.json")]
    rows += [("six layers again, taught with kinds and GAP's annotation", "students/six-layers-gap.json")]
    for label, name in rows:
        found = read(name)["int8"]
        clusters = [found[part]["scores"]["conll"] for part in ("litbank_test", "ontogum_dev")]
        gap = [found["gap_validation"][f1] for f1 in ("f1", "masculine_f1", "feminine_f1")]
        yield row(label, found["megabytes"], *map(per_cent, clusters + gap))


def against() -> Iterable[str]:
    """The shipped model less the same layers from annotation alone, on the parts that there are."""
    parts = {"LitBank test": "litbank-test", "LitBank dev": "litbank-dev", "OntoGUM dev": "ontogum-dev"}
    rows = {"mentions": "mentions", "conll": "CoNLL mean"} | {key: f"links {label}" for key, label in DISTANCES.items()}
    found = [read(f"against-minilm/{name}.json") for name in parts.values()]
    yield from header("F1", *parts)
    for key, label in rows.items():
        cells = []
        for part in found:
            of = {name: f"{100 * value:+.1f}" for name, value in part["against"]["differences"][key].items()}
            few = key in DISTANCES and part["coreference"]["links"][key]["gold"] < 100
            cells.append("–" if few else f"{of['difference']} ({of['low']} to {of['high']})")
        yield row(label, *cells)


def step() -> Iterable[str]:
    """A training step beside its encoder."""
    found = read("epoch.json")
    yield (
        f"On LitBank, a whole step (windows, encoder, pruning, matrix, losses, backward) takes "
        f"{found['step_over_encoder_median']:.2f} times as long as the encoder's own forward and backward pass: "
        f"{found['step_seconds_median']:.2f} s against {found['encoder_seconds_median']:.2f} s a document, medians of "
        f"{found['documents']} documents, {found['threads']} threads."
    )


def kept() -> Iterable[str]:
    """A step of annealed regression with kept logits beside one of plain fine-tuning."""
    result = read("distillation.json")
    yield from header("student", "plain step, s", "with kept logits, s", "ratio")
    for key, label in STUDENTS.items():
        step = result[key]["step"]
        seconds = [f"{step[f'{kind}_seconds'][1]:.3f}" for kind in ("plain", "kept")]
        yield row(label, *seconds, ratio(step["kept_over_plain"]))
    yield ""
    yield f"Pairs of steps on the same batch, in turn: {result['text']['step']['pairs']}; {result['threads']} threads."


def online() -> Iterable[str]:
    """Whole runs of Annealing-KD with an online teacher beside those with kept logits."""
    result = read("distillation.json")
    yield from header("student", "teacher", "rows", "epochs", "views", "kept, s", "online, s", "ratio")
    for key, label in STUDENTS.items():
        run, far = result[key]["run"], result[key]["far"]
        teacher = far.get("from", far.get("network")).rpartition("/")[2]
        seconds = [f"{statistics.median(run[f'{kind}_seconds']):.1f}" for kind in ("kept", "online")]
        sizes = [f"{run[name]:,}" for name in ("rows", "epochs", "views")]
        yield row(label, teacher, *sizes, *seconds, ratio(run["online_over_kept"]))


def toolkits() -> Iterable[str]:
    """Seconds per step of plain KD by lehr and by other toolkits."""
    result = read("distillation.json")
    yield from header("student", "toolkit", "teacher's logits", "step, s", "times lehr's, online", "times lehr's, kept")
    for key, label in STUDENTS.items():
        for name, variants in result[key]["peers"].items():
            if name in ("batches", "rounds", "versions"):
                continue
            for variant, found in variants.items():
                over = [ratio(found[f"over_lehr_{kind}"]) for kind in ("online", "kept")]
                yield row(label, name, variant, f"{found['seconds'][1]:.3f}", *over)
    peers = result["text"]["peers"]
    versions = " and ".join(f"{name} {found[name]}" for name, found in peers["versions"].items())
    yield ""
    yield (
        f"{peers['rounds']} rounds of {peers['batches']} steps each, in turn; {result['threads']} threads; {versions}."
    )
