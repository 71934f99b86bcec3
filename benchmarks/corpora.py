"""How the throughput of a folder of files grows with workers on Ray, beside the same without Ray; then a figure of it.

python benchmarks/corpora.py results/corpora.json

Every round resolves the same files in all ways, in an order that is turned round every time; workers have read the
model before. Rounds are added to those that RESULT holds; `--rounds 0` only draws the figure.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from lehr.cli.corpus import resolve_corpus
from lehr.evaluation import read_data
from lehr.files import write_text
from lehr.integrations.rows import RowResolver
from lehr.versions import versions

ROOT = Path(__file__).parents[1]
CORES = os.cpu_count() or 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write, or to add rounds to")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--documents", type=int, default=6, help="LitBank's first so many of the test part, a file each"
    )
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="folder with litbank")
    parser.add_argument("--figure", type=Path, default=ROOT / "docs/results/corpora.svg")
    options = parser.parse_args()
    if options.rounds:
        before = json.loads(options.result.read_text("utf-8")) if options.result.exists() else None
        with tempfile.TemporaryDirectory() as folder:
            settings = prepare(Path(folder), options.data, options.documents)
            if before and before["settings"] != settings:
                raise SystemExit(f"{options.result} was measured with other texts; name another file, or remove it")
            rounds = before["rounds"] if before else []
            for _ in range(options.rounds):
                rounds.append(measure(Path(folder), turned=len(rounds) % 2 == 1))
                write_text(options.result, json.dumps(told(settings, rounds), indent=1) + "\n")
    draw(json.loads(options.result.read_text("utf-8")), options.figure)


def prepare(folder: Path, data: Path, documents: int) -> dict[str, Any]:
    """Write a file of running text for each document, and some tiny ones to warm up with; say what there is."""
    found = read_data([data / "litbank/conll"], data / "litbank/splits/0/test.ids").documents[:documents]
    for document in found:
        write_text(folder / "texts" / f"{document.id}.txt", document.text)
    for number in range(4 * CORES):
        write_text(folder / "warm" / f"{number}.txt", "Mary said she was tired.")
    return {"documents": len(found), "words": sum(len(document.words) for document in found), "cores": CORES}


def measure(folder: Path, *, turned: bool) -> dict[str, float]:
    """Seconds of each way, and until all workers of a fresh cluster have answered for the first time; and the load.

    The load is how many processes wanted to run in the minute before, of whatever else there is.
    """
    import ray

    from lehr.integrations.ray import connect

    os.environ.setdefault(
        "RAY_worker_niceness", "0"
    )  # else workers give way to what runs beside, and the others do not
    load, began = os.getloadavg()[0], time.perf_counter()
    connect(CORES)
    run(folder / "warm", "ray", workers=CORES)
    seconds = {"load_before": load, "start": time.perf_counter() - began}
    ways: list[tuple[str, str, int]] = [
        *((f"{threads} threads", "local", threads) for threads in sorted({1, CORES})),
        *((f"{workers} workers", "ray", workers) for workers in range(1, CORES + 1)),
    ]
    for name, engine, number in reversed(ways) if turned else ways:
        if engine == "local":
            run(folder / "warm", engine, threads=number)
            seconds[name] = run(folder / "texts", engine, threads=number)
        else:
            seconds[name] = run(folder / "texts", engine, workers=number)
    ray.shutdown()
    print({name: round(value, 2) for name, value in seconds.items()}, flush=True)
    return seconds


def run(texts: Path, engine: str, *, threads: int = 1, workers: int | None = None) -> float:
    """Seconds that `lehr resolve` takes for a folder, without its start."""
    output = texts.with_name("output")
    began = time.perf_counter()
    assert resolve_corpus([str(texts)], str(output), RowResolver(threads=threads), engine=engine, workers=workers)
    seconds = time.perf_counter() - began
    shutil.rmtree(output)
    return seconds


def told(settings: dict[str, Any], rounds: list[dict[str, float]]) -> dict[str, Any]:
    """The medians over the rounds, and the rounds."""
    speeds = {
        name: {
            f"{unit}_per_second": float(f"{statistics.median(settings[unit] / r[name] for r in rounds):.4g}")
            for unit in ("documents", "words")
        }
        for name in rounds[0]
        if name not in ("load_before", "start")
    }
    shares = {
        f"{name} over {base}": round(statistics.median(r[base] / r[name] for r in rounds), 3)
        for name, base in (
            (f"{CORES} workers", "1 workers"),
            ("1 workers", "1 threads"),
            (f"{CORES} workers", f"{CORES} threads"),
        )
    }
    return {
        "settings": settings,
        "versions": versions(),
        "speeds": speeds,
        "shares": shares,
        "start_seconds": round(statistics.median(r["start"] for r in rounds), 2),
        "rounds": rounds,
    }


def draw(result: dict[str, Any], path: Path) -> None:
    """Words per second by workers, and without Ray."""
    from matplotlib.figure import Figure

    from lehr.experiments.figures import COLOURS, save, style

    words = {name: found["words_per_second"] for name, found in result["speeds"].items()}
    cores = range(1, result["settings"]["cores"] + 1)
    with style():
        figure = Figure(figsize=(4.6, 3), layout="constrained")
        axes = figure.add_subplot()
        workers = [words[f"{number} workers"] for number in cores]
        axes.plot(cores, workers, color=COLOURS[0], marker="o", label="Ray, a thread each")
        axes.plot(cores, [words["1 workers"] * n for n in cores], color="#999999", linestyle=":", label="in proportion")
        alone = [number for number in cores if f"{number} threads" in words]
        axes.plot(alone, [words[f"{n} threads"] for n in alone], color=COLOURS[1], marker="s", label="no Ray, threads")
        axes.set(xlabel="workers, or threads", ylabel="words per second", xticks=list(cores), ylim=(0, None))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.legend()
        save(figure, path)


if __name__ == "__main__":
    main()
