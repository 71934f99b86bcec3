"""Folders of this machine: what lehr keeps, and the shelf of pretrained encoders, before the hub is asked."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def cache_folder() -> Path:
    """Where lehr keeps what it can make or fetch again: the folder that LEHR_CACHE names, or ``~/.cache/lehr``."""
    return Path(os.environ.get("LEHR_CACHE", Path.home() / ".cache/lehr"))


def encoder_path(name: str | os.PathLike[str]) -> str:
    """The folder of a pretrained encoder where it is on this machine, else `name` as it came: a hub id.

    A folder `name` that is here is meant itself. Else the last part of the name is looked for in the folder that the
    environment variable LEHR_ENCODERS names, or ``~/.cache/lehr/encoders``: ``org/encoder`` is there as ``encoder``.
    """
    shelf = Path(os.environ.get("LEHR_ENCODERS", Path.home() / ".cache/lehr/encoders"))
    here = shelf / os.fspath(name).rsplit("/", 1)[-1]
    return str(here) if not Path(name).exists() and here.exists() else os.fspath(name)


def state_of(folder: Path) -> str:
    """A folder and its files as they are now: a hash of its path and of their names, sizes and times of change.

    Datasets knows a folder whose README names its files by that README and by the folder's last name alone, and takes
    others' rows, or older ones, for its own: what it makes of one is kept under this name.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    states = [(str(path.relative_to(folder)), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files]
    return hashlib.sha256(repr((str(folder.resolve()), states)).encode()).hexdigest()[:16]
