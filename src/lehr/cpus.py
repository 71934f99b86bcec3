"""How many CPUs there are to compute on."""

from __future__ import annotations

import os


def usable_cpus() -> int:
    """Those that this process may use, where the system says; otherwise all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
