"""What lehr runs on."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from .cpus import usable_cpus

_EXTRAS = ["torch", "transformers", "accelerate", "datasets", "scipy", "onnx", "safetensors", "spacy", "ray", "fastapi"]
"""Packages of the extras that change how lehr behaves."""

_INSTRUCTIONS = (
    *("avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"),
    *("asimddp", "i8mm", "bf16", "sve"),
)
"""What a processor may know that makes a difference to a model, on x86 and on ARM, as Linux calls it."""

_VARIABLES = ("LEHR_", "HF_HOME", "HF_HUB_", "HF_ENDPOINT", "OMP_", "ORT_")
"""How those environment variables begin that change what lehr does."""


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


__version__ = _installed("lehr") or "0.0"
"""Of lehr as it was installed: the git tag when it was built. A source tree that is not installed knows none."""


def versions() -> dict[str, str | None]:
    """The versions of lehr, of Python, of the machine and of the packages in use; None for what is not installed.

    Of the processor, those instructions are told that make a difference to a model.

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
        "instructions": _told(_instructions),
        **{name: _installed(name) for name in [*base, *_EXTRAS]},
    }


def environment() -> dict[str, str | None]:
    """`versions`, and what else a bug report needs: the cores, the runtime, the model, folders and variables.

    What cannot be told says why instead, so that a broken installation has an environment, too.
    """
    return {
        **versions(),
        "threads": _told(_threads),
        "providers": _told(_providers),
        "installed in": str(Path(__file__).parent),
        "model": _told(_model),
        "cache": _told(_cache),
        **{name: value for name, value in sorted(os.environ.items()) if name.startswith(_VARIABLES)},
    }


def _told(question: Callable[[], str]) -> str:
    try:
        return question()
    except Exception as error:  # whatever is broken here is what the report is about
        return f"unknown ({type(error).__name__}: {error})"


def _instructions() -> str:
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    known = found[1].split() if found else []
    return " ".join(name for name in _INSTRUCTIONS if name in known) or "none that matters"


def _threads() -> str:
    return f"{usable_cpus()} cores for this process"


def _providers() -> str:
    from onnxruntime import get_available_providers  # type: ignore[import-untyped]

    return ", ".join(get_available_providers())


def _model() -> str:
    from .resolver.location import fingerprint, locate

    folder = locate(None)
    return f"{folder}, fingerprint {fingerprint(folder)[:16]}"


def _cache() -> str:
    from .shelf import cache_folder

    return str(cache_folder())
