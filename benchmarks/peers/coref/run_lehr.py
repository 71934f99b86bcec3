"""lehr with the model that it ships; MODEL is not read."""

from __future__ import annotations

from pathlib import Path

from worker import Resolve, Text, main


def load(_: Path, threads: int) -> Resolve:
    from lehr import Resolver

    resolver = Resolver.from_pretrained(threads=threads)

    def resolve(text: Text) -> None:
        resolver(text["text"])

    return resolve


if __name__ == "__main__":
    main(load, ["lehr", "onnxruntime", "numpy"])
