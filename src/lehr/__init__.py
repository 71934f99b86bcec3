"""lehr: coreference resolution small enough for an edge device."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .document import Cluster, Document, Mention
    from .resolver import Resolver

__version__ = "0.1.0"
__all__ = ["Cluster", "Document", "Mention", "Resolver", "__version__"]

_HOMES = {"Cluster": ".document", "Document": ".document", "Mention": ".document", "Resolver": ".resolver"}


def __getattr__(name: str) -> object:
    """Import what is named only when it is used, so that `import lehr` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
