"""A resolver as a service: a REST API and a page, in one process, without torch (`lehr[serve]`)."""

from __future__ import annotations

from .api import create
from .limits import Limits
from .server import run

__all__ = ["Limits", "create", "run"]
