"""A made copy of GLUE's nine tasks in the Hub's layout, a few rows of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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


def save(folder: Path) -> None:
    """Write all nine into `folder`."""
    from lehr.glue.tasks import TASKS

    lines = ["---", "configs:"]
    for task in TASKS.values():
        lines += [f"- config_name: {task.name}", "  data_files:"]
        for part in ("train", *task.test_parts):
            path = folder / task.name / f"{part}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            made_part(task, part).to_parquet(path)
            lines += [f"  - split: {part}", f"    path: {task.name}/{part}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]), encoding="utf-8")
