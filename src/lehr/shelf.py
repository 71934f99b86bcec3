"""Folders of this machine: what lehr keeps, and the shelf of pretrained encoders, before the hub is asked."""

from __future__ import annotations

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
