"""GLUE as it lies beside the project, and a made copy of all nine tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def made_glue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the Hub's layout with a few rows of each of the nine tasks."""
    from tiny_glue import save

    folder = tmp_path_factory.mktemp("data") / "glue"
    save(folder)
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
