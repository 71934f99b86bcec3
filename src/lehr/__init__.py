"""lehr: coreference resolution small enough for an edge device."""

__version__ = "0.1.0"
