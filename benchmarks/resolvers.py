"""lehr beside other resolvers on the same texts: speed, latency, cold start, memory, size; then a figure of it.

python benchmarks/resolvers.py results/resolvers.json --lehr PYTHON --peer fastcoref=PYTHON --peer maverick=PYTHON

PYTHON is that of an environment of its own, see benchmarks/peers/coref/README.md; lehr's holds what `pip install .`
brings, and nothing else. Every round starts a process for each, in an order that is turned round every time. Rounds are
added to those that RESULT holds, so that a long comparison can be made in pieces; `--rounds 0` only draws the figure.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lehr.document import Document
from lehr.evaluation import read_data
from lehr.files import write_text
from lehr.formats.text import read
from lehr.versions import versions

ROOT = Path(__file__).parents[1]
WORKERS = ROOT / "benchmarks/peers/coref"
READS = {
    "lehr": ("paragraph", "openings", "documents"),
    "fastcoref": ("paragraph", "openings", "documents"),
    "maverick": ("paragraph", "openings"),
    "spacy-coref": ("paragraph", "openings"),
}
"""What each is given: Maverick would take minutes for whole documents; spacy-coref fails on more than 512 pieces."""
NAMES = {"spacy-coref": "spacy-coref, encoder alone"}
FIXED = ("installed_bytes", "largest_packages_bytes", "weights_bytes", "versions", "counts")
"""What may not change from one round to the next."""
CELLS = {
    "words_per_second": lambda run, words: {name: words[name] / taken for name, taken in run["seconds"].items()},
    "paragraph_ms": lambda run, _: 1000 * run["paragraph_seconds"],
    "cold_start_seconds": lambda run, _: run["cold_start_seconds"],
    "peak_mb": lambda run, _: {name: value / 1e6 for name, value in run["peak_bytes"].items()},
    "installed_mb": lambda run, _: run["installed_bytes"] / 1e6,
    "weights_mb": lambda run, _: run["weights_bytes"] / 1e6,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write, or to add rounds to")
    parser.add_argument("--lehr", metavar="PYTHON", help="of an environment with lehr and no extras")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON", help="run_NAME.py by that Python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--opening", type=int, default=200, help="words, at most, of an opening; whole sentences")
    parser.add_argument("--openings", type=int, default=5)
    parser.add_argument(
        "--models", type=Path, default=ROOT / "runs/peers", help="where peers' models are, or are built"
    )
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="folder with litbank and novels")
    parser.add_argument("--figure", type=Path, default=ROOT / "docs/results/resolvers.svg")
    options = parser.parse_args()
    if options.rounds:
        if not options.lehr:
            parser.error("--lehr PYTHON is needed to measure")
        pythons = {"lehr": options.lehr, **dict(peer.partition("=")[::2] for peer in options.peer)}
        if unknown := [name for name, python in pythons.items() if name not in READS or not python]:
            parser.error(f"--peer {unknown[0]}: give NAME=PYTHON, with a name of {', '.join(list(READS)[1:])}")
        texts = same_texts(options.data, options.openings, options.opening)
        settings = {
            "threads": options.threads,
            "texts": {name: len(several) for name, several in texts.items()},
            "words": {name: sum(map(count, several)) for name, several in texts.items()},
        }
        before = json.loads(options.result.read_text("utf-8")) if options.result.exists() else None
        runs = earlier(before, settings, options.result)
        for name in pythons:
            build(name, pythons[name], options.models / name, options.data / "novels")
        for _ in range(options.rounds):
            number = 1 + max((run["round"] for several in runs.values() for run in several), default=-1)
            for name in reversed(pythons) if number % 2 else pythons:
                found = measure(name, pythons[name], options.models / name, texts, options.threads)
                runs.setdefault(name, []).append({"round": number, **found})
                print(f"round {number}, {name}: {found['seconds']}, cold start {found['cold_start_seconds']:.2f} s")
            write_text(options.result, json.dumps(told(settings, runs), indent=1) + "\n")
    draw(json.loads(options.result.read_text("utf-8")), options.figure)


def same_texts(data: Path, openings: int, words: int) -> dict[str, list[dict[str, Any]]]:
    """A paragraph of Dickens, LitBank's test documents of split 0, and the openings of the first of these."""
    page = (ROOT / "examples/oliver_twist.txt").read_text("utf-8")
    (paragraph,) = read(page.split("\n\n")[0], name="")
    documents = read_data([data / "litbank/conll"], data / "litbank/splits/0/test.ids").documents
    return {
        "paragraph": [given(paragraph)],
        "openings": [given(document, words) for document in documents[:openings]],
        "documents": [given(document) for document in documents],
    }


def given(document: Document, most: int | None = None) -> dict[str, Any]:
    """Running text, and the same as sentences of words; of at most so many words, but one sentence at least."""
    kept = [span for span in document.sentences if most is None or span[1] <= most] or document.sentences[:1]
    tokens = document.tokens
    end = document.words[kept[-1][1] - 1][1]
    return {"text": document.text[:end], "sentences": [tokens[first:last] for first, last in kept]}


def count(text: Mapping[str, Any]) -> int:
    return sum(map(len, text["sentences"]))


