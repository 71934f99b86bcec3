"""What many documents take one after the other, on one thread and on all, and side by side, a thread each.

python benchmarks/side_by_side.py results/side-by-side.json

GAP's validation passages, the first so many, as short texts, and novels cut to pages as long ones. The ways take turns,
and the first round, in which all is read, is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from lehr.cpus import usable_cpus
from lehr.document import Document
from lehr.files import write_text
from lehr.formats import read_file
from lehr.resolver import Resolver
from lehr.versions import versions

ROOT = Path(__file__).parents[1]
SHORT, LONG = 300, 10
"""Documents of each kind."""
PAGE = 11_000
"""Characters."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="folder with gap and novels")
    options = parser.parse_args()

    one, all_threads = Resolver.from_pretrained(threads=1), Resolver.from_pretrained()
    ways: dict[str, Callable[[list[str]], Iterator[Document]]] = {
        "one thread": one.pipe,
        "all threads": all_threads.pipe,
        "side by side": lambda texts: all_threads.pipe(texts, workers=usable_cpus()),
    }
    novel = min((options.data / "novels").glob("*.txt")).read_text("utf-8")
    kinds = {
        "passage": [document.text for document in read_file(options.data / "gap/gap-validation.tsv")[:SHORT]],
        "page": [novel[start : start + PAGE] for start in range(PAGE, PAGE * (LONG + 1), PAGE)],
    }
    found = []
    for kind, texts in kinds.items():
        seconds = defaultdict(list)
        for turn in range(options.rounds + 1):
            for way, resolve in ways.items():
                began = time.perf_counter()
                words = sum(len(document.words) for document in resolve(texts))
                if turn:
                    seconds[way].append(time.perf_counter() - began)
        medians = {way: round(statistics.median(times), 3) for way, times in seconds.items()}
        ratios = [one / other for one, other in zip(seconds["side by side"], seconds["all threads"], strict=True)]
        found.append({"what": kind, "documents": len(texts), "words": words, "seconds": medians})
        found[-1]["side_by_side_over_all_threads"] = round(statistics.median(ratios), 3)
        print(json.dumps(found[-1]), flush=True)
    result = {"versions": versions(), "cores": usable_cpus(), "rounds": options.rounds, "measurements": found}
    write_text(options.result, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
