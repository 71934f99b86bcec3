"""A torch model over documents: matrices, clusters, and the thresholds that suit a development set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from ..calibration import are_links, are_mentions, fit, fit_groups
from ..decoding import Floats, decode, sentence_last, uncross, word_ids
from ..document import Document, Span
from ..kinds import count, roles, shift_by_kind
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
    return model.matrix(flat[first], flat[last], words, reach, document.tokens)


def clusters(matrix: Matrix, config: LehrConfig, scheme: int) -> list[list[Span]]:
    """The clusters, singletons among them, that `config`'s thresholds make of a matrix."""
    logits = mention_logits(matrix, config, scheme)
    pairs = config.link_scale * matrix.pair_logits + config.link_shift
    if config.kind_shift:
        shift_by_kind(pairs, matrix.kinds, config.kind_shift)
    found = decode(
        config.scorer,
        logits,
        pairs,
        mention_threshold=config.mention_threshold,
        link_threshold=config.link_threshold,
        roles=roles(matrix.kinds, config.language),
    )
    unbound = np.zeros(len(matrix.spans), bool)
    uncrossed = (np.array(group)[uncross(matrix.spans[group], logits[group], unbound[group])] for group in found)
    return [[(int(first), int(last)) for first, last in matrix.spans[group]] for group in uncrossed]


def mention_logits(matrix: Matrix, config: LehrConfig, scheme: int) -> Floats:
    """The calibrated mention logits (K,) of a scheme."""
    logits: Floats = config.mention_scale[scheme] * matrix.mention_logits[scheme] + config.mention_shift[scheme]
    return logits


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


def tune(predictions: Sequence[Prediction], config: LehrConfig) -> list[Scores]:
    """Set `config`'s calibration and thresholds to what suits the predictions best; the scores of each scheme's.

    The thresholds are those of a grid with the highest CoNLL F1, singletons in, each scheme counting alike. Where
    antecedents are ranked, logits stay as they are: those of mentions and pairs decide about a link together, as they
    learned to.
    """
    config.mention_scale, config.mention_shift = [1.0] * len(config.schemes), [0.0] * len(config.schemes)
    config.link_scale, config.link_shift, config.kind_shift = 1.0, 0.0, []
    if config.scorer == "one-pass":
        config.mention_scale, config.mention_shift = calibrate_mentions(predictions, len(config.schemes))
        config.link_scale, config.link_shift, config.kind_shift = calibrate_links(predictions, config)
    schemes = {p.example.scheme for p in predictions}
    parts = [[p for p in predictions if p.example.scheme == scheme] for scheme in sorted(schemes)]
    best: list[Scores] = []
    chosen = config.mention_threshold, config.link_threshold
    for mention, link in product(MENTION_THRESHOLDS, LINK_THRESHOLDS):
        config.mention_threshold, config.link_threshold = mention, link
        found = [evaluate(part, config) for part in parts]
        if not best or sum(of.conll for of in found) > sum(of.conll for of in best):
            best, chosen = found, (mention, link)
    config.mention_threshold, config.link_threshold = chosen
    return best


def calibrate_mentions(predictions: Sequence[Prediction], schemes: int) -> tuple[list[float], list[float]]:
    """Scale and shift of the mention logits of each scheme, fitted to the candidates of the documents that follow it.

    A scheme that none follows gets what is fitted to all documents: it was trained alike and errs alike, and its
    mentions stay comparable to those of the others.
    """

    def of(chosen: Sequence[Prediction]) -> tuple[float, float]:
        logits = [p.matrix.mention_logits[p.example.scheme] for p in chosen]
        outcomes = [are_mentions(p.matrix.spans, p.example.document) for p in chosen]
        return fit(np.concatenate(logits), np.concatenate(outcomes)) if chosen else (1.0, 0.0)

    parts = [[p for p in predictions if p.example.scheme == scheme] for scheme in range(schemes)]
    scales, shifts = zip(*(of(part or predictions) for part in parts), strict=True)
    return list(scales), list(shifts)


def calibrate_links(predictions: Sequence[Prediction], config: LehrConfig) -> tuple[float, float, list[list[float]]]:
    """Scale, shift and shift by kinds of the pair logits, fitted to all pairs of candidates that are likely mentions.

    Rows learn more from their hundreds of negatives than from their positives, so that their logits are too low, and
    those of pronouns lower than those of nominals.
    """
    size = count(config.language)
    cells = np.triu_indices(size)
    group = np.zeros((size, size), np.int64)
    group[cells] = group.T[cells] = np.arange(len(cells[0]))
    logits: list[Floats] = [np.zeros(0)]
    outcomes, groups = [np.zeros(0, bool)], [np.zeros(0, np.int64)]
    for prediction in predictions:
        matrix, example = prediction.matrix, prediction.example
        kept = np.flatnonzero(mention_logits(matrix, config, example.scheme) >= 0)
        one, other = kept[np.array(np.triu_indices(len(kept), 1))]
        logits.append(matrix.pair_logits[one, other])
        groups.append(group[matrix.kinds[one], matrix.kinds[other]])
        outcomes.append(are_links(matrix.spans[kept], example.document))
    scale, shift, own = fit_groups(
        np.concatenate(logits), np.concatenate(outcomes), np.concatenate(groups), len(cells[0])
    )
    return scale, shift, own.round(4)[group].tolist() if own.any() else []


def load(path: str | Path) -> tuple[LehrModel, PreTrainedTokenizerBase]:
    """A saved model, in evaluation mode, and its tokenizer.

    Raises:
        ValueError: if it lacks weights, as one saved by another version may, or they are damaged.
        OSError: if there is no such model.
    """
    try:
        loaded: Any = LehrModel.from_pretrained(path, output_loading_info=True)
    except SafetensorError as error:
        raise ValueError(f"the weights of the model in {path} are damaged ({error}): train or fetch it anew") from error
    model: LehrModel = loaded[0]
    if missing := sorted(loaded[1]["missing_keys"]):
        raise ValueError(f"the model in {path} lacks the weights {', '.join(missing)}: another version has saved it")
    return model, AutoTokenizer.from_pretrained(path, config=model.config)


def resolver_of(path: str | Path, scheme: str | None = None) -> Callable[[Document], Document]:
    """A saved model and its tokenizer, as a function that gives documents clusters, singletons among them.

    `scheme` is one of the annotation schemes that the model has learned; of several, one has to be chosen.

    Raises:
        ValueError: if it has no such scheme, or several and none is chosen, or lacks weights, as one saved by another
            version may.
        OSError: if there is no such model.
    """
    model, tokenizer = load(path)
    config = model.config
    if scheme is not None and scheme not in config.schemes:
        raise ValueError(f"the model has no scheme {scheme!r}, only {', '.join(config.schemes)}")
    if scheme is None and len(config.schemes) > 1:
        raise ValueError(f"a checkpoint answers in one scheme: choose {' or '.join(config.schemes)}, or export it")
    number = 0 if scheme is None else config.schemes.index(scheme)
    windower = windower_of(tokenizer, config)

    def resolve(document: Document) -> Document:
        if not document.words:
            return document.with_clusters([])
        return document.with_clusters(clusters(predict(model, windower, document), config, number))

    return resolve
