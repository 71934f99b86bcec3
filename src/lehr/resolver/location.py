"""Where a model is: in the package, in a folder or on the Hugging Face hub."""

from __future__ import annotations

import os
import re
from pathlib import Path

FILES = ("config.json", "tokenizer.json", "encoder.onnx", "mentions.onnx", "pairs.onnx")
"""What a model consists of."""

EXAMPLE = "example.json"
"""A text and the clusters that the model finds in it: a file that a model should have too."""

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def shipped_model() -> Path:
    """The folder of the model that comes with lehr, whether it is there or not."""
    return Path(__file__).parent.parent / "models" / "edge_en"


def locate(model: str | os.PathLike[str] | None) -> Path:
    """The folder of a model, named by its path or by its id on the hub, which it is then fetched from.

    None is the one that comes with lehr.

    Raises:
        OSError: if there is none, it cannot be fetched, or it lacks a file.
    """
    folder = shipped_model() if model is None else Path(model)
    if not folder.is_dir():
        if model is None:
            raise FileNotFoundError(f"lehr's own model is not in {folder}: install lehr anew, or name another model")
        if folder.exists():
            raise NotADirectoryError(f"{folder} is a file; a model is the folder that holds {', '.join(FILES)}")
        if not isinstance(model, str) or not _HUB_ID.fullmatch(model):
            raise FileNotFoundError(f"there is no folder {model}, and as a hub id it should read owner/name")
        folder = _fetch(model)
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise FileNotFoundError(f"{folder} holds no model for lehr: it lacks {', '.join(missing)}")
    return folder


def fingerprint(folder: Path) -> str:
    """The SHA-256 digest of a model's files."""
    from hashlib import sha256

    digest = sha256()
    for name in FILES:
        digest.update(sha256((folder / name).read_bytes()).digest())
    return digest.hexdigest()


def _fetch(model: str) -> Path:
    """Fetch the files of a model from the hub, or take them from its cache."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, allow_patterns=[*FILES, EXAMPLE]))
    except Exception as error:  # whatever the hub's client and what it is built on may raise
        reason = str(error).strip().partition("\n")[0]
        raise OSError(f"there is no folder {model}, and none could be fetched from the hub: {reason}") from error
