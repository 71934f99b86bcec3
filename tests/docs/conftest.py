"""A reader's folder: what the pages take for granted, small enough for a test."""

from __future__ import annotations

from pathlib import Path

import pytest
from printed import ROOT
from tiny_documents import GARDEN, HOUSE, LETTER, RAIN, SHIP, marked

STORIES = [
    marked(f"(1 {name} 1) saw {other} . (1 {pronoun} 1) said that (1 {pronoun} 1) was tired .", f"{name}-{other}")
    for name, pronoun in (("Ann", "She"), ("Mary", "she"), ("Tom", "He"), ("Sam", "he"))
    for other in ("the ship", "a river", "some rain", "it", "the town", "a letter")
]
"""Enough of them for a model of random weights to learn that somebody is mentioned again."""


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoders of random weights under the names that the pages use: six layers, and the large one's twelve."""
    pytest.importorskip("torch", reason="the pages train models: pip install 'lehr[train]'")
    import tiny_model
    import torch
    from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel

    folder = tmp_path_factory.mktemp("encoders")
    tokenizer = tiny_model.tokenizer()
    size = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 520,
    }
    torch.manual_seed(0)
    for name, model in {
        "all-MiniLM-L6-v2": BertModel(BertConfig(num_hidden_layers=6, **size)),
        "gbert-base": BertModel(BertConfig(num_hidden_layers=6, **size)),
        "all-mpnet-base-v2": MPNetModel(MPNetConfig(num_hidden_layers=12, **size)),
    }.items():
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stands beside a checkout: the GLUE data."""
    pytest.importorskip("datasets", reason="GLUE is made with Datasets: pip install 'lehr[train]'")
    import tiny_glue

    folder = tmp_path_factory.mktemp("world")
    tiny_glue.save(folder / "shared/data/nyu-mll/glue")
    return folder


@pytest.fixture
def environment(encoders: Path, world: Path, tmp_path: Path) -> dict[str, str]:
    """Nothing is asked of the hub, nothing is left in the user's cache, and a request that is refused is a failure."""
    (tmp_path / ".curlrc").write_text("fail-with-body\n", encoding="utf-8")
    return {
        "CURL_HOME": str(tmp_path),
        "LEHR_ENCODERS": str(encoders),
        "LEHR_CACHE": str(tmp_path / "cache"),
        "HF_DATASETS_CACHE": str(tmp_path / "arrow"),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "NO_COLOR": "1",
    }


@pytest.fixture
def reader(world: Path, request: pytest.FixtureRequest) -> Path:
    """A checkout's root as a reader of a page has it, with texts and data of the reader's own."""
    import made_german

    from lehr.formats import write

    folder = world / request.node.callspec.id.replace("/", "-")
    folder.mkdir()
    for name in ("recipes", "examples"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "nyu-mll").symlink_to(world / "shared/data/nyu-mll")  # in the hub's place
    passage = (ROOT / "examples/oliver_twist.txt").read_text("utf-8")
    for name in ("novel.txt", "novels/first.txt", "novels/second.txt", "my-data/plain/novel.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(passage, encoding="utf-8")
    for part, documents in {"train": [GARDEN, SHIP, LETTER, *STORIES], "dev": [RAIN], "test": [HOUSE]}.items():
        (folder / "my-data" / part).mkdir()
        for document in documents:
            path = folder / "my-data" / part / f"{document.id}.conll"
            path.write_text(write([document], "conll"), encoding="utf-8")
    made_german.save(folder / "my-german-data")
    for name in ("gold", "predicted"):
        (folder / f"{name}.conll").write_text(write([HOUSE], "conll"), encoding="utf-8")
    return folder
