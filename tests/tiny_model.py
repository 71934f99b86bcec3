"""A model of random weights, small enough to be exported in a test and wild enough to find clusters."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import BertConfig, PreTrainedTokenizerFast

from lehr.coref.configuration import LehrConfig
from lehr.coref.network import LehrModel
from lehr.decoding import probability
from lehr.files import write_text
from lehr.resolver import Resolver, store_example

SCHEMES = ["entities", "chains"]
TEXT = "Mary said she was tired. Her mother asked why she was."


def tokenizer() -> PreTrainedTokenizerFast:
    """Letters, marks and a few words as pieces; whatever else there is, is unknown."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    words = ["she", "her", "mary", "said", "was", "the", "##ing"]
    pieces = dict.fromkeys([*special, *letters, *(f"##{letter}" for letter in letters), *words])
    made = Tokenizer(models.WordPiece({piece: id for id, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def model(vocabulary: int, **fields: object) -> LehrModel:
    """A resolver with a two-layer BERT; `fields` are those of `LehrConfig`."""
    torch.manual_seed(7)
    encoder = BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    small = {
        "window": 48,
        "overlap": 8,
        "max_width": 6,
        "mention_size": 16,
        "pair_size": 12,
        "schemes": SCHEMES,
        "link_threshold": 0.85,
    }
    made = LehrModel(LehrConfig(encoder=encoder, **{**small, **fields}))
    with torch.no_grad():
        for module in made.encoder.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                module.weight.normal_(0, 0.3)
        for head in (made.mentions, made.pairs):
            for weight in head.parameters():
                weight.add_(torch.randn_like(weight) * 0.3)
        made.mentions.start_logit.bias.zero_()
        made.pairs.bias.zero_()
    return made.eval()


def save(folder: Path) -> None:
    """Export one into `folder`, its thresholds such that `TEXT` has clusters of one and of several mentions."""
    from lehr.coref.export import export

    made_tokenizer = tokenizer()
    export(model(len(made_tokenizer), singleton_scheme="chains"), made_tokenizer, folder)
    matrix = Resolver.from_pretrained(folder, threads=1).encode(TEXT).matrix
    links = probability(matrix.pair_logits)[np.triu_indices(len(matrix.spans), 1)]
    config = json.loads((folder / "config.json").read_text())
    config["mention_threshold"] = float(np.quantile(probability(matrix.mention_logits.max(0)), 0.3))
    config["link_threshold"] = float(np.quantile(links, 0.9))
    write_text(folder / "config.json", json.dumps(config))
    store_example(Resolver.from_pretrained(folder, threads=1), TEXT)
