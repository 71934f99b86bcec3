"""What several tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models gain nothing by more, and wait on a busy machine

settings.register_profile("long", max_examples=20_000, deadline=None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data sets that stand beside the project and are never part of it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data sets are not beside the project")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an exported model of random weights, `tiny_model`, with an example beside it."""
    pytest.importorskip("torch", reason="models are made with torch: pip install 'lehr[train]'")
    from tiny_model import save

    folder = tmp_path_factory.mktemp("models") / "tiny"
    save(folder)
    return folder
