"""Writes the tables of README.md, of some pages and of the shipped model's card from results/, between their markers.

python benchmarks/tables.py          # rewrite
python benchmarks/tables.py --check  # fail if a file does not say what results/ say
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CARD = "src/lehr/models/edge_en/README.md"
FILES = ("README.md", "docs/results.md", "docs/performance.md", "docs/corpora.md", "docs/serve.md", CARD)
AS_SHIPPED = """\
### As it ships

int8 weights, its own vocabulary; float32 beside it. Predicted mentions; the test parts chose nothing.

<!-- table: scores -->
<!-- end -->

Pairs of mentions of a gold cluster by the words between their beginnings; LitBank's test part, singletons in:

<!-- table: links -->
<!-- end -->

OntoGUM dev by genre, no singletons; two documents a genre, so that a few points mean little:

<!-- table: genres -->
<!-- end -->

"""
"""What `lehr export` cannot know of the model in the package: its card has it where its limits begin."""
BANDS = {
    "same_sentence": "in one sentence",
    "up_to_50": "up to 50 words",
    "up_to_200": "51 to 200",
    "up_to_1000": "201 to 1,000",
    "beyond_1000": "over 1,000",
}


def main() -> None:
    stale = []
    for name in FILES:
        path = ROOT / name
        old = path.read_text("utf-8")
        marked = old.replace("## Limits", AS_SHIPPED + "## Limits") if name == CARD and "<!-- table" not in old else old
        new = re.sub(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", fill, marked, flags=re.DOTALL)
        if new != old:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(new, "utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"{', '.join(stale)}: tables differ from results/; run python benchmarks/tables.py")


def fill(marker: re.Match[str]) -> str:
    return marker[1] + "\n".join(TABLES[marker[2]]()) + "\n" + marker[3]


def read(name: str) -> Any:
    return json.loads((ROOT / "results" / name).read_text("utf-8"))


def scores() -> Iterable[str]:
    """The shipped model on all data, int8 beside float32."""
    runtime = read("edge-en-runtime.json")
    rows = [
        ("LitBank, split 0, test part; singletons in", "litbank_test"),
        ("LitBank, the same as running text", "litbank_test_raw_text"),
        ("OntoGUM dev, 15 genres; no singletons", "ontogum_dev"),
        ("OntoGUM, the same as running text", "ontogum_dev_raw_text"),
    ]
    yield from header("data", "mentions", "MUC", "B³", "CEAF-e", "CoNLL F1", "float32")
    for label, key in rows:
        both = [runtime[precision][key]["scores"] for precision in ("int8", "float32")]
        parts = [both[0][metric]["f1"] for metric in ("mentions", "muc", "b_cubed", "ceaf_e")]
        yield row(label, *map(per_cent, parts), f"**{per_cent(both[0]['conll'])}**", per_cent(both[1]["conll"]))
    gap, plain = (runtime[precision]["gap_validation"] for precision in ("int8", "float32"))
    yield ""
    yield (
        f"GAP validation: F1 {per_cent(gap['f1'])} (masculine {per_cent(gap['masculine_f1'])}, feminine "
        f"{per_cent(gap['feminine_f1'])}, bias {gap['bias']:.2f}); in float32 {per_cent(plain['f1'])}."
    )


def speed() -> Iterable[str]:
    """Words per second and size."""
    runtime = read("edge-en-runtime.json")
    timed = runtime["seconds_for_litbank_test"]
    yield from header("weights", "MB with tokenizer", "words per second")
    for precision, speed in timed["words_per_second"].items():
        yield row(precision, runtime[precision]["megabytes"], f"{speed:,}")
    yield ""
    ratio = timed.get("float32_over_int8")
    slower = f"float32 takes {ratio} times as long; medians" if ratio else "Median"
    about = runtime["versions"]
    vnni = " with VNNI" if "vnni" in about.get("instructions", "") else ""
    yield f"{slower} of five runs over LitBank's test part; {about['processor']}{vnni}."


def genres() -> Iterable[str]:
    """OntoGUM dev by genre."""
    by_genre = read("edge-en-runtime.json")["int8"]["ontogum_dev_by_genre"]
    yield from header("genre", "mentions", "CoNLL F1")
    for genre, found in sorted(by_genre.items(), key=lambda item: -item[1]["conll"]):
        yield row(genre, per_cent(found["mentions"]["f1"]), per_cent(found["conll"]))


def links() -> Iterable[str]:
    """The shipped model's links by distance."""
    found = read("edge-en-runtime.json")["int8"]["litbank_test"]["links"]
    yield from header("distance", "gold links", "recall", "precision")
    for key, label in BANDS.items():
        band = found[key]
        yield row(label, f"{band['gold']:,}", per_cent(band["recall"]), per_cent(band["precision"]))


