"""What the model in the package scores, and what its probabilities are worth."""

from __future__ import annotations

from collections.abc import Iterable

from lehr.cli.score import DISTANCES

from .cells import header, per_cent, read, row


def scores() -> Iterable[str]:
    """The shipped model on all data, beside itself before links were calibrated by kinds, int8 and float32."""
    ships, before = read("edge-en-runtime.json")["int8"], read("edge-en-without-kinds.json")
    rows = [
        ("LitBank, split 0, test part, `entities`; singletons in", "litbank_test"),
        ("LitBank, the same as running text", "litbank_test_raw_text"),
        ("LitBank, no scheme chosen", "litbank_test_all_schemes"),
        ("LitBank, gold mentions given", "litbank_test_gold_mentions"),
        ("OntoGUM dev, 15 genres, `chains`; no singletons", "ontogum_dev"),
        ("OntoGUM, the same as running text", "ontogum_dev_raw_text"),
        ("OntoGUM, no scheme chosen", "ontogum_dev_all_schemes"),
        ("OntoGUM, gold mentions given", "ontogum_dev_gold_mentions"),
    ]
    yield from header("data", "mentions", "MUC", "B³", "CEAF-e", "CoNLL F1", "without kinds", "and in float32")
    for label, key in rows:
        parts = [ships[key]["scores"][metric]["f1"] for metric in ("mentions", "muc", "b_cubed", "ceaf_e")]
        earlier = (before[precision].get(key) for precision in ("int8", "float32"))
        others = ("–" if found is None else per_cent(found["scores"]["conll"]) for found in earlier)
        yield row(label, *map(per_cent, parts), f"**{per_cent(ships[key]['scores']['conll'])}**", *others)
    gap, *others = (found["gap_validation"] for found in (ships, before["int8"], before["float32"]))
    without, plain = (per_cent(other["f1"]) for other in others)
    yield ""
    yield (
        f"GAP validation: F1 {per_cent(gap['f1'])} (masculine {per_cent(gap['masculine_f1'])}, feminine "
        f"{per_cent(gap['feminine_f1'])}, bias {gap['bias']:.2f}); without kinds {without}, and in float32 {plain}."
    )


def speed() -> Iterable[str]:
    """Words per second and size."""
    runtime = read("edge-en-without-kinds.json")
    timed = runtime["seconds_for_litbank_test"]
    yield from header("weights", "MB with tokenizer", "words per second")
    for precision, speed in timed["words_per_second"].items():
        yield row(precision, runtime[precision]["megabytes"], f"{speed:,}")
    yield ""
    about = runtime["versions"]
    vnni = " with VNNI" if "vnni" in about.get("instructions", "") else ""
    yield (
        f"float32 takes {timed['float32_over_int8']} times as long; medians of five runs over LitBank's test part; "
        f"{about['processor']}{vnni}; without kinds."
    )


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
    for key, label in DISTANCES.items():
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


def horizon() -> Iterable[str]:
    """F1 of LitBank's documents, decided a few words at a time."""
    found = read("long.json")["horizon"]
    yield from header(
        "words decided at once", *(f"CoNLL F1, {split}" for split in found), "F1 of links over 1,000 words, test"
    )
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
