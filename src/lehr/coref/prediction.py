"""A torch model over documents: matrices, clusters, and the thresholds that suit a development set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize  # type: ignore[import-untyped]
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from ..decoding import Floats, decode, sentence_last, uncross, word_ids
from ..document import Document, Span
from ..scoring import Scores, score
from ..windows import Windower
from .configuration import LehrConfig
from .data import Example
from .data import windower as windower_of
from .network import LehrModel, Matrix

WINDOWS_AT_ONCE = 16
MENTION_THRESHOLDS = (0.3, 0.4, 0.5, 0.6)
LINK_THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


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
    tensors = (windows.first, windows.last, word_ids(document.tokens), sentence_last(document.sentences))
    first, last, words, reach = (torch.from_numpy(a).to(device) for a in tensors)
    return model.matrix(flat[first], flat[last], words, reach)


def clusters(matrix: Matrix, config: LehrConfig, scheme: int) -> list[list[Span]]:
    """The clusters, singletons among them, that `config`'s thresholds make of a matrix."""
    found = decode(
        config.scorer,
        matrix.mention_logits[scheme],
        config.link_scale * matrix.pair_logits + config.link_shift,
        mention_threshold=config.mention_threshold,
        link_threshold=config.link_threshold,
    )
    logits, unbound = matrix.mention_logits[scheme], np.zeros(len(matrix.spans), bool)
    uncrossed = (np.array(group)[uncross(matrix.spans[group], logits[group], unbound[group])] for group in found)
    return [[(int(first), int(last)) for first, last in matrix.spans[group]] for group in uncrossed]


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


def tune(predictions: Sequence[Prediction], config: LehrConfig) -> Scores:
    """Set `config`'s calibration and thresholds to what suits the predictions best, and return their scores.

    The thresholds are those of a grid with the highest CoNLL F1, singletons in.
    """
    config.link_scale, config.link_shift = calibrate(predictions) if config.scorer == "one-pass" else (1.0, 0.0)
    best: tuple[float, Scores, float, float] | None = None
    for mention, link in product(MENTION_THRESHOLDS, LINK_THRESHOLDS):
        config.mention_threshold, config.link_threshold = mention, link
        scores = evaluate(predictions, config)
        if best is None or scores.conll > best[0]:
            best = scores.conll, scores, mention, link
    assert best is not None
    _, scores, config.mention_threshold, config.link_threshold = best
    return scores


def calibrate(predictions: Sequence[Prediction]) -> tuple[float, float]:
    """Scale and shift that make σ(scale · logit + shift) the probability of a link (Platt 1999).

    Rows learn more from their hundreds of negatives than from their positives, so raw logits are too low. Fitted by
    maximum likelihood on all pairs of candidates that are more likely mentions than not.
    """
    logits, links = [np.zeros(0)], [np.zeros(0, bool)]
    for prediction in predictions:
        gold = {m.span: c.id for c in prediction.example.document.clusters for m in c.mentions}
        kept = np.flatnonzero(prediction.matrix.mention_logits[prediction.example.scheme] >= 0)
        cluster = np.array([gold.get((int(i), int(j)), -1) for i, j in prediction.matrix.spans[kept]])
        pairs = np.triu_indices(len(kept), 1)
        logits.append(prediction.matrix.pair_logits[np.ix_(kept, kept)][pairs].astype(np.float64))
        links.append((cluster[pairs[0]] == cluster[pairs[1]]) & (cluster[pairs[0]] >= 0))
    x, y = np.concatenate(logits), np.concatenate(links)
    if not 0 < y.sum() < len(y):
        return 1.0, 0.0

    def loss(parameters: Floats) -> float:
        z = parameters[0] * x + parameters[1]
        return float((np.logaddexp(0, z) - y * z).mean())

    scale, shift = minimize(loss, (1.0, 0.0), method="Nelder-Mead", options={"maxiter": 100}).x
    return (float(scale), float(shift)) if scale > 0 else (1.0, 0.0)


def load(path: str | Path) -> tuple[LehrModel, PreTrainedTokenizerBase]:
    """A saved model, in evaluation mode, and its tokenizer.

    Raises:
        ValueError: if it lacks weights, as one saved by another version may.
        OSError: if there is no such model.
    """
    loaded: Any = LehrModel.from_pretrained(path, output_loading_info=True)
    model: LehrModel = loaded[0]
    if missing := sorted(loaded[1]["missing_keys"]):
        raise ValueError(f"the model in {path} lacks the weights {', '.join(missing)}: another version has saved it")
    return model, AutoTokenizer.from_pretrained(path, config=model.config)


def resolver_of(path: str | Path, scheme: str | None = None) -> Callable[[Document], Document]:
    """A saved model and its tokenizer, as a function that gives documents clusters, singletons among them.

    `scheme` is one of the annotation schemes that the model has learned, by default the first.

    Raises:
        ValueError: if it has no such scheme, or lacks weights, as one saved by another version may.
        OSError: if there is no such model.
    """
    model, tokenizer = load(path)
    config = model.config
    if scheme is not None and scheme not in config.schemes:
        raise ValueError(f"the model has no scheme {scheme!r}, only {', '.join(config.schemes)}")
    number = 0 if scheme is None else config.schemes.index(scheme)
    windower = windower_of(tokenizer, config)

    def resolve(document: Document) -> Document:
        if not document.words:
            return document.with_clusters([])
        return document.with_clusters(clusters(predict(model, windower, document), config, number))

    return resolve
