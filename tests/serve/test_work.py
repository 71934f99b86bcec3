"""Steps of work: their order, and what becomes of those nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from threading import Event
from typing import Any

import pytest

from lehr.serve.work import Work


def run(test: Callable[[Work], Coroutine[Any, Any, None]], threads: int = 1) -> None:
    work = Work(threads)
    work.start()
    try:
        asyncio.run(asyncio.wait_for(test(work), 60))
    finally:
        work.stop()


def soon() -> float:
    return asyncio.get_running_loop().time() + 60


def test_a_long_text_takes_its_turn_after_each_step() -> None:
    order: list[str] = []

    def long() -> Iterator[int]:
        for number in range(1, 4):
            order.append(f"long {number}")
            yield number

    async def test(work: Work) -> None:
        async def all_of_it() -> list[int]:
            return [item async for item in work.each(long(), soon())]

        task = asyncio.ensure_future(all_of_it())
        await asyncio.sleep(0)
        await work.do(lambda: order.append("short"), soon())
        assert await task == [1, 2, 3]

    run(test)
    assert order.index("short") < order.index("long 3")


def test_a_short_step_does_not_wait_behind_a_long_one_while_a_thread_is_idle() -> None:
    go = Event()

    async def test(work: Work) -> None:
        long = asyncio.ensure_future(work.do(lambda: go.wait(60), soon()))
        await asyncio.gather(*(work.do(lambda: None, soon()) for _ in range(40)))
        assert not long.done()
        go.set()
        assert await long

    run(test, threads=2)


def test_no_step_begins_after_the_stop() -> None:
    begun, go = Event(), Event()
    done: list[str] = []

    def first() -> None:
        begun.set()
        go.wait(60)
        done.append("first")

    async def test(work: Work) -> None:
        asked = [asyncio.ensure_future(work.do(first, soon()))]
        asked += [asyncio.ensure_future(work.do(lambda: done.append("later"), soon())) for _ in range(3)]
        await asyncio.to_thread(begun.wait, 60)
        stopped = asyncio.ensure_future(asyncio.to_thread(work.stop))
        while not work._pool._shutdown:
            await asyncio.sleep(0.001)
        go.set()
        await stopped
        for one in asked:
            one.cancel()

    run(test)
    assert done == ["first"]


def test_what_nobody_waits_for_is_not_done() -> None:
    go = Event()
    done: list[str] = []

    async def test(work: Work) -> None:
        first = asyncio.ensure_future(work.do(lambda: go.wait(60), soon()))
        gone = asyncio.ensure_future(work.do(lambda: done.append("gone"), soon()))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])  # a task hears of it when the loop goes on, and a thread would not wait for that
        go.set()
        await first
        await work.do(lambda: done.append("there"), soon())

    run(test)
    assert done == ["there"]


def test_errors_and_deadlines() -> None:
    go = Event()

    async def test(work: Work) -> None:
        with pytest.raises(ZeroDivisionError):
            await work.do(lambda: 1 / 0, soon())
        with pytest.raises(asyncio.TimeoutError):
            await work.do(lambda: go.wait(60), asyncio.get_running_loop().time() + 0.01)
        go.set()
        assert await work.do(lambda: 7, soon()) == 7

    run(test)
