"""The resolver's network: any encoder with a fast tokenizer, and the head of `span_position`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils.generic import ModelOutput

from ..decoding import Floats, Ints, select_candidates, string_ids
from .configuration import LehrConfig
from .objectives import antecedent_loss, mention_loss, row_loss
from .span_position import MentionHead, PairHead


@dataclass
class CorefOutput(ModelOutput):
    """Losses of a batch, scalars: their sum, and its parts for the mentions and for the rows."""

    loss: Tensor | None = None
    mention_loss: Tensor | None = None
    pair_loss: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """What the head says of one document: `spans` (K, 2), `mention_logits` (schemes, K), `pair_logits` (K, K)."""

    spans: Ints
    mention_logits: Floats
    pair_logits: Floats


class LehrModel(PreTrainedModel):
    """A coreference resolver: encoder, mention head and pair head."""

    config: LehrConfig
    config_class = LehrConfig
    base_model_prefix = "lehr"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, config: LehrConfig, encoder: PreTrainedModel | None = None) -> None:
        super().__init__(config)
        self.encoder = encoder if encoder is not None else AutoModel.from_config(config.encoder)
        if getattr(self.encoder, "pooler", None) is not None:
            self.encoder.pooler = None  # unused, and a parameter without a gradient stops several processes
        hidden = config.encoder.hidden_size
        self.mentions = MentionHead(hidden, config.mention_size, config.max_width, len(config.schemes), config.dropout)
        self.pairs = PairHead(hidden, config.pair_size, config.relation_layers, config.dropout)
        self.post_init()

    @classmethod
    def from_encoder(cls, name: str | Path, **fields: Any) -> LehrModel:
        """A fresh head on a pretrained encoder; `fields` are those of `LehrConfig`.

        Attention dropout is set to 0: above 0 it switches off the fused attention kernel on CPUs.
        """
        encoder_config = AutoConfig.from_pretrained(name)
        for field in ("attention_probs_dropout_prob", "attention_dropout"):
            if hasattr(encoder_config, field):
                setattr(encoder_config, field, 0.0)
        encoder = AutoModel.from_pretrained(name, config=encoder_config, dtype=torch.float32)
        return cls(LehrConfig(encoder=encoder_config, **fields), encoder)

    def _init_weights(self, module: nn.Module) -> None:
        """Let torch's layers and the heads begin as they always do.

        Transformers asks this of new modules, and of those for which a file lacks weights; it sees to it that weights
        that were there stay, and that the encoder's own modules begin as their class wants.
        """
        if callable(reset := getattr(module, "reset_parameters", None)):
            reset()

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors (windows · pieces, hidden), float32, of all pieces of all windows (windows, pieces)."""
        hidden: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden.flatten(0, 1).float()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        first: Tensor,
        last: Tensor,
        words: Tensor,
        sentence_last: Tensor,
        length: Tensor,
        scheme: Tensor,
        gold: Tensor,
        gold_cluster: Tensor,
    ) -> CorefOutput:
        """Losses of a batch of D documents whose windows stand one after the other.

        Args:
            input_ids, attention_mask: int64 (windows, pieces).
            first, last: int64 (D, n), flat positions of each word's first and last piece.
            words: int64 (D, n), `decoding.word_ids`.
            sentence_last: int64 (D, n), the last word of each word's sentence.
            length: int64 (D,), words of each document.
            scheme: int64 (D,), its annotation scheme, a position in `config.schemes`.
            gold: int64 (D, M, 2), gold spans, -1 where there are fewer.
            gold_cluster: int64 (D, M), the cluster of each.
        """
        vectors = self.encode(input_ids, attention_mask)
        mention_losses, pair_losses = [], []
        with torch.autocast(vectors.device.type, enabled=False):
            for d, n in enumerate(length.tolist()):
                known = gold[d, :, 0] >= 0
                losses = self._losses(
                    vectors[first[d, :n]],
                    vectors[last[d, :n]],
                    words[d, :n],
                    sentence_last[d, :n],
                    int(scheme[d]),
                    gold[d, known],
                    gold_cluster[d, known],
                )
                mention_losses.append(losses[0])
                pair_losses.append(losses[1])
        mention, pair = torch.stack(mention_losses).mean(), torch.stack(pair_losses).mean()
        return CorefOutput(loss=mention + pair, mention_loss=mention.detach(), pair_loss=pair.detach())

    def _losses(
        self,
        first: Tensor,
        last: Tensor,
        words: Tensor,
        sentence_last: Tensor,
        scheme: int,
        gold: Tensor,
        gold_cluster: Tensor,
    ) -> tuple[Tensor, Tensor]:
        n, width = len(first), self.config.max_width
        logits = self.mentions(first, last)[scheme]
        reach = torch.arange(n, device=first.device)[:, None] + torch.arange(width, device=first.device)
        target = torch.zeros_like(logits, dtype=torch.bool)
        target[gold[:, 0], gold[:, 1] - gold[:, 0]] = True
        on_mentions = mention_loss(logits, target, reach <= sentence_last[:, None])

        spans, cluster = self._training_candidates(logits, sentence_last, gold, gold_cluster)
        pairs = self._pairs(first, last, words, spans)
        if self.config.scorer == "one-pass":
            return on_mentions, row_loss(pairs, cluster)
        return on_mentions, antecedent_loss(pairs, logits[spans[:, 0], spans[:, 1] - spans[:, 0]], cluster)

    def _training_candidates(
        self, logits: Tensor, sentence_last: Tensor, gold: Tensor, gold_cluster: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All gold mentions among the best-scored spans: spans (K, 2) in the order of the text, clusters (K,)."""
        device, (n, width) = logits.device, logits.shape
        chosen = select_candidates(
            logits.detach()[None].float().cpu().numpy(), sentence_last.cpu().numpy(), self.config.candidate_ratio
        )
        best = torch.from_numpy(chosen).to(device)
        cluster = torch.full((n * width,), -2, dtype=torch.int64, device=device)
        cluster[best[:, 0] * width + best[:, 1] - best[:, 0]] = -1
        cluster[gold[:, 0] * width + gold[:, 1] - gold[:, 0]] = gold_cluster
        cells = (cluster > -2).nonzero()[:, 0]
        start = cells // width
        return torch.stack([start, start + cells % width], 1), cluster[cells]

    def _pairs(self, first: Tensor, last: Tensor, words: Tensor, spans: Tensor) -> Tensor:
        strings = torch.from_numpy(string_ids(words.cpu().numpy(), spans.cpu().numpy())).to(spans.device)
        pairs: Tensor = self.pairs(first[spans[:, 0]], last[spans[:, 1]], spans, words[spans], strings)
        return pairs

    @torch.no_grad()
    def matrix(self, first: Tensor, last: Tensor, words: Tensor, sentence_last: Tensor) -> Matrix:
        """The matrices of one document, from its words' vectors (n, hidden); see `forward` for the rest."""
        logits = self.mentions(first, last).float().cpu().numpy()
        spans = select_candidates(logits, sentence_last.cpu().numpy(), self.config.candidate_ratio)
        pairs = self._pairs(first, last, words, torch.from_numpy(spans).to(first.device))
        mention_logits = logits[:, spans[:, 0], spans[:, 1] - spans[:, 0]]
        return Matrix(spans, mention_logits.astype(np.float32), pairs.float().cpu().numpy())
