"""What lehr runs on."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version

from . import __version__

_EXTRAS = ["torch", "transformers", "accelerate", "datasets", "onnx", "safetensors", "spacy", "ray", "fastapi"]
"""Packages of the extras that change how lehr behaves."""


def versions() -> dict[str, str | None]:
    """The versions of lehr, of Python, of the machine and of the packages in use; None for what is not installed.

    Nothing is imported for it. The base packages are those that the installed lehr declares; run from a source tree
    that is not installed, there are none.
    """
    try:
        declared = requires("lehr") or []
    except PackageNotFoundError:
        declared = []
    base = [re.split(r"[^\w.-]", requirement)[0] for requirement in declared if "extra ==" not in requirement]
    return {
        "lehr": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
        **{name: _installed(name) for name in [*base, *_EXTRAS]},
    }


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
