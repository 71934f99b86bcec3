"""GLUE as it lies beside the project, and a made copy of all nine tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from datasets import Dataset

    from lehr.glue.tasks import Task

ROWS = {"train": 60, "validation": 6, "validation_matched": 7, "validation_mismatched": 5}


def made_part(task: Task, part: str) -> Dataset:
    """Rows whose texts tell their column, number and part; two of three are of the first label."""
    from datasets import ClassLabel, Dataset, Features, Value

    rows = range(ROWS[part])
    columns = {column: [f"the {column} of row {row} in {part}" for row in rows] for column in task.columns}
    labels = [row / 7 for row in rows] if task.regression else [max(0, row % 3 - 1) for row in rows]
    label = Value("float32") if task.regression else ClassLabel(names=list(task.labels))
    features = {**{column: Value("string") for column in columns}, "label": label, "idx": Value("int32")}
    return Dataset.from_dict({**columns, "label": labels, "idx": list(rows)}, Features(features))


@pytest.fixture(scope="session")
def made_glue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the Hub's layout with a few rows of each of the nine tasks."""
    from lehr.glue.tasks import TASKS

    folder = tmp_path_factory.mktemp("data") / "glue"
    lines = ["---", "configs:"]
    for task in TASKS.values():
        lines += [f"- config_name: {task.name}", "  data_files:"]
        for part in ("train", *task.test_parts):
            path = folder / task.name / f"{part}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            made_part(task, part).to_parquet(path)
            lines += [f"  - split: {part}", f"    path: {task.name}/{part}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def real_glue(shared_data: Path) -> Path:
    """The six tasks that stand beside the project."""
    folder = shared_data / "nyu-mll" / "glue"
    if not folder.is_dir():
        pytest.skip("GLUE is not beside the project")
    return folder


@pytest.fixture(scope="module", autouse=True)
def arrow_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What Datasets makes of a test's files is of no use to anybody later."""
    datasets = pytest.importorskip("datasets", reason="GLUE is read with Datasets: pip install 'lehr[train]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("arrow"))
        datasets.disable_progress_bars()
        yield
        datasets.enable_progress_bars()