def calibration() -> Iterable[str]:
    """Expected calibration error of the shipped model."""
    found = read("calibration.json")
    labels = {
        "litbank_dev": "LitBank dev, fitted to",
        "litbank_test": "LitBank test",
        "ontogum_dev": "OntoGUM dev, `chains`",
    }
    kinds = ("mentions, before", "after", "links, before", "after", "links reported")
    yield from header("data", *kinds)
    for key, label in labels.items():
        part = found[key]
        bins = [part[kind][when] for kind in ("mentions", "links") for when in ("before", "after")]
        yield row(label, *(per_cent(each["expected_calibration_error"]) for each in (*bins, part["reported"])))
    yield ""
    counts = ", ".join(
        f"{sum(found['litbank_test'][kind]['after']['count']):,} {kind}" for kind in ("mentions", "links")
    )
    yield f"Counted on LitBank test: {counts}, {sum(found['litbank_test']['reported']['count']):,} reported."


def growth() -> Iterable[str]:
    """Time and memory by the length of a document."""
    result = read("long.json")
    yield from header("words", "CPU seconds", "words per CPU second", "peak MiB", "mentions", "entities")
    for run in result["growth"]["runs"].values():
        words, seconds = run["words"], run["cpu_seconds"]
        counts = [f"{run[name]:,}" for name in ("mib_peak", "mentions", "entities")]
        yield row(f"{words:,}", f"{seconds:.1f}", f"{words / seconds:,.0f}", *counts)
    exponent, parts = result["growth"]["exponent"], result["profile"]["cpu_seconds"]
    novel, total = result["novel"], sum(parts.values())
    shares = ", ".join(f"{name} {100 * seconds / total:.0f}" for name, seconds in parts.items())
    yield ""
    yield (
        f"Time grows as length to the power of {exponent['all']:.2f}, from 20,000 words {exponent['from_20000']:.2f}. "
        f"Of {result['profile']['words']:,} words, parts of the time in per cent: {shares}; all but the encoder is "
        f"{result['profile']['of_encoder']:.2f} of it. *The Secret Garden*, {novel['words']:,} words: "
        f"{novel['read_seconds'] + novel['resolve_seconds']:.1f} s on {novel['threads']} threads, "
        f"{novel['mib_peak']:,} MiB."
    )


def horizon() -> Iterable[str]:
    """F1 of LitBank's documents, decided a few words at a time."""
    found = read("long.json")["horizon"]
    yield from header("words decided at once", *(f"CoNLL F1, {split}" for split in found), "links over 1,000, test")
    for words in found["test"]:
        label = "all" if words == "whole" else f"{int(words):,}"
        scores = [per_cent(part[words]["scores"]["conll"]) for part in found.values()]
        yield row(label, *scores, per_cent(found["test"][words]["links"]["beyond_1000"]["f1"]))


def joined() -> Iterable[str]:
    """F1 of documents that were joined."""
    labels = {
        "alone": "alone, whole",
        "joined_by_fives_whole": "joined by fives, whole",
        "joined_by_fives": "joined by fives, in blocks",
        "all_joined": "all joined, in blocks",
    }
    found = read("long.json")["joined"]
    kinds = {"scores": "as one", "scores_by_document": "document by document"}
    yield from header("documents", *(f"{label}, {split}" for split in found for label in kinds.values()))
    for key, label in labels.items():
        yield row(label, *(per_cent(part[key][kind]["conll"]) for part in found.values() for kind in kinds))


