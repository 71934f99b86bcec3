"""Corpora on Ray: a Ray `Dataset` of texts to one of clusters, and any work on a list of things; see docs/corpora.md.

Both are Ray's tasks, not actors: a worker process reads the model for its first task and keeps it for the next ones,
and a task whose worker dies is done anew by another.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from ..extras import needs

needs("ray")

import ray  # noqa: E402
from ray import exceptions  # noqa: E402
from ray.data import Dataset  # noqa: E402

from .rows import RowResolver, reason  # noqa: E402
from .tables import BATCH, resolve_table  # noqa: E402

RETRIES = 3
"""How often a task is tried again whose worker has died."""

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def resolve(dataset: Dataset, *, workers: int | None = None, batch_size: int = BATCH, **options: Any) -> Dataset:
    """Who is who in the texts of a Ray data set, when its rows are asked for.

    Args:
        dataset: rows with ``text``, or with words as JSON lines have them (``tokens``, or ``sentences`` of words).
        workers: processes at most, of a thread each; None for as many as the cluster has cores.
        batch_size: rows that are given to a worker at once.
        options: those of `RowResolver`.

    Returns:
        the data set with ``clusters`` as lehr's JSON has them, null where a row could not be resolved, and ``error``,
        which says why, null where it could. Rows that came in words have ``text``, ``words`` and ``sentences`` too.
        Other columns stay as they are.

    Raises:
        OSError: if there is no such model.
        ValueError: if it is damaged, or an option is out of its range.
    """
    rows = RowResolver(**options)
    return dataset.map_batches(
        resolve_table,  # type: ignore[arg-type]
        batch_format="pyarrow",
        batch_size=batch_size,
        fn_kwargs={"rows": rows},
        num_cpus=1,
        concurrency=workers,
    )


def each(
    work: Callable[[Thing], Result], things: Iterable[Thing], *, workers: int | None = None
) -> Iterator[tuple[Thing, Result | OSError]]:
    """Do `work` on each of many things, on as many workers as there are, and give the results as they come.

    What workers have died of time and again has an error for a result. Work that is done twice, as its worker died
    when it was almost done, must not do harm.

    Args:
        work: can be pickled, and so can its results.
        things: are given out one by one.
        workers: at a time; None for as many as the cluster has cores.

    Raises:
        Exception: what `work` raises.
    """
    connect(workers)
    task: Any = ray.remote(num_cpus=1, max_retries=RETRIES)(_do)
    shared = ray.put(work)
    free = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))  # type: ignore[no-untyped-call]
    waiting, running = iter(things), dict[Any, Thing]()
    while True:
        for thing in islice(waiting, free - len(running)):
            running[task.remote(shared, thing)] = thing
        if not running:
            return
        (ready,), _ = ray.wait(list(running))
        yield running.pop(ready), _result(ready)


def connect(workers: int | None = None) -> None:
    """Reach the cluster that RAY_ADDRESS names, unless it is reached, or begin one on this machine, quietly.

    Args:
        workers: of a cluster that is begun; None for one on every core.

    Raises:
        ConnectionError: if there is no cluster at that address, or none can be begun.
    """
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns of what is to come
    own: dict[str, Any] = (
        {} if os.environ.get("RAY_ADDRESS") else {"address": "local", "num_cpus": workers, "include_dashboard": False}
    )
    for tries_left in (1, 0):  # a busy machine may not have begun in the half a minute that Ray gives it
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **own)
            return
        except Exception as error:  # of whatever kind
            if not tries_left:
                raise ConnectionError(f"no Ray cluster answers: {reason(error)}") from error


def _do(work: Callable[[Thing], Result], thing: Thing) -> Result:
    return work(thing)


def _result(ready: Any) -> Any:
    try:
        return ray.get(ready)
    except exceptions.RayTaskError as error:
        raise error.cause from None
    except exceptions.RayError as error:
        return OSError(f"its worker died, as did {RETRIES} that tried again ({type(error).__name__})")
