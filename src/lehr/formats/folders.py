"""The files of a folder that hold documents."""

from __future__ import annotations

from pathlib import Path, PurePath

ANNOTATED = ("conll", "_conll.txt", ".conllu", ".jsonl", ".jsonlines", ".ndjson")
"""How the names of files end whose documents may have clusters."""
READ = (".txt", ".text", *ANNOTATED)
"""How those end that can be resolved."""
SET_ASIDE = ".errors.jsonl"
"""How the names of those end that say what could not be resolved; they are no documents."""


def files_in(path: Path, endings: tuple[str, ...] = READ) -> list[Path]:
    """The file, or the files anywhere in a folder whose names end as they should, sorted.

    Raises:
        ValueError: if there is none in it.
    """
    if not path.is_dir():
        return [path]
    names = ((file.name.lower(), file) for file in path.rglob("*"))
    files = [f for name, f in names if name.endswith(endings) and not name.endswith(SET_ASIDE) and f.is_file()]
    if not files:
        but = f" and not in {SET_ASIDE}"
        raise ValueError(f"no file in {path} ends in {', '.join(endings)}{but}: name the files themselves")
    return sorted(files)


def below(file: Path, path: Path) -> PurePath:
    """A file's name, or its path from the folder on in which it was found."""
    return file.relative_to(path) if path.is_dir() else PurePath(file.name)
