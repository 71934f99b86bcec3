"""The runtime: a trained model as ONNX, and what can be asked of it.

from lehr import Resolver

resolver = Resolver.from_pretrained()
document = resolver("Mary said she was tired.")
[[mention.text for mention in cluster.mentions] for cluster in document.clusters]  # [["Mary", "she"]]
"""

from __future__ import annotations

from .answer import Options
from .encoding import WHOLE, Encoding
from .example import store_example
from .location import shipped_model
from .passages import Passage
from .resolver import Resolver
from .source import find_mention

__all__ = ["WHOLE", "Encoding", "Options", "Passage", "Resolver", "find_mention", "shipped_model", "store_example"]
