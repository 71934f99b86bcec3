"""The files of a folder that hold documents."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

ANNOTATED = ("conll", "_conll.txt", ".conllu", ".jsonl", ".jsonlines", ".ndjson")
"""How the names of files end whose documents may have clusters."""
READ = (".txt", ".text", *ANNOTATED)
"""How those end that can be resolved."""
SET_ASIDE = ".errors.jsonl"
"""How the names of those end that say what could not be resolved; they are no documents."""
ABOUT = "lehr-run.json"
"""What says in a folder of results what was asked for them."""


def anywhere_in(folder: Path, *, results: bool = True) -> Iterator[Path]:
    """The files anywhere in a folder, but for what is hidden and, unless wanted, folders of results that are in it."""
    for at, folders, names in os.walk(folder):
        here = Path(at)
        if not results and here != folder and ABOUT in names:
            folders.clear()
            continue
        folders[:] = (name for name in folders if not name.startswith("."))
        yield from (file for name in names if not name.startswith(".") and (file := here / name).is_file())


def files_in(path: Path, endings: tuple[str, ...] = READ, *, results: bool = True) -> list[Path]:
    """The file, or the files anywhere in a folder, see `anywhere_in`, whose names end as they should, sorted.

    Raises:
        ValueError: if there is none in it.
    """
    if not path.is_dir():
        return [path]
    names = ((file.name.lower(), file) for file in anywhere_in(path, results=results))
    files = [file for name, file in names if name.endswith(endings) and not name.endswith(SET_ASIDE)]
    if not files:
        but = f" and not in {SET_ASIDE}"
        raise ValueError(f"no file in {path} ends in {', '.join(endings)}{but}: name the files themselves")
    return sorted(files)


def below(file: Path, path: Path) -> PurePath:
    """A file's name, or its path from the folder on in which it was found."""
    return file.relative_to(path) if path.is_dir() else PurePath(file.name)
