"""A trained model as ONNX: what the runtime reads."""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.export import Dim
from transformers import PreTrainedTokenizerBase

from .. import __version__
from ..files import aside, write_text
from .configuration import DECISIONS, LehrConfig
from .data import pieces_of
from .fusion import fuse_attention
from .network import LehrModel
from .vocabulary import trim_vocabulary

OPSET = 23
"""The first that has attention as one operator, which is easy to find in a graph; ONNX Runtime knows it since 1.23."""
BLOCK = 128
"""Neighbouring values of an embedding in four bits that share their scale and shift."""


class _Encoder(nn.Module):
    """Token ids, none of them padding, to hidden states (windows, pieces, hidden)."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor) -> Tensor:
        hidden: Tensor = self.encoder(input_ids=input_ids).last_hidden_state
        return hidden


def export(
    model: LehrModel,
    tokenizer: PreTrainedTokenizerBase,
    directory: str | Path,
    *,
    int8: bool = False,
    vocabulary: int | None = None,
) -> None:
    """Write `encoder.onnx`, `mentions.onnx`, `pairs.onnx`, `tokenizer.json` and `config.json` into `directory`.

    Args:
        model: in float32; it is not changed.
        tokenizer: a fast one.
        directory: made if absent.
        int8: quantise. The weights of all matrix products to seven bits in int8 (activations as they come): the eighth
            bit would let CPUs with AVX2 but without VNNI overflow their 16-bit sums, and so answer wrongly. The
            encoder's embeddings, which are looked up and never multiplied, to four bits.
        vocabulary: word pieces to keep, see `trim_vocabulary`; all of them if absent.

    The graphs' inputs and outputs (int64 ids, float32 values); of some encoders, one window at a time can be read:

    ========  ==================================================================  =======================
    encoder   input_ids (windows, pieces), no padding among them                  hidden (windows, pieces, d)
    mentions  first, last (n, d): vectors of each word's first and last piece     logits (schemes, n, W)
    pairs     first, last (K, d), spans (K, 2), words (K, 2), strings (K,)        logits (K, K)
    ========  ==================================================================  =======================
    """
    pieces, pad = pieces_of(tokenizer)
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    model = copy.deepcopy(model).eval().float().cpu()
    if vocabulary is not None:
        model, pieces = trim_vocabulary(model, pieces, vocabulary)
    config = model.config
    # Example sizes are odd on purpose: equal or round ones would be taken for constants.
    ids = torch.randint(5, 50, (3, 27))
    first, last = torch.randn(2, 61, config.encoder.hidden_size)
    numbers = torch.arange(17)
    spans = torch.stack([numbers, numbers + 1], 1)
    candidates = {"first": first[:17], "last": last[:17], "spans": spans, "words": spans.clone(), "strings": numbers}
    window_sizes, word_sizes = {0: Dim("windows"), 1: Dim("pieces")}, {0: Dim("n")}
    graphs: list[tuple[str, nn.Module, dict[str, Tensor], dict[int, Any], str]] = [
        ("encoder", _Encoder(model.encoder), {"input_ids": ids}, window_sizes, "hidden"),
        ("mentions", model.mentions, {"first": first, "last": last}, word_sizes, "logits"),
        ("pairs", model.pairs, candidates, {0: Dim("k")}, "logits"),
    ]  # fmt: skip
    for name, module, inputs, sizes, output in graphs:
        _write(module, inputs, sizes, output, folder / f"{name}.onnx", int8)
    write_text(folder / "tokenizer.json", pieces.to_str())
    write_text(folder / "config.json", json.dumps(runtime_config(config, pad, int8), indent=1) + "\n")


def runtime_config(config: LehrConfig, pad: int, int8: bool) -> dict[str, Any]:
    """The fields that the runtime needs."""
    names = ("scorer", "schemes", "window", "overlap", "max_width", "candidate_ratio")
    return {
        "format": 1,
        "lehr_version": __version__,
        "precision": "int8" if int8 else "float32",
        "pad_token_id": pad,
        "singleton_scheme": config.singleton_scheme,
        "language": config.language,
        **{name: getattr(config, name) for name in (*names, *DECISIONS)},
    }


def _write(
    module: nn.Module, inputs: Mapping[str, Tensor], sizes: dict[int, Any], output: str, path: Path, int8: bool
) -> None:
    with aside(path) as temporary, _quiet():
        program = torch.onnx.export(
            module,
            kwargs=dict(inputs),
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=dict.fromkeys(inputs, sizes),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        graph = fuse_attention(program.model_proto)
        for node in graph.graph.node:
            del node.metadata_props[:]  # the exporter's notes on source lines
            node.doc_string = ""
        if int8:
            _quantise(graph, temporary)
        else:
            onnx.save(graph, temporary)


def _quantise(graph: onnx.ModelProto, path: Path) -> None:
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer  # type: ignore[import-untyped]

    lookups = {"op_types_to_quantize": ("Gather",), "quant_axes": {"Gather": 1}}
    quantizer = MatMulNBitsQuantizer(graph, block_size=BLOCK, **lookups)
    quantizer.process()
    products = {"op_types_to_quantize": ["MatMul"], "weight_type": QuantType.QInt8}
    quantize_dynamic(quantizer.model.model, path, per_channel=True, reduce_range=True, **products)


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings from the libraries that write graphs, one of which also sets up logging for everybody."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)
