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
    files = [file for file in path.rglob("*") if file.name.lower().endswith(endings) and file.is_file()]
    if files := [file for file in files if not file.name.endswith(SET_ASIDE)]:
        return sorted(files)
    raise ValueError(f"no file in {path} ends in {', '.join(endings)}: name the files themselves")


def below(file: Path, path: Path) -> PurePath:
    """A file's name, or its path from the folder on in which it was found."""
    return file.relative_to(path) if path.is_dir() else PurePath(file.name)
