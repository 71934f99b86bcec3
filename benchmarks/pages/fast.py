"""What takes how long, and how much memory."""

from __future__ import annotations

from collections.abc import Iterable

from .cells import header, read, row, singular

ENCODERS = {
    "lehr": "six layers, int8",
    "fastcoref": "DistilRoBERTa",
    "maverick": "DeBERTa-v3-large",
    "spacy-coref": "MiniLMv2-L12, encoder alone",
}


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


def attention() -> Iterable[str]:
    """Training with fused attention and without, by the length of rows."""
    rows = read("attention.json")["rows"]
    yield from header("pieces of a row", "bfloat16: fused", "in parts", "ratio", "float32: fused", "in parts", "ratio")
    for length in dict.fromkeys(found["length"] for found in rows):
        cells = []
        for found in sorted((its for its in rows if its["length"] == length), key=lambda its: not its["bf16"]):
            cells += [f"{found[name]:.2f} s" for name in ("seconds_fused", "seconds_apart")]
            cells.append(f"{found['apart_over_fused']:.2f}")
        yield row(length, *cells)


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


def side_by_side() -> Iterable[str]:
    """Many documents one after the other, and a thread each."""
    result = read("side-by-side.json")
    ways = [*result["measurements"][0]["seconds"]]
    yield from header("words per second", *ways, "side by side over all threads, time")
    for found in result["measurements"]:
        speeds = (f"{found['words'] / found['seconds'][way]:,.0f}" for way in ways)
        label = f"{found['documents']} texts of {found['words'] / found['documents']:,.0f} words"
        yield row(label, *speeds, f"{found['side_by_side_over_all_threads']:.2f}")
    yield ""
    yield f"{result['cores']} cores; medians of {result['rounds']} rounds, in which the ways take turns."


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
    many = [found for found in read("serve-one-thread.json")["measurements"] if found["clients"] > 1]
    told = (f"a {its['what']}, {its['clients']} clients: {its['requests_per_second']:.1f}" for its in many)
    yield f"With `--threads 1`, requests per second: {'; '.join(told)}."
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
