"""The resolver's network: any encoder with a fast tokenizer, and the head of `span_position`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils.generic import ModelOutput

from ..decoding import Floats, Ints, select_candidates, string_ids
from ..kd.layers import keep_layers
from ..kinds import fingerprint, kinds_of_spans
from .configuration import LehrConfig
from .objectives import antecedent_loss, mention_loss, row_loss, taught_mentions, taught_pairs
from .span_position import MentionHead, PairHead

READS_ENCODER = ("start.0.weight", "end.0.weight")
"""How the names of a head's weights end that multiply the encoder's vectors, and are as wide as these."""


@dataclass
class CorefOutput(ModelOutput):
    """Losses of a batch, scalars: their sum, and its parts for the mentions and for the rows; or a teacher's logits."""

    loss: Tensor | None = None
    mention_loss: Tensor | None = None
    pair_loss: Tensor | None = None
    logits: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """How a document is learned from.

    Args:
        soft: an objective of `lehr.kd.objectives` with its settings, on the teacher's logits; None without a teacher.
        hard_weight: weight of the loss of the gold clusters, of documents that have them.
        progress: as objectives take it.
    """

    soft: Callable[..., Tensor] | None = None
    hard_weight: float = 1.0
    progress: float = 1.0


@dataclass(frozen=True, slots=True)
class Matrix:
    """What the head says of one document: `spans` (K, 2), `mention_logits` (schemes, K), `pair_logits` (K, K).

    `kinds` (K,) are those of the spans, see `lehr.kinds`.
    """

    spans: Ints
    mention_logits: Floats
    pair_logits: Floats
    kinds: Ints


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

    def extra_repr(self) -> str:
        """What its kinds are, where it has learned by them: kept logits are known by how a model prints."""
        return f"kinds {fingerprint(self.config.language)}" if self.config.kind_shift else ""

    @classmethod
    def from_encoder(cls, name: str | Path, layers: Sequence[int] | None = None, **fields: Any) -> LehrModel:
        """A fresh head on a pretrained encoder, or on chosen `layers` of it; `fields` are those of `LehrConfig`.

        Attention dropout is set to 0: above 0 it switches off the fused attention kernel on CPUs.
        """
        encoder_config = AutoConfig.from_pretrained(name)
        for field in ("attention_probs_dropout_prob", "attention_dropout"):
            if hasattr(encoder_config, field):
                setattr(encoder_config, field, 0.0)
        encoder = AutoModel.from_pretrained(name, config=encoder_config, dtype=torch.float32)
        if layers is not None:
            encoder = keep_layers(encoder, layers)
        return cls(LehrConfig(encoder=encoder.config, **fields), encoder)

    def with_layers(self, layers: Sequence[int]) -> LehrModel:
        """A new resolver of chosen layers of this one's encoder, the rest copied."""
        encoder = keep_layers(self.encoder, layers)
        config = copy.deepcopy(self.config)
        config.encoder = encoder.config
        kept = LehrModel(config, encoder)
        kept.mentions.load_state_dict(self.mentions.state_dict())
        kept.pairs.load_state_dict(self.pairs.state_dict())
        kept.train(self.training)
        return kept

    @torch.no_grad()
    def begin_with_head(self, other: LehrModel) -> None:
        """Copy the weights of another resolver's head, but those that read an encoder of another size.

        Chen et al. 2022 (arXiv:2203.14001) have a student keep its teacher's classifier; here it is only where a
        student's head begins.

        Raises:
            ValueError: if the two heads differ in more than that.
        """
        mine, theirs = (
            {name: weight for name, weight in model.named_parameters() if not name.startswith("encoder.")}
            for model in (self, other)
        )
        alike = {name for name in mine.keys() & theirs.keys() if mine[name].shape == theirs[name].shape}
        if any(not name.endswith(READS_ENCODER) for name in (mine.keys() | theirs.keys()) - alike):
            raise ValueError("a head can begin with another's only if both have the same sizes, layers and schemes")
        for name in alike:
            mine[name].copy_(theirs[name])

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
        kinds: Tensor | None = None,
        scheme: Tensor | None = None,
        gold: Tensor | None = None,
        gold_cluster: Tensor | None = None,
        labelled: Tensor | None = None,
        complete: Tensor | None = None,
        teacher_logits: Tensor | None = None,
        lesson: Lesson | None = None,
    ) -> CorefOutput:
        """Losses of a batch of D documents whose windows stand one after the other; without `gold`, logits.

        Args:
            input_ids, attention_mask: int64 (windows, pieces).
            first, last: int64 (D, n), flat positions of each word's first and last piece.
            words: int64 (D, n), `decoding.word_ids`.
            sentence_last: int64 (D, n), the last word of each word's sentence.
            length: int64 (D,), words of each document.
            kinds: int64 (D, n, W), `lehr.kinds` of all cells, for logits.
            scheme: int64 (D,), its annotation scheme, a position in `config.schemes`.
            gold: int64 (D, M, 2), gold spans, -1 where there are fewer.
            gold_cluster: int64 (D, M), the cluster of each.
            labelled: bool (D,), which of them have gold clusters; all of them unless given.
            complete: bool (D,), in which of them all mentions are gold; of the others, only the cells between gold
                mentions are learned. All of them unless given.
            teacher_logits: (D, L), what a teacher's `logits` are of the same documents.
            lesson: what is learned; the gold clusters alone unless given.
        """
        vectors = self.encode(input_ids, attention_mask)
        documents = [
            _Words(
                vectors[first[d, :n]],
                vectors[last[d, :n]],
                words[d, :n],
                sentence_last[d, :n],
                None if kinds is None else kinds[d, :n],
            )
            for d, n in enumerate(length.tolist())
        ]
        with torch.autocast(vectors.device.type, enabled=False):
            if gold is None or gold_cluster is None or scheme is None:
                return CorefOutput(logits=torch.stack([_logits([self], [document]) for document in documents]))
            lesson = lesson or Lesson()
            losses = []
            for d, document in enumerate(documents):
                mentions = self.mentions(document.first, document.last)
                parts = [vectors.new_zeros(2)]
                if lesson.hard_weight and (labelled is None or labelled[d]):
                    known = gold[d, :, 0] >= 0
                    whole = complete is None or bool(complete[d])
                    own = mentions[int(scheme[d])]
                    hard = self._hard(document, own, gold[d, known], gold_cluster[d, known], whole=whole)
                    parts.append(lesson.hard_weight * hard)
                if lesson.soft is not None and teacher_logits is not None:
                    soft = partial(self._soft, document, mentions, teacher_logits[d])
                    parts.append(soft(lesson.soft, lesson.progress))
                losses.append(torch.stack(parts).sum(0))
        mention, pair = torch.stack(losses).mean(0)
        return CorefOutput(loss=mention + pair, mention_loss=mention.detach(), pair_loss=pair.detach())

    def _hard(self, document: _Words, logits: Tensor, gold: Tensor, gold_cluster: Tensor, *, whole: bool) -> Tensor:
        """Losses (2,), of mentions and of pairs, from gold clusters; logits (n, W) are those of their scheme.

        Unless the `whole` document is annotated, that of mentions is 0, and the pairs are those of gold ones.
        """
        spans, cluster = self._training_candidates(logits, document.sentence_last, gold, gold_cluster)
        pairs = self._pairs(document, spans)
        if not whole:
            known = (cluster >= 0).nonzero()[:, 0]
            on_pairs = row_loss(pairs[known][:, known], cluster[known])
            return torch.stack([0 * logits.sum(), on_pairs])  # of all weights, which several processes insist on
        target = torch.zeros_like(logits, dtype=torch.bool)
        target[gold[:, 0], gold[:, 1] - gold[:, 0]] = True
        on_mentions = mention_loss(logits, target, document.valid(logits.shape[1]))
        if self.config.scorer == "one-pass":
            return torch.stack([on_mentions, row_loss(pairs, cluster)])
        chosen = logits[spans[:, 0], spans[:, 1] - spans[:, 0]]
        return torch.stack([on_mentions, antecedent_loss(pairs, chosen, cluster)])

    def _soft(
        self, document: _Words, logits: Tensor, taught: Tensor, objective: Callable[..., Tensor], progress: float
    ) -> Tensor:
        """Losses (2,), of mentions and of pairs, from a teacher's logits (L,); its candidates are compared."""
        teacher, of_pairs = taught[: logits.numel()].view_as(logits), taught[logits.numel() :]
        spans = self.candidates(teacher, document.sentence_last)
        pairs = _above(self._pairs(document, spans))
        if pairs.shape != of_pairs.shape:
            raise ValueError(
                f"a teacher with logits of {len(of_pairs)} pairs cannot teach a student that compares {len(pairs)}: "
                "do both keep the same share of candidates?"
            )
        candidate = torch.zeros_like(logits[0], dtype=torch.bool)
        candidate[spans[:, 0], spans[:, 1] - spans[:, 0]] = True
        valid = document.valid(logits.shape[2])
        on_mentions = taught_mentions(objective, logits, teacher, progress, candidate, valid)
        return torch.stack([on_mentions, taught_pairs(objective, pairs, of_pairs, progress)])

    def candidates(self, logits: Tensor, sentence_last: Tensor) -> Tensor:
        """The spans (K, 2) that logits (schemes, n, W) make worth comparing, in the order of the text."""
        found = select_candidates(
            logits.detach().float().cpu().numpy(), sentence_last.cpu().numpy(), self.config.candidate_ratio
        )
        return torch.from_numpy(found).to(logits.device)

    def _training_candidates(
        self, logits: Tensor, sentence_last: Tensor, gold: Tensor, gold_cluster: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All gold mentions among the best-scored spans: spans (K, 2) in the order of the text, clusters (K,)."""
        device, (n, width) = logits.device, logits.shape
        best = self.candidates(logits[None], sentence_last)
        cluster = torch.full((n * width,), -2, dtype=torch.int64, device=device)
        cluster[best[:, 0] * width + best[:, 1] - best[:, 0]] = -1
        cluster[gold[:, 0] * width + gold[:, 1] - gold[:, 0]] = gold_cluster
        cells = (cluster > -2).nonzero()[:, 0]
        start = cells // width
        return torch.stack([start, start + cells % width], 1), cluster[cells]

    def _pairs(self, document: _Words, spans: Tensor) -> Tensor:
        strings = torch.from_numpy(string_ids(document.words.cpu().numpy(), spans.cpu().numpy())).to(spans.device)
        first, last = document.first[spans[:, 0]], document.last[spans[:, 1]]
        pairs: Tensor = self.pairs(first, last, spans, document.words[spans], strings)
        return pairs

    @torch.no_grad()
    def matrix(
        self, first: Tensor, last: Tensor, words: Tensor, sentence_last: Tensor, tokens: Sequence[str]
    ) -> Matrix:
        """The matrices of one document, from its words and their vectors (n, hidden); see `forward` for the rest."""
        logits = self.mentions(first, last).float()
        spans = self.candidates(logits, sentence_last)
        pairs = self._pairs(_Words(first, last, words, sentence_last), spans)
        mention_logits = logits[:, spans[:, 0], spans[:, 1] - spans[:, 0]]
        found = spans.cpu().numpy()
        own = kinds_of_spans(tokens, found, self.config.language)
        return Matrix(found, mention_logits.cpu().numpy(), pairs.float().cpu().numpy(), own)


class Ensemble(nn.Module):
    """Resolvers that teach together: the mean of their logits, on candidates that their mean mention logits choose.

    Raises:
        ValueError: if they do not fill the same matrices.
    """

    def __init__(self, members: Sequence[LehrModel]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.config = members[0].config
        for member in members[1:]:
            refuse_other_cells(self.config, member.config)

    def extra_repr(self) -> str:
        """The calibration of each, which is in what they say: kept logits are known by how a model prints."""
        configs: list[LehrConfig] = [member.config for member in self.members]  # type: ignore[misc]
        return ", ".join(f"{c.link_scale} x + {c.link_shift} + {c.kind_shift}" for c in configs)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **batch: Tensor) -> CorefOutput:
        """Logits (D, L), as a single resolver's; documents of one batch must be of one length."""
        read = [member.encode(input_ids, attention_mask) for member in self.members]  # type: ignore[operator]
        answers = []
        with torch.autocast(input_ids.device.type, enabled=False):
            for d, n in enumerate(batch["length"].tolist()):
                first, last, *rest = (batch[k][d, :n] for k in ("first", "last", "words", "sentence_last", "kinds"))
                answers.append(_logits(list(self.members), [_Words(v[first], v[last], *rest) for v in read]))
        return CorefOutput(logits=torch.stack(answers))


@dataclass(frozen=True, slots=True)
class _Words:
    """A document's words: vectors (n, hidden) of their first and last pieces, numbers (n,), where sentences end (n,).

    And the kinds of the cells (n, W).
    """

    first: Tensor
    last: Tensor
    words: Tensor
    sentence_last: Tensor
    kinds: Tensor | None = None

    def valid(self, width: int) -> Tensor:
        """The cells (n, W) of spans within one sentence, bool."""
        n, device = len(self.first), self.first.device
        reach = torch.arange(n, device=device)[:, None] + torch.arange(width, device=device)
        return reach <= self.sentence_last[:, None]


def _logits(models: Sequence[Any], read: Sequence[_Words]) -> Tensor:
    """What several resolvers say of a document on the mean, (L,): mention logits (schemes, n, W) in that order, then
    the calibrated logits of all pairs of their candidates, which these mention logits choose, row by row above the
    diagonal."""
    mentions = torch.stack([m.mentions(d.first, d.last) for m, d in zip(models, read, strict=True)]).mean(0)
    spans = models[0].candidates(mentions, read[0].sentence_last)
    pairs = [_calibrated(m, d, spans) for m, d in zip(models, read, strict=True)]
    return torch.cat([mentions.flatten(), torch.stack(pairs).mean(0)])


def _calibrated(model: Any, document: _Words, spans: Tensor) -> Tensor:
    """The calibrated pair logits of spans (K, 2) above the diagonal."""
    config: LehrConfig = model.config
    pairs = config.link_scale * model._pairs(document, spans) + config.link_shift
    if config.kind_shift:
        assert document.kinds is not None, "the collator that is to ask a teacher gives them"
        own = document.kinds[spans[:, 0], spans[:, 1] - spans[:, 0]]
        pairs = pairs + torch.tensor(config.kind_shift, device=pairs.device)[own[:, None], own]
    return _above(pairs)


def _above(pairs: Tensor) -> Tensor:
    """The cells of a matrix (K, K) above its diagonal, (K · (K − 1) / 2,)."""
    row, column = torch.triu_indices(len(pairs), len(pairs), 1, device=pairs.device)
    return pairs[row, column]


def refuse_other_cells(one: LehrConfig, other: LehrConfig) -> None:
    """See that two resolvers fill the same matrices.

    Raises:
        ValueError: if they differ in schemes, widest span, share of candidates, or in how clusters are decided.
    """
    for name in ("schemes", "max_width", "candidate_ratio", "scorer"):
        if getattr(one, name) != getattr(other, name):
            raise ValueError(
                f"other label spaces: {name} is {getattr(one, name)!r} in one resolver and {getattr(other, name)!r} "
                "in the other"
            )
