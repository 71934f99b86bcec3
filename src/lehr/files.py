"""Files written aside and renamed into place, so that nobody ever reads half a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def aside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; at the end of the block it becomes `path`, or is removed on an error.

    Raises:
        OSError: if `path` is there and is no file, such as a folder or a device, which would be replaced by one.
    """
    from tempfile import NamedTemporaryFile  # slow to import, and who only reads needs none

    final = Path(path).resolve()
    if final.exists() and not final.is_file():
        raise OSError(f"{path} is no file, so that none can be written in its place")
    final.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=final.parent, prefix=f".{final.name}.", delete=False) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, line ends as they are, all or nothing."""
    with aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