def earlier(before: Mapping[str, Any] | None, settings: Mapping[str, Any], path: Path) -> dict[str, list[Any]]:
    """The rounds that are there already; those of other texts or threads are refused."""
    if before is None:
        return {}
    if before["settings"] != settings:
        raise SystemExit(f"{path} was measured with other texts or threads; name another file, or remove it")
    return dict(before["runs"])


def worker(name: str) -> str:
    return str(WORKERS / f"run_{name.replace('-', '_')}.py")


def build(name: str, python: str, model: Path, novels: Path) -> None:
    """A peer's model with random weights, once; that of spacy-coref, which has no torch, by this Python."""
    if name != "lehr" and not model.is_dir():
        python = sys.executable if name == "spacy-coref" else python
        subprocess.run([python, "-W", "ignore", worker(name), "build", str(model), "--novels", str(novels)], check=True)


def measure(name: str, python: str, model: Path, texts: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """One process: its own report, and the time from its start to its first answer."""
    pinned = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS", "RAYON")}
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({kind: texts[kind] for kind in READS[name]}, file)
        file.flush()
        command = [python, "-W", "ignore", worker(name), "run", str(model), file.name, "--threads", str(threads)]
        began = time.time()
        ran = subprocess.run(command, env={**os.environ, **pinned, **offline}, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"{name} failed: {ran.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    found["cold_start_seconds"] = found.pop("first_answer_at") - began
    found["weights_bytes"] = sum(f.stat().st_size for f in model.rglob("*") if f.is_file()) if model.is_dir() else 0
    return found


def told(settings: Mapping[str, Any], runs: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The medians over the rounds, each peer beside lehr in the same rounds, and the rounds themselves."""
    for name, several in runs.items():
        if changed := [key for key in FIXED if any(run[key] != several[0][key] for run in several)]:
            raise SystemExit(f"{name}: {', '.join(changed)} changed between rounds; measure into a new file")
    words = settings["words"]
    cells = {name: [{key: cell(run, words) for key, cell in CELLS.items()} for run in runs[name]] for name in runs}
    return {
        "settings": settings,
        "versions": versions(),
        "weights": "the shipped model's for lehr, random at the published size for every other resolver",
        "resolvers": {
            name: {
                **median(cells[name]),
                "rounds": len(several),
                **shares(several[0]["counts"], words),
                "largest_packages_mb": {
                    package: round(size / 1e6, 1) for package, size in several[0]["largest_packages_bytes"].items()
                },
                "versions": several[0]["versions"],
            }
            for name, several in runs.items()
        },
        "over_lehr": {name: over_lehr(name, runs, cells) for name in runs if name != "lehr"},
        "runs": runs,
    }


def median(values: Sequence[Any]) -> Any:
    """Of numbers, or key by key of dictionaries of them."""
    if isinstance(values[0], Mapping):
        return {key: median([value[key] for value in values]) for key in values[0]}
    return float(f"{statistics.median(values):.4g}")


def shares(counts: Mapping[str, Mapping[str, int]], words: Mapping[str, int]) -> dict[str, Any]:
    """Pieces, and spans kept for the pair scorer, per word."""
    return {
        f"{key}_per_word": {name: round(found[key] / words[name], 3) for name, found in counts.items()}
        for key in ("pieces", "kept")
        if any(key in found for found in counts.values())
    }


def over_lehr(name: str, runs: Mapping[str, list[Any]], cells: Mapping[str, list[Any]]) -> Any:
    """A peer's figures over lehr's of the same round, the median."""
    rounds = {run["round"]: cell for run, cell in zip(runs["lehr"], cells["lehr"], strict=True)}
    pairs = [(cell, rounds[run["round"]]) for run, cell in zip(runs[name], cells[name], strict=True)]
    return median([ratio(*pair) for pair in pairs])


def ratio(value: Any, other: Any) -> Any:
    """Of numbers, or key by key of dictionaries, where both have a number and lehr's is not nought."""
    if isinstance(value, Mapping):
        return {key: ratio(value[key], other[key]) for key in value if other.get(key)}
    return value / other


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Words per second against installed size, on the openings, which every resolver reads."""
    from matplotlib.figure import Figure

    from lehr.experiments.figures import COLOURS, save, style

    with style():
        figure = Figure(figsize=(5.2, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for colour, (name, found) in zip(COLOURS, result["resolvers"].items(), strict=False):
            alone, speed = found["installed_mb"], found["words_per_second"]["openings"]
            whole = alone + found["weights_mb"]
            axes.plot([alone, whole], [speed, speed], color=colour, linewidth=1)
            axes.scatter([whole], [speed], facecolor="white", edgecolor=colour, s=34, zorder=3)
            axes.scatter([alone], [speed], color=colour, s=34, zorder=4)
            side = {"xytext": (7, 0), "ha": "left"} if whole > alone else {"xytext": (-7, 0), "ha": "right"}
            axes.annotate(NAMES.get(name, name), (whole, speed), textcoords="offset points", va="center", **side)
        axes.set(xscale="log", yscale="log", ylabel="words per second")
        axes.set_xlim(100, 30000)
        axes.margins(y=0.2)
        axes.set_xlabel("installed, MB; hollow: with the weights that are fetched at the first use")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        save(figure, path)


if __name__ == "__main__":
    main()
