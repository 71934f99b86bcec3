"""A bar that shows how far the work is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(total: float, shown: bool = True) -> Iterator[Callable[[float], object]]:
    """A bar on standard error, where that is a terminal and it is to be `shown`; give what moves it on."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("resolving", total=total)
        yield lambda done: bar.advance(task, done)
