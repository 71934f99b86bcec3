"""Fewer word pieces: in a small encoder, half of the weights are the vocabulary's."""

from __future__ import annotations

import json
import re

import torch
from tokenizers import Tokenizer
from torch import nn

from ..language import language
from .network import LehrModel

SPECIAL = 104
"""BERT's special pieces stand below this id, and stay where they are."""


def trim_vocabulary(model: LehrModel, tokenizer: Tokenizer, size: int) -> tuple[LehrModel, Tokenizer]:
    """Keep `size` pieces of a WordPiece vocabulary; what used others is spelt with shorter ones.

    Single characters come first, then the other pieces by their place, which in BERT's vocabularies is their rank by
    frequency. Placeholders are dropped, and so are pieces with other characters than those of the model's language, if
    these are known (`lehr.language.Language`): their words become unknown.

    Args:
        model: its encoder's word embeddings are cut down in place.
        tokenizer: a WordPiece one; it is not changed.
        size: pieces to keep, as many as there are where fewer are left.

    Raises:
        ValueError: if the tokenizer is not a WordPiece one.
    """
    state = json.loads(tokenizer.to_str())
    if state["model"]["type"] != "WordPiece":
        raise ValueError(f"only a WordPiece vocabulary can be trimmed, and this is {state['model']['type']}")
    vocabulary: dict[str, int] = state["model"]["vocab"]
    named = {token["content"] for token in state["added_tokens"]}  # MPNet has one of these last of all
    characters = language(model.config.language).characters
    wanted = re.compile(rf"(?!\[unused)[{characters}]*" if characters else r"(?!\[unused).*", re.DOTALL)
    ranked = sorted(
        (p for p, number in vocabulary.items() if number >= SPECIAL and p not in named and wanted.fullmatch(p)),
        key=lambda piece: (len(piece.removeprefix("##")) > 1, vocabulary[piece]),
    )
    kept = sorted(
        [*(p for p, number in vocabulary.items() if number < SPECIAL or p in named), *ranked[: max(size - SPECIAL, 0)]],
        key=vocabulary.__getitem__,
    )
    old = model.encoder.get_input_embeddings()
    assert isinstance(old, nn.Embedding)
    rows = torch.tensor([vocabulary[piece] for piece in kept])
    new = nn.Embedding(len(kept), old.embedding_dim, old.padding_idx)
    new.weight.data = old.weight.data[rows].clone()
    model.encoder.set_input_embeddings(new)
    model.config.encoder.vocab_size = len(kept)
    state["model"]["vocab"] = pieces = {piece: number for number, piece in enumerate(kept)}
    for token in state["added_tokens"]:
        token["id"] = pieces.get(token["content"], token["id"])
    return model, Tokenizer.from_str(json.dumps(state))
