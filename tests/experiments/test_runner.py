"""The runner with workers of a few lines, which learn nothing and end at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from made_grid import made_grid

from lehr.experiments.grid import Cell, Grid
from lehr.experiments.runner import Runner

WORKER = """
import os, sys, time
from pathlib import Path
from lehr.experiments.runner import end_with_parent
end_with_parent()
name, began, result = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
with began.open("a") as log:
    log.write(f"{name} {os.getpid()} {os.environ.get('OMP_NUM_THREADS')} {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n")
"""

Make = Callable[..., Runner]


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    """A teacher, an assistant, and two seeds of what learns from each."""
    gone = "  - {method: annealing-kd, teacher: teacher, seeds: [1, 2, 3]}\n"
    return made_grid(tmp_path, ("  cifar100:\n", ""), (gone, ""), ("[1, 2, 3]", "[1, 2]"))


@pytest.fixture
def make(grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A runner of the grid whose workers go on with `then`; they note when they begin in `began`."""
    import lehr.experiments.runner as module

    monkeypatch.setattr(module, "POLL", 0.01)
    results = tmp_path / "results"
    results.mkdir()

    def made(then: str = "result.write_text('done')", **settings: object) -> Runner:
        script = tmp_path / f"worker-{abs(hash(then))}.py"
        script.write_text(WORKER + then, "utf-8")
        return Runner(
            grid.cells(),
            teacher=grid.teacher,
            finished=lambda cell: (results / cell.file).exists(),
            command=lambda cell: [
                *(sys.executable, str(script), cell.name),
                *(str(tmp_path / "began"), str(results / cell.file)),
            ],
            runs=tmp_path / "runs",
            **settings,  # type: ignore[arg-type]
        )

    return made


