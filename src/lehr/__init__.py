"""lehr: coreference resolution small enough for an edge device."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .document import Cluster, Document, Mention
    from .resolver import Resolver
    from .versions import __version__

__all__ = ["Cluster", "Document", "Mention", "Resolver", "__version__"]

_HOMES = {
    **dict.fromkeys(("Cluster", "Document", "Mention"), ".document"),
    "Resolver": ".resolver",
    "__version__": ".versions",
}


def __getattr__(name: str) -> object:
    """Import what is named only when it is used, so that `import lehr` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
