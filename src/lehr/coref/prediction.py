"""A torch model over documents: matrices, clusters, and the thresholds that suit a development set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from ..decoding import decode, word_ids
from ..document import Document, Span
from ..scoring import Scores, score
from ..windows import Windower
from .configuration import LehrConfig
from .data import Example, sentence_last
from .data import windower as windower_of
from .network import LehrModel, Matrix

WINDOWS_AT_ONCE = 16
MENTION_THRESHOLDS = (0.3, 0.4, 0.5, 0.6)
LINK_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


@torch.inference_mode()
def predict(model: LehrModel, windower: Windower, document: Document, *, bf16: bool = False) -> Matrix:
    """The matrices of one document; windows are encoded a few at a time, so memory does not grow with them."""
    device = model.device
    windows = windower(document.tokens)
    vectors = []
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        for row in range(0, len(windows.input_ids), WINDOWS_AT_ONCE):
            rows = slice(row, row + WINDOWS_AT_ONCE)
            ids, mask = (torch.from_numpy(a[rows]).to(device) for a in (windows.input_ids, windows.attention_mask))
            vectors.append(model.encode(ids, mask))
    flat = torch.cat(vectors)
    tensors = (windows.first, windows.last, word_ids(document.tokens), sentence_last(document))
    first, last, words, reach = (torch.from_numpy(a).to(device) for a in tensors)
    return model.matrix(flat[first], flat[last], words, reach)


def clusters(matrix: Matrix, config: LehrConfig, scheme: int) -> list[list[Span]]:
    """The clusters, singletons among them, that `config`'s thresholds make of a matrix."""
    found = decode(
        config.scorer,
        matrix.mention_logits[scheme],
        matrix.pair_logits,
        mention_threshold=config.mention_threshold,
        link_threshold=config.link_threshold,
    )
    spans = [(int(first), int(last)) for first, last in matrix.spans]
    return [[spans[position] for position in cluster] for cluster in found]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A document's example and what the model says of it."""

    example: Example
    matrix: Matrix


def predict_all(
    model: LehrModel, windower: Windower, examples: Sequence[Example], *, bf16: bool = False
) -> Iterator[Prediction]:
    """Predictions for many documents, the model in evaluation mode meanwhile."""
    training = model.training
    model.eval()
    for example in examples:
        yield Prediction(example, predict(model, windower, example.document, bf16=bf16))
    model.train(training)


def evaluate(predictions: Sequence[Prediction], config: LehrConfig, *, singletons: bool = True) -> Scores:
    """Scores of predictions under `config`'s thresholds, micro-averaged over documents."""
    pairs = ((p.example.document.spans, clusters(p.matrix, config, p.example.scheme)) for p in predictions)
    return score(pairs, singletons=singletons)


def tune(predictions: Sequence[Prediction], config: LehrConfig, *, singletons: bool = True) -> Scores:
    """Set the thresholds of `config` to those of the grid with the highest CoNLL F1, and return their scores."""
    best: tuple[float, Scores, float, float] | None = None
    for mention, link in product(MENTION_THRESHOLDS, LINK_THRESHOLDS):
        config.mention_threshold, config.link_threshold = mention, link
        scores = evaluate(predictions, config, singletons=singletons)
        if best is None or scores.conll > best[0]:
            best = scores.conll, scores, mention, link
    assert best is not None
    _, scores, config.mention_threshold, config.link_threshold = best
    return scores


def resolver_of(path: str | Path, scheme: str | None = None) -> Callable[[Document], Document]:
    """A saved model and its tokenizer, as a function that gives documents clusters, singletons among them.

    `scheme` is one of the annotation schemes that the model has learned, by default the first.

    Raises:
        ValueError: if it has no such scheme, or lacks weights, as one saved by another version may.
        OSError: if there is no such model.
    """
    model, loading = LehrModel.from_pretrained(path, output_loading_info=True)
    if missing := sorted(loading["missing_keys"]):
        raise ValueError(f"the model in {path} lacks the weights {', '.join(missing)}: another version has saved it")
    config: LehrConfig = model.config
    if scheme is not None and scheme not in config.schemes:
        raise ValueError(f"the model has no scheme {scheme!r}, only {', '.join(config.schemes)}")
    number = 0 if scheme is None else config.schemes.index(scheme)
    tokenizer: Any = AutoTokenizer.from_pretrained(path, config=config)
    windower = windower_of(tokenizer, config)

    def resolve(document: Document) -> Document:
        if not document.words:
            return document.with_clusters([])
        return document.with_clusters(clusters(predict(model, windower, document), config, number))

    return resolve