def step() -> Iterable[str]:
    """A training step beside its encoder."""
    found = read("epoch.json")
    yield (
        f"On LitBank, a whole step (windows, encoder, pruning, matrix, losses, backward) takes "
        f"{found['step_over_encoder_median']:.2f} times as long as the encoder's own forward and backward pass: "
        f"{found['step_seconds_median']:.2f} s against {found['encoder_seconds_median']:.2f} s a document, medians of "
        f"{found['documents']} documents, {found['threads']} threads."
    )


STUDENTS = {"text": "3 layers of MiniLM, MRPC, batch 32", "images": "ResNet-8, CIFAR-10, batch 128"}
"""What `distillation.json` is of."""


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


def ratio(quartiles: Sequence[float]) -> str:
    low, middle, high = quartiles
    return f"**{middle:.3f}** ({low:.3f} to {high:.3f})"


ENCODERS = {
    "lehr": "the shipped model, int8",
    "fastcoref": "DistilRoBERTa",
    "maverick": "DeBERTa-v3-large",
    "spacy-coref": "MiniLMv2-L12, encoder alone",
}


def resolvers() -> Iterable[str]:
    """Other resolvers beside lehr, and how far off the targets are."""
    result = read("resolvers.json")
    found, settings = result["resolvers"], result["settings"]
    speeds, peaks = "words/s, documents", "peak MB, documents"
    yield from header(
        "resolver", speeds, "openings", "paragraph, ms", "cold start, s", peaks, "openings", "installed MB"
    )
    for name, its in found.items():
        speed, peak = its["words_per_second"], its["peak_mb"]
        cells = [speed.get("documents"), speed["openings"], its["paragraph_ms"], its["cold_start_seconds"]]
        cells += [peak.get("documents"), peak["openings"], its["installed_mb"]]
        shown = ["–" if cell is None else f"{cell:,.0f}" if cell >= 10 else f"{cell:.1f}" for cell in cells]
        weights = f" + {its['weights_mb']:,.0f}" if its["weights_mb"] else ""
        yield row(f"{name}: {ENCODERS[name]}", *shown[:-1], shown[-1] + weights)
    yield ""
    words, texts = settings["words"], settings["texts"]
    pieces = [its["pieces_per_word"]["openings"] for its in found.values() if "pieces_per_word" in its]
    spans = [found[name]["kept_per_word"]["openings"] for name in ("fastcoref", "maverick")]
    yield (
        f"{texts['documents']} documents of {words['documents']:,} words in all, {texts['openings']} openings of "
        f"{words['openings']}, a paragraph of {words['paragraph']}; {settings['threads']} threads; medians of "
        f"{min(its['rounds'] for its in found.values())} rounds or more; installed MB + weights. The peers' words are "
        f"{min(pieces):.2f} to {max(pieces):.2f} pieces; fastcoref keeps {spans[0]:.2f} spans a word, "
        f"Maverick {spans[1]:.2f}."
    )
    yield ""
    beside = result["over_lehr"]["fastcoref"]
    yield from header("lehr beside fastcoref", "measured", "target")
    yield row("words per second, documents", f"{1 / beside['words_per_second']['documents']:.1f} times", "20 times")
    yield row("peak memory, documents", f"1/{beside['peak_mb']['documents']:.1f}", "1/4")
    yield row("installed, without fastcoref's weights", f"1/{beside['installed_mb']:.1f}", "1/10")
    yield ""
    parts = [f"{package} {size:.0f}" for package, size in found["lehr"]["largest_packages_mb"].items()]
    yield f"What lehr installs, the largest first, MB: {', '.join(parts)}."


SCORERS = ("one-pass", "antecedent")


