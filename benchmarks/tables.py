"""Writes the tables of README.md, of some pages and of the shipped model's card from results/, between their markers.

python benchmarks/tables.py          # rewrite
python benchmarks/tables.py --check  # fail if a file does not say what results/ say

A marker ``<!-- table: NAME -->`` stands for the function of that name in one of `MODULES`.
"""

from __future__ import annotations

import re
import sys

from pages import fast, shipped, trained
from pages.cells import ROOT

MODULES = (shipped, fast, trained)
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
    (table,) = (getattr(module, marker[2]) for module in MODULES if hasattr(module, marker[2]))
    return marker[1] + "\n".join(table()) + "\n" + marker[3]


if __name__ == "__main__":
    main()
