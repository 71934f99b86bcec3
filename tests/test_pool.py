"""Work in threads whose results come in the order of the things."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lehr.pool import MOST, at_once, in_order


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order(workers: int) -> None:
    def slower_at_first(thing: int) -> int:
        time.sleep(0.01 * (thing == 0))
        return thing * thing

    found = [(thing, result()) for thing, result in in_order(slower_at_first, range(20), workers)]
    assert found == [(thing, thing * thing) for thing in range(20)]


def test_as_many_are_worked_on_as_there_are_workers() -> None:
    together = threading.Barrier(3)
    for _, result in in_order(lambda _: together.wait(60), range(6), 3):
        result()  # else the barrier breaks


@pytest.mark.parametrize(("workers", "ahead", "expected"), [(1, None, 1), (2, None, 4), (3, None, 6), (2, 9, 9)])
def test_things_are_asked_for_when_they_are_needed(workers: int, ahead: int | None, expected: int) -> None:
    asked: list[int] = []

    def things() -> Iterator[int]:
        for thing in range(100):
            asked.append(thing)
            yield thing

    results = in_order(lambda thing: thing, things(), workers, ahead=ahead)
    assert not asked
    next(results)
    assert len(asked) == expected


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_is_that_of_one_thing(workers: int) -> None:
    outcomes = []
    for thing, result in in_order(lambda thing: 6 // thing, [1, 0, 2], workers):
        try:
            outcomes.append((thing, result()))
        except ZeroDivisionError:
            outcomes.append((thing, -1))
    assert outcomes == [(1, 6), (0, -1), (2, 3)]


@pytest.mark.parametrize("workers", [1, 3])
def test_what_was_asked_for_before_an_error_has_a_result(workers: int) -> None:
    def things() -> Iterator[int]:
        yield from (1, 2)
        raise OSError("no more")

    results = in_order(lambda thing: thing, things(), workers)
    assert [next(results)[1](), next(results)[1]()] == [1, 2]
    with pytest.raises(OSError, match="no more"):
        next(results)


def test_what_is_closed_begins_nothing_more_and_ends_what_it_has_begun() -> None:
    begun, ended, go_on = [], [], threading.Event()

    def work(thing: int) -> None:
        begun.append(thing)
        if thing:
            assert go_on.wait(60)
        ended.append(thing)

    results = in_order(work, range(1000), 2, ahead=1000)
    assert next(results)[0] == 0
    while len(begun) < 3:  # the first is done, and two wait
        time.sleep(0.001)
    threading.Timer(0.5, go_on.set).start()  # amid the closing
    results.close()
    assert sorted(begun) == sorted(ended) == [0, 1, 2]


def test_few_things_are_done_one_after_another_on_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert at_once(4, 3) == 1
    assert at_once(4, 4) == 4
    assert at_once(1, 100) == 1
    monkeypatch.setattr("lehr.pool.usable_cpus", lambda: 3)
    assert (at_once(None, 2), at_once(None, 3)) == (1, 3)
    monkeypatch.setattr("lehr.pool.usable_cpus", lambda: 64)
    assert at_once(None, 100) == MOST