def bench() -> Iterable[str]:
    """What the shipped model's time goes into, on one thread and on all."""
    found = read("bench.json")["times"]
    yield from header("", *("1 thread" if t["threads"] == 1 else "all threads" for t in found))
    yield row(f"{found[0]['words']:,} words, words per second", *(f"{t['words_per_second']:,.0f}" for t in found))

    def milliseconds(name: str, seconds: Iterable[float]) -> str:
        return row(name, *(f"{1000 * value:,.0f} ms" for value in seconds))

    yield milliseconds("the encoder alone, the floor", (t["floor"] for t in found))
    yield milliseconds("from text to clusters", (t["total"] for t in found))
    for part in found[0]["parts"]:
        yield milliseconds(f"– {part}", (t["parts"][part] for t in found))
    yield row("above the floor", *(f"{100 * t['overhead']:.0f} %" for t in found))
    yield milliseconds(f"{found[0]['short_words']} words", (t["short"] for t in found))
    yield milliseconds("process start to first answer", (t["start"] for t in found))
    for part in found[0]["start_parts"]:
        yield milliseconds(f"– {part}", (t["start_parts"][part] for t in found))
    yield row("peak memory", *(f"{t['peak'] / 1e6:,.0f} MB" for t in found))


def heads() -> Iterable[str]:
    """Both heads on the same encoder, over seeds."""
    yield from header("head", "seeds", "mentions", "MUC", "B³", "CEAF-e", "CoNLL F1, test", "dev")
    for scorer in SCORERS:
        runs = of_seeds(f"minilm-litbank/{scorer}-*.json")
        names = ("mention", "muc", "b_cubed", "ceaf_e", "conll")
        parts = [[run["test_scores"][f"{name}_f1"] / 100 for run in runs] for name in names]
        parts.append([run["validation"] / 100 for run in runs])
        yield row(scorer, len(runs), *map(mean, parts))


def large() -> Iterable[str]:
    """The resolver that teaches, as it was trained, and one that was trained for longer."""
    results = [read("coref-large.json"), read("coref-large-10.json")]
    yield from header("epochs", "data", "mentions", "MUC", "B³", "CEAF-e", "CoNLL F1")
    names = ("mention", "muc", "b_cubed", "ceaf_e", "conll")
    for result in results:
        dev = {name: 100 * score for name, score in result["stages"][-1]["scores"].items()}
        for label, scores, pattern in (
            ("LitBank, split 0, dev part; singletons in", dev, "{}_f1"),
            ("LitBank, split 0, test part; singletons in", result["test_scores"], "{}_f1"),
            ("OntoGUM dev, 15 genres; no singletons", result["test_scores"], "chains_{}_f1_without_singletons"),
        ):
            *parts, conll = (f"{scores[pattern.format(name)]:.1f}" for name in names)
            yield row(result["epochs"], label, *parts, f"**{conll}**")
    yield ""
    yield "CoNLL F1 on the development part after each epoch:"
    yield ""
    for result in results:
        log = result["stages"][-1]["log"]
        epochs = ", ".join(f"{100 * entry['eval_conll_f1']:.1f}" for entry in log if "eval_conll_f1" in entry)
        yield f"- {epochs}; {result['seconds'] / 60:.0f} minutes"


def students() -> Iterable[str]:
    """Students of the large resolver as an edge device runs them, between it and the shipped model."""
    files = sorted((ROOT / "results/students").glob("*-*.json"), key=lambda path: path.stem.rsplit("-", 1))
    rows = [("the large model, ten epochs", "students/teacher.json")]
    rows += [("{}, seed {}".format(*path.stem.rsplit("-", 1)), f"students/{path.name}") for path in files]
    yield from header("int8", "MB", "LitBank test", "OntoGUM dev", "GAP validation", "masculine", "feminine")
    rows += [("four layers, `annealed.yaml`", "students/annealed.json")]
    rows += [("the shipped model, six layers", "edge-en-runtime.json")]
    for label, name in rows:
        found = read(name)["int8"]
        clusters = [found[part]["scores"]["conll"] for part in ("litbank_test", "ontogum_dev")]
        gap = [found["gap_validation"][f1] for f1 in ("f1", "masculine_f1", "feminine_f1")]
        yield row(label, found["megabytes"], *map(per_cent, clusters + gap))


