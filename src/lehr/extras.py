"""What an extra brings, checked before it is needed."""

from __future__ import annotations

from importlib.util import find_spec

EXTRAS = {
    "train": (
        *("torch", "transformers", "accelerate", "datasets", "pyarrow", "onnx", "onnxscript", "yaml", "safetensors"),
        *("sklearn", "scipy", "PIL", "matplotlib", "filelock", "tqdm"),
    ),
    "score": ("scipy",),
    "spacy": ("spacy",),
    "ray": ("ray", "pyarrow"),
    "serve": ("fastapi", "uvicorn", "prometheus_client", "pydantic"),
}


def needs(extra: str, *packages: str) -> None:
    """Raise ImportError with the command to type, if a package of `extra`, or one of these of it, is not installed."""
    missing = [package for package in packages or EXTRAS[extra] if find_spec(package) is None]
    if missing:
        raise ImportError(f"this needs {', '.join(missing)}, which is not installed: pip install 'lehr[{extra}]'")
