"""Work on many things at a time, in threads; the results come in the order of the things."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import TypeVar

from .cpus import usable_cpus

Thing = TypeVar("Thing")
Result = TypeVar("Result")

MOST = 8
"""Workers unless more are asked for: the graphs run side by side, and the Python between them does not."""


def at_once(threads: int | None, things: int) -> int:
    """How many of so many things to do at a time, on a thread each; 1 if all `threads` had better do one after another,
    as there are fewer things than threads. None for as many threads as there are cores, but no more than `MOST`.
    """
    workers = threads or min(usable_cpus(), MOST)
    return workers if things >= workers else 1


def in_order(
    work: Callable[[Thing], Result], things: Iterable[Thing], workers: int, *, ahead: int | None = None
) -> Generator[tuple[Thing, Callable[[], Result]], None, None]:
    """Each thing, and what returns or raises what `work` does of it.

    Closed before its end, it begins no more, and waits for what has begun; see `contextlib.closing`.

    Args:
        work: is called in threads, and with one worker in this one, when its result is asked for.
        things: are asked for in this thread.
        workers: threads.
        ahead: things that are asked for before the first result is given; None for twice as many as there are workers.
            With more, none waits as long for one that takes long, and more is held.
    """
    if workers == 1:
        yield from ((thing, partial(work, thing)) for thing in things)
        return
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(workers, "lehr")
    given: deque[tuple[Thing, Callable[[], Result]]] = deque()
    failure = None
    try:
        try:
            for thing in things:
                given.append((thing, pool.submit(work, thing).result))
                if len(given) >= (ahead or 2 * workers):
                    yield given.popleft()
        except Exception as error:  # of `things`: what came before has a result nevertheless
            failure = error
        yield from given
        if failure:
            raise failure
    finally:
        pool.shutdown(cancel_futures=True)
