"""Work in short steps, done by a few threads in the order in which it came.

A long text is many steps, a passage each, and takes its turn again after every one of them: so the wait of a short text
does not depend on how long the texts are that came before it. A step begins when the one who asked for it is ready for
it; so nothing is computed for a client that is slow or gone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
_Step: TypeAlias = "tuple[Callable[[], Any], asyncio.Future[Any]]"


class Work:
    """Threads that take over one step at a time.

    Steps that wait are not padded into one tensor: on a CPU that is hardly faster, and with 8-bit activations, which
    are scaled by the largest of a batch, an answer would depend on what others have asked.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._waiting: deque[_Step] = deque()

    @property
    def waiting(self) -> int:
        """Steps that no thread has taken over."""
        return len(self._waiting)

    def start(self) -> None:
        """Take on work, until `stop`."""
        self._pool = ThreadPoolExecutor(self.threads, "lehr-work")

    async def do(self, call: Callable[[], T], deadline: float) -> T:
        """What `call` returns or raises, once it is its turn.

        Raises:
            asyncio.TimeoutError: at the `deadline`, in seconds of the loop's clock.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((call, future))
        self._pool.submit(self._take_over, loop)
        return await asyncio.wait_for(future, max(0.0, deadline - loop.time()))

    async def each(self, items: Iterator[T], deadline: float) -> AsyncIterator[T]:
        """The items, none of which is None, each made in a step of its own."""
        while (item := await self.do(partial(next, items, None), deadline)) is not None:
            yield item

    def stop(self) -> None:
        """Do no more steps; those that have begun come to their end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _take_over(self, loop: asyncio.AbstractEventLoop) -> None:
        call, future = self._waiting.popleft()
        if future.cancelled():
            return
        try:
            outcome = partial(_set, future.set_result, call())
        except Exception as error:
            outcome = partial(_set, future.set_exception, error)
        loop.call_soon_threadsafe(outcome, future)


def _set(set_outcome: Callable[[Any], None], outcome: Any, future: asyncio.Future[Any]) -> None:
    if not future.done():
        set_outcome(outcome)