def heads_links() -> Iterable[str]:
    """Their links by distance, the mean over seeds."""
    found = {scorer: of_seeds(f"minilm-litbank/links/{scorer}-*.json") for scorer in SCORERS}
    yield from header("distance", *(f"{scorer}, {what}" for scorer in SCORERS for what in ("recall", "precision")))
    for band, label in {**BANDS, "all": "all"}.items():
        links = [[run["coreference"]["links"][band] for run in found[scorer]] for scorer in SCORERS]
        yield row(label, *(mean([link[what] for link in runs]) for runs in links for what in ("recall", "precision")))


def of_seeds(pattern: str) -> list[Any]:
    return [json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "results").glob(pattern))]


def header(*names: str) -> Iterable[str]:
    yield row(*names)
    yield "|" + "---|" * len(names)


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def per_cent(value: float) -> str:
    return f"{100 * value:.1f}"


def mean(values: Sequence[float]) -> str:
    spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return per_cent(statistics.fmean(values)) + spread


def corpora() -> Iterable[str]:
    """A folder of files without Ray and by Ray's workers."""
    result = read("corpora.json")
    settings, rounds = result["settings"], result["rounds"]
    yield from header("", "words per second", "documents per second")
    for name, its in result["speeds"].items():
        label = ("Ray, " if "workers" in name else "without Ray, ") + singular(name)
        yield row(label, f"{its['words_per_second']:,.0f}", f"{its['documents_per_second']:.2f}")
    yield ""
    ratios = ", ".join(f"{singular(name)} {value:.2f}" for name, value in result["shares"].items())
    loads = [entry["load_before"] for entry in rounds]
    yield (
        f"{settings['documents']} documents of LitBank's test part, {settings['words']:,} words, a file each; "
        f"{settings['cores']} cores; medians of {len(rounds)} rounds. Words per second, medians of the ratios in a "
        f"round: {ratios}. A cluster on this machine has begun, and its workers have answered for the first time, "
        f"after {result['start_seconds']:.0f} s. The machine's load before a round, from other work, was "
        f"{min(loads):.1f} to {max(loads):.1f}."
    )


def serve() -> Iterable[str]:
    """Requests a second and latencies of the service, and its memory under floods."""
    measured = read("serve.json")
    yield from header(
        "text", "words", "clients", "requests per second", "words per second", "median ms", "90 %", "99 %"
    )
    for found in measured["measurements"]:
        took = found["milliseconds"]
        speeds = f"{found['requests_per_second']:.1f}", f"{found['words_per_second']:,}"
        times = (f"{took[part]:,.0f}" for part in ("p50", "p90", "p99"))
        yield row(found["what"], f"{found['words']:,}", found["clients"], *speeds, *times)
    yield ""
    yield from header("flood of", "MB each", "clients", "answered", "refused, 429", "MiB before", "at its peak")
    for found in measured["floods"]:
        answers = found["answers"]
        yield row(
            found["what"],
            found["megabytes"],
            found["clients"],
            *(f"{answers.get(status, 0):,}" for status in ("200", "429")),
            found["mib_before"],
            found["mib_peak"],
        )


def singular(name: str) -> str:
    """1 worker for 1 workers."""
    return re.sub(r"\b1 (\w+)s\b", r"1 \1", name)


TABLES: Mapping[str, Any] = {
    "bench": bench,
    "scores": scores,
    "speed": speed,
    "genres": genres,
    "links": links,
    "heads": heads,
    "large": large,
    "students": students,
    "kept": kept,
    "online": online,
    "toolkits": toolkits,
    "heads_links": heads_links,
    "step": step,
    "growth": growth,
    "horizon": horizon,
    "joined": joined,
    "calibration": calibration,
    "resolvers": resolvers,
    "corpora": corpora,
    "serve": serve,
}

if __name__ == "__main__":
    main()