def began(folder: Path) -> list[str]:
    path = folder / "began"
    return [line.split()[0] for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_cells_run_after_those_that_they_learn_from(make: Make, grid: Grid, tmp_path: Path) -> None:
    states: list[tuple[str, str]] = []
    runner = make(jobs=3, report=lambda cell, state, why, seconds: states.append((cell.name, state)))
    assert runner.run() == {}
    assert sorted(began(tmp_path)) == sorted(cell.name for cell in grid.cells())
    for cell in grid.cells():
        assert states.count((cell.name, "done")) == 1
        if (teacher := grid.teacher(cell)) is not None:
            assert states.index((teacher.name, "done")) < states.index((cell.name, "running"))
    assert make().run() == {}
    assert len(began(tmp_path)) == len(grid.cells()), "what is done is not run again"


def test_a_failing_cell_is_told_and_takes_only_its_students_with_it(make: Make, grid: Grid, tmp_path: Path) -> None:
    then = (
        "if 'assistant' in name:\n"
        "    sys.exit('Traceback\\nlehr: the loss is nan by step 3\\n')\n"
        "if 'kd-2' in name and 'takd' not in name: os.kill(os.getpid(), 9)\n"
        "if 'scratch-1' in name: sys.exit(3)\n"
        "if 'scratch-2' in name: sys.exit(0)\n"
        "result.write_text('done')"
    )
    failed = {cell.name: why for cell, why in make(then, jobs=4).run().items()}
    assert failed == {
        "cifar10/assistant-0": "lehr: the loss is nan by step 3",
        **{f"cifar10/takd-{seed}": "its teacher cifar10/assistant-0 failed" for seed in (1, 2)},
        "cifar10/kd-2": "killed by signal 9",
        "cifar10/scratch-1": "exit status 3",
        "cifar10/scratch-2": "exit status 0",
    }
    assert "the loss is nan" in (tmp_path / "runs/cifar10/assistant-0.log").read_text("utf-8")
    assert make().run() == {}, "and they are run anew the next time"


def test_workers_share_threads_and_gpus(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("lehr.experiments.runner.usable_cpus", lambda: 9)
    make(jobs=4, gpus=["2", "5"]).run()
    lines = [line.split() for line in (tmp_path / "began").read_text("utf-8").splitlines()]
    assert {line[2] for line in lines} == {"2"}
    assert {line[3] for line in lines} == {"2", "5"}


def test_no_jobs_are_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="jobs are one or more; got 0"):
        make(jobs=0)


HOST = """
import json, os, sys
from dataclasses import dataclass
from pathlib import Path
from lehr.experiments import runner
runner.POLL = 0.01

@dataclass(frozen=True)
class Cell:
    name: str
    command: tuple
    result: str
    teacher: str

told = json.load(open(sys.argv[1]))
cells = {name: Cell(name, tuple(command), result, teacher) for name, command, result, teacher in told["cells"]}
failed = runner.Runner(
    list(cells.values()),
    teacher=lambda cell: cells.get(cell.teacher),
    finished=lambda cell: os.path.exists(cell.result),
    command=lambda cell: cell.command,
    runs=Path(told["runs"]),
    jobs=2,
).run()
sys.exit(len(failed))
"""


def in_process(runner: Runner, folder: Path) -> subprocess.Popen[bytes]:
    """A runner like this one in a process of its own."""
    cells = [
        (
            cell.name,
            runner.command(cell),
            str(folder / "results" / cell.file),
            getattr(runner.teacher(cell), "name", ""),
        )
        for cell in runner.waiting
    ]
    (folder / "told.json").write_text(json.dumps({"cells": cells, "runs": str(runner.runs)}), "utf-8")
    (folder / "host.py").write_text(HOST, "utf-8")
    return subprocess.Popen([sys.executable, str(folder / "host.py"), str(folder / "told.json")])


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end, "nothing happened for long"
        time.sleep(0.02)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what became of a process")
def test_a_killed_runner_takes_its_workers_with_it_and_the_next_goes_on(make: Make, grid: Grid, tmp_path: Path) -> None:
    then = "if 'teacher' not in name: time.sleep(600)\nresult.write_text('done')"
    first = in_process(make(then), tmp_path)
    until(lambda: len(began(tmp_path)) == 3 and (tmp_path / "results/cifar10-teacher-0.json").exists())
    workers = [int(line.split()[1]) for line in (tmp_path / "began").read_text("utf-8").splitlines()]
    first.kill()
    first.wait()
    until(lambda: not any(map(alive, workers)))
    assert make(jobs=3).run() == {}
    names = began(tmp_path)
    assert names.count("cifar10/teacher-0") == 1
    assert sorted(names[3:]) == sorted(cell.name for cell in grid.cells() if cell.name != "cifar10/teacher-0")


def test_an_interrupted_runner_ends_its_workers(make: Make, tmp_path: Path) -> None:
    seen: list[int] = []

    def interrupt(cell: Cell, state: str, why: str, seconds: float) -> None:
        if len(runner.running) == 2:
            seen.extend(job.process.pid for job in runner.running.values())
            raise KeyboardInterrupt

    runner = make("time.sleep(600)", jobs=2, report=interrupt)
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    assert len(seen) == 2
    for process in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_two_runners_run_every_cell_once(make: Make, grid: Grid, tmp_path: Path) -> None:
    then = "time.sleep(0.1)\nresult.write_text('done')"
    both = [in_process(make(then), tmp_path) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert sorted(began(tmp_path)) == sorted(cell.name for cell in grid.cells())


def test_what_runs_elsewhere_is_told_once(make: Make, tmp_path: Path) -> None:
    from filelock import FileLock

    states: list[str] = []
    lock = FileLock(tmp_path / "runs/cifar10/teacher-0.lock")
    (tmp_path / "runs/cifar10").mkdir(parents=True)
    lock.acquire()

    def note(cell: Cell, state: str, why: str, seconds: float) -> None:
        states.append(f"{cell.name} {state}")
        if state == "done" and cell.name == "cifar10/scratch-2":
            (tmp_path / "results/cifar10-teacher-0.json").write_text("done", "utf-8")
            lock.release()

    assert make(report=note).run() == {}
    assert states[0] == "cifar10/teacher-0 running elsewhere"
    assert sum(state.startswith("cifar10/teacher-0") for state in states) == 2
    assert "cifar10/teacher-0" not in began(tmp_path)
