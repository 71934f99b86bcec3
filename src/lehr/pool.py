"""Work on many things at a time, in threads; the results come in the order of the things."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

MOST = 8
"""Workers unless more are asked for: the graphs run side by side, and the Python between them does not."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_once(threads: int | None, things: int) -> int:
    """How many of so many things to do at a time, on a thread each; 1 if all `threads` had better do one after another,
    as there are fewer things than threads. None for as many threads as there are cores, but no more than `MOST`.
    """
    workers = threads or min(cores(), MOST)
    return workers if things >= workers else 1


def in_order(
    work: Callable[[Thing], Result], things: Iterable[Thing], workers: int
) -> Iterator[tuple[Thing, Callable[[], Result]]]:
    """Each thing, and what returns or raises what `work` does of it.

    Args:
        work: is called in threads, and with one worker in this one, when its result is asked for.
        things: are asked for in this thread, at most twice as many as there are workers ahead of the results.
        workers: threads.
    """
    if workers == 1:
        yield from ((thing, partial(work, thing)) for thing in things)
        return
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(workers, "lehr")
    ahead: deque[tuple[Thing, Callable[[], Result]]] = deque()
    failure = None
    try:
        try:
            for thing in things:
                ahead.append((thing, pool.submit(work, thing).result))
                if len(ahead) >= 2 * workers:
                    yield ahead.popleft()
        except Exception as error:  # of `things`: what came before has a result nevertheless
            failure = error
        yield from ahead
        if failure:
            raise failure
    finally:
        pool.shutdown(cancel_futures=True)
