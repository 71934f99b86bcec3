"""Files written aside and renamed into place, so that nobody ever reads half a file."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

_UMASK = Lock()
"""The mask of permissions can only be read by setting it, for all threads."""


def place(path: str | os.PathLike[str]) -> Path:
    """Where a file of this path is to be, links followed.

    Raises:
        OSError: if none can be: what is there is no file, such as a folder or a device, or is not below a folder.
    """
    final = Path(path).resolve()
    standard = os.path.abspath(path).startswith(("/dev/std", "/dev/fd/", "/proc/"))  # links to whatever is open
    if standard or (final.exists() and not final.is_file()):
        raise OSError(f"{path} is no file, so that none can be written in its place")
    there = next(folder for folder in final.parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise OSError(f"{path} cannot be written: {there} is no folder that may be written to")
    return final


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of lehr's own.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it holds no such object.
    """
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no JSON object, as it did when it was written: move it away")
    return found


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs from writing to a folder, which is made if it is not there.

    Raises:
        ValueError: if another does so now.
        OSError: if the folder cannot be made or locked.
    """
    from filelock import FileLock, Timeout  # who only reads needs none

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lehr-run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"another run is writing to {folder}: wait for its end, or choose another output") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def aside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; at the end of the block it becomes `path`, or is removed on an error.

    A file that was there leaves it its permissions.

    Raises:
        OSError: as `place`, or if it cannot be written.
    """
    from tempfile import NamedTemporaryFile  # slow to import, and who only reads needs none

    final = place(path)
    try:
        with _UMASK:
            final.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=final.parent, prefix=f".{final.name}.", delete=False) as file:
            temporary = Path(file.name)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    try:
        yield temporary
        with _UMASK:
            umask = os.umask(0)
            os.umask(umask)
        temporary.chmod(stat.S_IMODE(final.stat().st_mode) if final.exists() else 0o666 & ~umask)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


def unfinished(path: Path) -> str | None:
    """The name of the file that a temporary path of `aside` was to become; None if it is none."""
    found = re.fullmatch(r"\.(.+)\.[a-z0-9_]{8}", path.name)
    return found and found[1]


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, line ends as they are, all or nothing."""
    with aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
