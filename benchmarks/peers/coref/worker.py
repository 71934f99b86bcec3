"""What every resolver is run by: the clock, the memory, the sizes. Only the standard library, for any environment.

python run_NAME.py build MODEL --novels DIR          # random weights at the published size
python run_NAME.py run MODEL TEXTS --threads 2       # one line of JSON
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import resource
import statistics
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

Text = Mapping[str, Any]
"""`text`, and the same as `sentences`, lists of words."""
Counts = Mapping[str, int]
"""Of one answer: `pieces` of words that the encoder read, `kept` spans that the pair scorer was given."""
Resolve = Callable[[Text], Counts | None]
Load = Callable[[Path, int], Resolve]

PARAGRAPH = "paragraph"
REPEATS = 7
LARGEST = 5


def main(load: Load, packages: Sequence[str], build: Callable[[Path, Path], None] | None = None) -> None:
    """Build the model or run it, as the command line asks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["build", "run"])
    parser.add_argument("model", type=Path, help="the model's folder")
    parser.add_argument("texts", type=Path, nargs="?", help="JSON file, lists of texts by name")
    parser.add_argument("--novels", type=Path, help="plain texts, for a tokenizer")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.action == "build" and build is not None:
        build(options.model, options.novels)
    elif options.action == "run":
        answer = sys.stdout
        with contextlib.redirect_stdout(io.StringIO()):  # some peers print
            found = measure(load, options.model, json.loads(options.texts.read_text("utf-8")), options.threads)
        found["versions"] = {name: version(name) for name in packages}
        print(json.dumps(found), file=answer)


def measure(load: Load, model: Path, texts: Mapping[str, Sequence[Text]], threads: int) -> dict[str, Any]:
    """The first paragraph from the start of the process on, the same again and again, then every list of texts."""
    resolve = load(model, threads)
    (paragraph,) = texts[PARAGRAPH]
    resolve(paragraph)
    found: dict[str, Any] = {"first_answer_at": time.time()}
    found["paragraph_seconds"] = statistics.median(seconds(resolve, paragraph)[0] for _ in range(REPEATS))
    found["peak_bytes"] = {PARAGRAPH: peak_bytes()}
    found["seconds"], found["counts"] = {}, {}
    for name, several in texts.items():
        if name != PARAGRAPH:
            taken, counts = zip(*(seconds(resolve, text) for text in several), strict=True)
            found["seconds"][name] = sum(taken)
            found["peak_bytes"][name] = peak_bytes()
            if all(counts):
                found["counts"][name] = {key: sum(one[key] for one in counts) for key in counts[0]}
    sizes = installed(Path(sysconfig.get_paths()["purelib"]))
    found["installed_bytes"] = sum(sizes.values())
    found["largest_packages_bytes"] = dict(list(sizes.items())[:LARGEST])
    return found


def seconds(resolve: Resolve, text: Text) -> tuple[float, Counts | None]:
    began = time.perf_counter()
    counts = resolve(text)
    return time.perf_counter() - began, counts


def peak_bytes() -> int:
    """The most memory that this process ever held; of Linux's two figures the one that no parent's memory is in."""
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def installed(folder: Path) -> dict[str, int]:
    """Bytes of the files of each package, without what `python -m venv` brings and what Python compiles as it goes."""
    sizes: Counter[str] = Counter()
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for file in files:
            path = Path(place, file)
            sizes[re.split(r"[.-]", path.relative_to(folder).parts[0])[0]] += path.lstat().st_size
    return {name: size for name, size in sizes.most_common() if name not in ("pip", "setuptools", "pkg_resources")}


def novels(folder: Path, number: int) -> list[str]:
    """The first of them by name: what a tokenizer is trained on, where the published one cannot be fetched."""
    files = sorted(folder.glob("*.txt"))[:number]
    if not files:
        raise ValueError(f"{folder} holds no novels, *.txt")
    return [str(file) for file in files]
