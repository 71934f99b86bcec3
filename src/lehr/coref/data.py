"""Documents to tensors."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from ..decoding import Ints, sentence_last, word_ids
from ..document import Document, Span
from ..kinds import kinds
from ..windows import Windower
from .configuration import LehrConfig

BUNDLE = 2000
"""Words, at most about as many as this, that are learned from at once where little of a document is known."""


@dataclass(frozen=True, slots=True)
class Example:
    """A document to learn from.

    Args:
        document: itself.
        scheme: the annotation scheme that it follows, a position in `LehrConfig.schemes`.
        labelled: whether it is annotated.
        complete: whether all that is a mention in it is annotated; if not, nothing is known but how its gold mentions
            stand to each other.
        shift: from 0 to below 1, how much shorter the first window is, of half a window.
    """

    document: Document
    scheme: int
    labelled: bool = True
    complete: bool = True
    shift: float = 0.0


class Examples(Dataset[Example]):
    """Documents to train on, their windows shifted by a draw that the view's number and the document's decide."""

    def __init__(self, examples: Sequence[Example], number: int = 0) -> None:
        self.examples = list(examples)
        self.number = number

    def view(self, number: int) -> Examples:
        """The same documents with other seams between their windows."""
        return Examples(self.examples, number)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, position: int) -> Example:
        shift = np.random.default_rng((self.number, position)).random()
        return dataclasses.replace(self.examples[position], shift=shift)

    @property
    def fingerprint(self) -> str:
        """See `fingerprint`."""
        return fingerprint(self.examples)


class Bundles(Dataset[list[Example]]):
    """The same documents, of which those that are not `complete` come many at once, dealt out evenly by words.

    A few cells of a passage are known, and many thousands of a whole document: by itself, each would move the weights
    as far.
    """

    def __init__(self, examples: Examples) -> None:
        self.examples = examples
        lengths = np.array([len(example.document.words) for example in examples.examples], np.int64)
        complete = np.array([example.complete for example in examples.examples], bool)
        partly = np.flatnonzero(~complete)
        partly = partly[np.argsort(lengths[partly], kind="stable")]  # of like length, so that little is padding
        total = int(lengths[partly].sum())
        shares = np.linspace(0, total, ceil(total / BUNDLE) + 1)[1:-1]
        bundles = np.split(partly, np.searchsorted(np.cumsum(lengths[partly]), shares, side="right"))
        self.rows = [[int(row)] for row in np.flatnonzero(complete)] + [b.tolist() for b in bundles if len(b)]

    def view(self, number: int) -> Bundles:
        """The same documents with other seams between their windows."""
        return Bundles(self.examples.view(number))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> list[Example]:
        return [self.examples[position] for position in self.rows[row]]

    @property
    def fingerprint(self) -> str:
        """See `fingerprint`."""
        return self.examples.fingerprint


def fingerprint(examples: Sequence[Example]) -> str:
    """The first 16 hexadecimal digits of the sha256 of all words, sentences and clusters."""
    digest = hashlib.sha256()
    for example in examples:
        document, partly = example.document, () if example.complete else ("partly",)
        known = (example.scheme, document.tokens, document.sentences, document.spans, *partly)
        digest.update(repr(known).encode())
    return digest.hexdigest()[:16]


def pieces_of(tokenizer: PreTrainedTokenizerBase) -> tuple[Tokenizer, int]:
    """The tokenizer that works beneath a fast one, and its padding token.

    Raises:
        ValueError: if the tokenizer is not a fast one, or has no padding token.
    """
    if not isinstance(tokenizer, PreTrainedTokenizerFast) or not isinstance(tokenizer.pad_token_id, int):
        raise ValueError(f"{type(tokenizer).__name__} is no fast tokenizer with a padding token; lehr needs one")
    return tokenizer.backend_tokenizer, tokenizer.pad_token_id


def windower(tokenizer: PreTrainedTokenizerBase, config: LehrConfig, overlap: int | None = None) -> Windower:
    """The windows that `config` asks for.

    Raises:
        ValueError: if the tokenizer is not a fast one, or has no padding token.
    """
    pieces, pad = pieces_of(tokenizer)
    own = Tokenizer.from_str(pieces.to_str())  # Transformers goes on changing its one
    return Windower(own, config.window, config.overlap if overlap is None else overlap, pad)


def gold_spans(document: Document, max_width: int) -> list[tuple[Span, int]]:
    """Every gold span once, with its cluster; spans wider than `max_width` or across sentences have no cell."""
    reach = sentence_last(document.sentences)
    seen: dict[Span, int] = {}
    for cluster in document.clusters:
        for mention in cluster.mentions:
            first, last = mention.span
            if last - first < max_width and last <= reach[first]:
                seen.setdefault(mention.span, cluster.id)
    return sorted(seen.items())


@dataclass
class Collator:
    """Batches of examples, or of bundles of them, to the arguments of `LehrModel.forward`.

    To learn from, windows meet where the examples' `shift` says; to ask a teacher, they meet where they always do, and
    gold clusters are left out.
    """

    windower: Windower
    max_width: int
    language: str = "en"
    to_learn: bool = True

    def __call__(self, rows: Sequence[Example | list[Example]]) -> dict[str, Tensor]:
        examples = [example for row in rows for example in (row if isinstance(row, list) else [row])]
        windows, base = [], 0
        for example in examples:
            shift = int(example.shift * (self.windower.room // 2)) if self.to_learn else 0
            windows.append(self.windower(example.document.tokens, shift))
        width = max(w.input_ids.shape[1] for w in windows)
        first, last = [], []
        for w in windows:
            # Flat positions, from rows of the document's own width to rows of the batch's.
            own = w.input_ids.shape[1]
            first.append(base + w.first // own * width + w.first % own)
            last.append(base + w.last // own * width + w.last % own)
            base += len(w.input_ids) * width
        batch = {
            "input_ids": _stack([w.input_ids for w in windows], width, self.windower.pad),
            "attention_mask": _stack([w.attention_mask for w in windows], width, 0),
            "first": _ragged(first),
            "last": _ragged(last),
            "words": _ragged([word_ids(e.document.tokens) for e in examples]),
            "sentence_last": _ragged([sentence_last(e.document.sentences) for e in examples]),
            "length": torch.tensor([len(e.document.words) for e in examples]),
        }
        if not self.to_learn:
            return {**batch, "kinds": _ragged([self._kinds(e.document.tokens) for e in examples])}
        gold = [gold_spans(e.document, self.max_width) for e in examples]
        return {
            **batch,
            "scheme": torch.tensor([e.scheme for e in examples]),
            "labelled": torch.tensor([e.labelled for e in examples]),
            "complete": torch.tensor([e.complete for e in examples]),
            "gold": _ragged([np.array([s for s, _ in g], np.int64).reshape(-1, 2) for g in gold]),
            "gold_cluster": _ragged([np.array([c for _, c in g], np.int64) for g in gold]),
        }

    def _kinds(self, tokens: Sequence[str]) -> Ints:
        """`lehr.kinds` (n, W) of all cells, those across sentences too."""
        cells = (
            tokens[first : first + width] for first in range(len(tokens)) for width in range(1, self.max_width + 1)
        )
        return kinds(cells, self.language).reshape(-1, self.max_width)


def _stack(arrays: Sequence[Ints], width: int, fill: int) -> Tensor:
    """Rows of all arrays, one after the other, filled up to `width` columns."""
    padded = [np.pad(a, ((0, 0), (0, width - a.shape[1])), constant_values=fill) for a in arrays]
    return torch.from_numpy(np.concatenate(padded))


def _ragged(arrays: Sequence[Ints]) -> Tensor:
    """Arrays of different lengths as one, filled up with -1 along the first axis."""
    return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(a) for a in arrays], True, -1)
