"""Cells carried out by worker processes, several at a time, in the order in which they learn from one another.

Nothing here knows what a cell runs, or loads torch.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from filelock import FileLock, Timeout

from ..cpus import usable_cpus

if TYPE_CHECKING:
    from .grid import Cell

State = Literal["running", "running elsewhere", "done", "failed"]
Report = Callable[["Cell", State, str, float], None]

POLL = 0.2
"""Seconds between two looks at the workers."""

GRACE = 10
"""Seconds for a worker to end once it is told to."""


@dataclass
class _Job:
    cell: Cell
    process: subprocess.Popen[bytes]
    lock: FileLock
    began: float


class Runner:
    """Carries out the cells that are missing.

    A cell waits until the one that it learns from is done. A worker that fails takes no other with it, but the cells
    that would have learned from its model. Of several runners of one grid, each cell is run by one, which holds a lock
    on it as long as it lives; its workers end when it does, see `end_with_parent`.

    Args:
        cells: in the order in which to begin them.
        teacher: the cell that one learns from.
        finished: whether a cell is done, here or elsewhere.
        command: what a worker of a cell is called with.
        runs: a folder for locks and for what the workers say.
        jobs: workers at a time.
        gpus: names of the GPUs, of which each worker sees one; none for CPUs.
        report: told of every cell's changes: what it is now, why it failed, and after how many seconds.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        *,
        teacher: Callable[[Cell], Cell | None],
        finished: Callable[[Cell], bool],
        command: Callable[[Cell], Sequence[str]],
        runs: Path,
        jobs: int = 1,
        gpus: Sequence[str] = (),
        report: Report = lambda cell, state, why, seconds: None,
    ) -> None:
        if jobs < 1:
            raise ValueError(f"jobs are one or more; got {jobs}")
        self.teacher, self.finished, self.command, self.runs = teacher, finished, command, runs
        self.jobs, self.gpus, self.report = jobs, gpus, report
        self.waiting = [cell for cell in cells if not finished(cell)]
        self.running: dict[int, _Job] = {}
        self.elsewhere: set[Cell] = set()
        self.failed: dict[Cell, str] = {}

    def run(self) -> dict[Cell, str]:
        """Run until every cell is done or has failed; the failed ones, and why."""
        try:
            while self.waiting or self.running:
                for cell in list(self.waiting):
                    self._consider(cell)
                time.sleep(POLL)
                for slot in list(self.running):
                    self._collect(slot)
        finally:
            for job in self.running.values():
                job.process.terminate()
            for job in self.running.values():
                try:
                    job.process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    job.process.kill()
                    job.process.wait()
                job.lock.release()
        return self.failed

    def _consider(self, cell: Cell) -> None:
        """Begin a waiting cell, if it can begin."""
        teacher = self.teacher(cell)
        if self.finished(cell):
            self._settle(cell, "done")
        elif teacher in self.failed:
            self._settle(cell, "failed", f"its teacher {teacher.name} failed")
        elif len(self.running) < self.jobs and (teacher is None or self._can_teach(teacher)):
            path = self.runs / f"{cell.name}.lock"
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if cell not in self.elsewhere:
                    self.elsewhere.add(cell)
                    self.report(cell, "running elsewhere", "", 0.0)
                return
            if self.finished(cell):  # in the meantime
                lock.release()
                self._settle(cell, "done")
            else:
                self._begin(cell, lock)

    def _can_teach(self, teacher: Cell) -> bool:
        """Whether it is done, and its worker has ended, which may be a moment later."""
        return self.finished(teacher) and all(job.cell != teacher for job in self.running.values())

    def _begin(self, cell: Cell, lock: FileLock) -> None:
        self.waiting.remove(cell)
        slot = min(set(range(self.jobs)) - self.running.keys())
        with self._log(cell).open("wb") as said:
            process = subprocess.Popen(
                self.command(cell), stdin=subprocess.PIPE, stdout=said, stderr=said, env=self._environment(slot)
            )
        self.running[slot] = _Job(cell, process, lock, time.monotonic())
        self.report(cell, "running", "", 0.0)

    def _collect(self, slot: int) -> None:
        job = self.running[slot]
        status = job.process.poll()
        if status is None:
            return
        del self.running[slot]
        assert job.process.stdin is not None
        job.process.stdin.close()
        job.lock.release()
        seconds = time.monotonic() - job.began
        if status == 0 and self.finished(job.cell):
            self._settle(job.cell, "done", "", seconds)
        else:
            why = f"killed by signal {-status}" if status < 0 else self._last_line(job.cell, status)
            self._settle(job.cell, "failed", why, seconds)

    def _settle(self, cell: Cell, state: State, why: str = "", seconds: float = 0.0) -> None:
        if cell in self.waiting:
            self.waiting.remove(cell)
        if state == "failed":
            self.failed[cell] = why
        self.report(cell, state, why, seconds)

    def _log(self, cell: Cell) -> Path:
        return self.runs / f"{cell.name}.log"

    def _last_line(self, cell: Cell, status: int) -> str:
        lines = self._log(cell).read_text("utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), f"exit status {status}")

    def _environment(self, slot: int) -> dict[str, str]:
        environment = dict(os.environ)
        if self.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self.gpus[slot % len(self.gpus)]
        if self.jobs > 1:
            environment.setdefault("OMP_NUM_THREADS", str(max(1, usable_cpus() // self.jobs)))
        return environment


def end_with_parent() -> None:
    """In a worker: end as soon as the runner has, however that ended; its standard input is then at its end."""

    def wait() -> None:
        os.read(0, 1)  # not by way of sys.stdin, whose lock Python wants when it ends
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
