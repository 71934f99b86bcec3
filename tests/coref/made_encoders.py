"""Encoders of every family that lehr is trained on, two layers of random weights, each with a tokenizer of its kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import tiny_model
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    DebertaV2Config,
    DebertaV2TokenizerFast,
    ModernBertConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaTokenizerFast,
)

from lehr.coref.configuration import LehrConfig
from lehr.coref.data import windower
from lehr.coref.network import LehrModel
from lehr.windows import Windower

TEXT = [
    "Mary Ann called her brother on Sunday. She told him that the old house by the river had been sold.",
    "Its new owners, the Millers, wanted to move in before Christmas. Tom was not pleased.",
    "“They might have asked me,” he said to his sister.",
]
"""What the vocabularies are made of."""

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 1000,
}
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def _marks(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """What a configuration has to know of its tokenizer."""
    return {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}


def _byte_level(marks: list[str]) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=300, special_tokens=marks, initial_alphabet=alphabet))
    return made


def bert() -> tuple[PretrainedConfig, PreTrainedTokenizerFast]:
    """WordPiece, learned positions, a pooler that is never used."""
    tokenizer = tiny_model.tokenizer()
    return BertConfig(**SIZES, **_marks(tokenizer)), tokenizer


def roberta() -> tuple[PretrainedConfig, PreTrainedTokenizerFast]:
    """Byte-level pieces, in which a space is part of the word behind it; positions begin behind the padding's."""
    trained = json.loads(_byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]).to_str())["model"]
    merges = [tuple(pair) for pair in trained["merges"]]
    tokenizer = RobertaTokenizerFast(vocab=trained["vocab"], merges=merges, add_prefix_space=True)
    return RobertaConfig(**SIZES, **_marks(tokenizer)), tokenizer


def deberta() -> tuple[PretrainedConfig, PreTrainedTokenizerFast]:
    """A unigram vocabulary as SentencePiece makes it, and relative positions alone, as in DeBERTa-v3."""
    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(TEXT, trainers.UnigramTrainer(vocab_size=120, special_tokens=MARKS, unk_token="[UNK]"))
    vocabulary = [(piece, score) for piece, score in json.loads(trained.to_str())["model"]["vocab"]]
    tokenizer = DebertaV2TokenizerFast(vocab=vocabulary)
    config = DebertaV2Config(
        **SIZES,
        **_marks(tokenizer),
        relative_attention=True,
        position_buckets=16,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
    )
    return config, tokenizer


def modernbert() -> tuple[PretrainedConfig, PreTrainedTokenizerFast]:
    """Byte-level pieces, rotary positions, and layers that look but a few pieces around."""
    trained = _byte_level(MARKS)
    trained.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), MARKS[:4], strict=True))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained, **names)
    ends = {"bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3}
    return ModernBertConfig(**SIZES, **_marks(tokenizer), **ends, local_attention=16), tokenizer


FAMILIES: dict[str, Callable[[], tuple[PretrainedConfig, PreTrainedTokenizerFast]]] = {
    "bert": bert,
    "roberta": roberta,
    "deberta": deberta,
    "modernbert": modernbert,
}


def made(family: str, **fields: Any) -> tuple[LehrModel, PreTrainedTokenizerFast]:
    """A resolver in evaluation mode on an encoder of the family; `fields` are those of `LehrConfig`."""
    encoder, tokenizer = FAMILIES[family]()
    small = {"window": 64, "overlap": 12, "max_width": 6, "mention_size": 16, "pair_size": 12}
    torch.manual_seed(11)
    model = LehrModel(LehrConfig(encoder=encoder, schemes=tiny_model.SCHEMES, **{**small, **fields}))
    return model.eval(), tokenizer


def windower_of(model: LehrModel, tokenizer: PreTrainedTokenizerFast) -> Windower:
    """The model's windows."""
    return windower(tokenizer, model.config)
