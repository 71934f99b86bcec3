"""What documents of any length cost: time and memory from 1,000 words to 350,000, and F1.

python benchmarks/long.py results/long.json                      # all parts
python benchmarks/long.py results/long.json --parts growth --lengths 100000 350000

The parts, each kept in the result until it is measured anew:

growth     seconds and peak memory of a process of its own that resolves so many words of the novels; the exponent is
           that of a power of the length, fitted to the CPU seconds that loading does not take
horizon    F1 on LitBank's documents, which fit whole, when they are decided a few words at a time
joined     F1 on LitBank's documents one after the other as a single document, whose entities are never the same
profile    where the CPU time of 20,000 words goes, on one thread
novel      seconds for The Secret Garden
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np

from lehr.document import Document
from lehr.evaluation import evaluate, read_data
from lehr.files import write_text
from lehr.formats import read_source, text
from lehr.resolver import Resolver
from lehr.resolver.bench import peak_memory
from lehr.scoring import score
from lehr.versions import versions

PARTS = ("growth", "horizon", "joined", "profile", "novel")
LENGTHS = (1_000, 3_000, 10_000, 30_000, 100_000, 350_000)
NOVELS = ("2489_moby_dick.txt", "145_middlemarch.txt")
"""Read one after the other, so that there are enough words."""
SECRET_GARDEN = "113_the_secret_garden.txt"
HORIZONS = (250, 500, 1000)
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write, or to add to")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--lengths", nargs="*", type=int, default=LENGTHS, help="words, for growth")
    parser.add_argument("--model", type=Path, help="the shipped one if absent")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", nargs=2, metavar=("FILE", "WORDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(resolve_once(options, Path(options.child[0]), int(options.child[1]))))
        return

    result = json.loads(options.result.read_text("utf-8")) if options.result.is_file() else {}
    for part in options.parts:
        result[part] = MEASURES[part](options, result.get(part, {}))
        result["versions"] = versions()
        write_text(options.result, json.dumps(result, indent=1) + "\n")
        print(f"{part}: {json.dumps(result[part])}", flush=True)


def growth(options: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    runs = known.get("runs", {})
    source = options.result.with_suffix(".txt")
    for words in options.lengths:
        novels = "\n\n\n".join(read_source(options.data / "novels" / name) for name in NOVELS)
        offsets = text.split_words(novels)
        if words > len(offsets):
            sys.exit(f"the novels have {len(offsets):,} words, not {words:,}")
        write_text(source, novels[: offsets[words - 1][1]])
        runs[str(words)] = in_a_process(options, source, words)
        print(words, runs[str(words)], flush=True)
    source.unlink(missing_ok=True)
    runs = dict(sorted(runs.items(), key=lambda item: int(item[0])))
    sizes = np.array([int(words) for words in runs], float)
    seconds = np.array([run["cpu_seconds"] for run in runs.values()])
    exponents = {}
    for name, least in (("all", 0), ("from_20000", 20_000)):
        fitted = sizes >= least
        if fitted.sum() > 1:
            slope, _ = np.polyfit(np.log(sizes[fitted]), np.log(seconds[fitted]), 1)
            exponents[name] = round(float(slope), 3)
    return {"runs": runs, "exponent": exponents}


def in_a_process(options: argparse.Namespace, source: Path, words: int) -> dict[str, Any]:
    """What a fresh process says of itself."""
    command = [sys.executable, __file__, str(options.result), "--threads", str(options.threads)]
    command += ["--model", str(options.model)] if options.model else []
    run = subprocess.run([*command, "--child", str(source), str(words)], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def resolve_once(options: argparse.Namespace, source: Path, words: int) -> dict[str, Any]:
    """Resolve a file, and say how long it took and how much memory."""
    began = time.perf_counter()
    resolver = Resolver.from_pretrained(options.model, threads=options.threads)
    loaded = time.perf_counter()
    idle, used = peak_memory() or 0, time.process_time()
    (document,) = text.read(read_source(source), name=source.name)
    read = time.perf_counter()
    answer = resolver(document)
    done = time.perf_counter()
    assert not words or len(document.words) == words
    return {
        "words": len(document.words),
        "threads": options.threads,
        "load_seconds": round(loaded - began, 2),
        "read_seconds": round(read - loaded, 2),
        "resolve_seconds": round(done - read, 2),
        "cpu_seconds": round(time.process_time() - used, 2),
        "mib_before": round(idle / MIB),
        "mib_peak": round((peak_memory() or 0) / MIB),
        "mentions": sum(len(cluster) for cluster in answer.clusters),
        "entities": len(answer.clusters),
    }


def horizon(options: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    resolver = Resolver.from_pretrained(options.model, threads=options.threads)
    found: dict[str, Any] = {}
    for split in ("dev", "test"):
        documents = litbank(options, split)
        for words in (None, *HORIZONS):
            resolve = lambda document, words=words: resolver(  # noqa: E731
                document, scheme="entities", singletons=True, horizon=words
            )
            report = evaluate(resolve, documents).as_dict()
            bands = {
                name: {k: band[k] for k in ("recall", "precision", "f1")} for name, band in report["links"].items()
            }
            found.setdefault(split, {})["whole" if words is None else str(words)] = {
                "scores": report["scores"],
                "links": bands,
            }
    return found


def joined(options: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    """Alone, joined by fives, which fit whole, and all joined; scored document by document, and as what was resolved.

    Scored document by document, a cluster is what it has of the document, so that only the harm is seen that others
    did within it; scored as joined, every link between two documents is wrong.
    """
    resolver = Resolver.from_pretrained(options.model, threads=options.threads)
    found: dict[str, Any] = {}
    for split in ("dev", "test"):
        documents = litbank(options, split)
        fives = [join(documents[start : start + 5]) for start in range(0, len(documents), 5)]
        for name, sources, words in (
            ("alone", documents, None),
            ("joined_by_fives_whole", fives, 12_000),  # more words than they have
            ("joined_by_fives", fives, 1000),
            ("all_joined", [join(documents)], 1000),
        ):
            answers = [
                resolver(replace(source, clusters=()), scheme="entities", singletons=True, horizon=words)
                for source in sources
            ]
            pairs = [(source.spans, answer.spans) for source, answer in zip(sources, answers, strict=True)]
            found.setdefault(split, {})[name] = {
                "documents": len(sources),
                "words": sum(len(source.words) for source in sources),
                "scores": score(pairs).as_dict(),
                "scores_by_document": score(
                    (key.spans, answer)
                    for key, answer in zip(documents, chain.from_iterable(map(apart, sources, answers)), strict=True)
                ).as_dict(),
            }
    return found


JOINT = "\n\n"


def join(documents: Sequence[Document]) -> Document:
    """The documents one after the other, their clusters kept apart; `id` says how many words each has."""
    moved = list(accumulate((len(d.text) + len(JOINT) for d in documents), initial=0))
    begins = list(accumulate((len(d.words) for d in documents), initial=0))
    words, sentences, clusters = [], [], []
    for document, offset, begin in zip(documents, moved, begins, strict=False):
        words += [(start + offset, end + offset) for start, end in document.words]
        sentences += [(first + begin, end + begin) for first, end in document.sentences]
        clusters += [[(first + begin, last + begin) for first, last in cluster] for cluster in document.spans]
    whole = Document(",".join(map(str, begins)), JOINT.join(d.text for d in documents), tuple(words), tuple(sentences))
    return whole.with_clusters(clusters)


def apart(source: Document, answer: Document) -> list[list[list[tuple[int, int]]]]:
    """The clusters of each of the documents that were joined, or of the one that was not."""
    whole = source.id.replace(",", "").isdigit() and "," in source.id
    begins = [int(begin) for begin in source.id.split(",")] if whole else [0, len(source.words)]
    found: list[defaultdict[int, list[tuple[int, int]]]] = [defaultdict(list) for _ in begins[1:]]
    for number, cluster in enumerate(answer.spans):
        for first, last in cluster:
            place = int(np.searchsorted(begins, first, side="right")) - 1
            found[place][number].append((first - begins[place], last - begins[place]))
    return [list(clusters.values()) for clusters in found]


def litbank(options: argparse.Namespace, split: str) -> Sequence[Document]:
    return read_data([options.data / "litbank/conll"], options.data / f"litbank/splits/0/{split}.ids").documents


def profile(options: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    """Seconds in the graphs, each, and in everything else."""
    resolver = Resolver.from_pretrained(options.model, threads=1)
    novel = read_source(options.data / "novels" / SECRET_GARDEN)
    end = text.split_words(novel)[19_999][1]
    seconds: defaultdict[str, float] = defaultdict(float)
    run = resolver._model._run

    def timed(name: str, **inputs: Any) -> Any:
        began = time.process_time()
        output = run(name, **inputs)
        seconds[name] += time.process_time() - began
        return output

    resolver._model._run = timed  # type: ignore[method-assign]
    began = time.process_time()
    (document,) = text.read(novel[:end], name="novel")
    read = time.process_time()
    resolver(document)
    done = time.process_time()
    rest = done - read - sum(seconds.values())
    split = {"splitting the text": read - began, **seconds, "everything else": rest}
    return {
        "words": len(document.words),
        "cpu_seconds": {name: round(value, 3) for name, value in split.items()},
        "of_encoder": round((done - began - seconds["encoder"]) / seconds["encoder"], 3),
    }


def novel(options: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    return in_a_process(options, options.data / "novels" / SECRET_GARDEN, 0)


MEASURES = {"growth": growth, "horizon": horizon, "joined": joined, "profile": profile, "novel": novel}

if __name__ == "__main__":
    main()
