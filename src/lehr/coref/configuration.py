"""What a resolver is made of."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, PretrainedConfig

from ..decoding import Scorer
from ..language import check_code

DECISIONS = (
    *("mention_threshold", "link_threshold", "link_scale", "link_shift"),
    *("kind_shift", "mention_scale", "mention_shift"),
)
"""The fields that are fitted to a development part once a model has been trained."""


class LehrConfig(PretrainedConfig):
    """Configuration of `LehrModel`.

    Args:
        encoder: the configuration of the encoder, or its fields as a dictionary.
        scorer: how clusters are decided: ``"one-pass"`` fills whole rows of the span position matrix,
            ``"antecedent"`` ranks earlier mentions (Kirstain et al. 2021) on the very same cells.
        schemes: names of the annotation schemes that the model has learned, one mention score each.
        singleton_scheme: the scheme, if any, that says which mentions may stand alone where none is asked for.
        window: pieces in an encoder window, special ones included.
        overlap: pieces that neighbouring windows share.
        max_width: W, the widest span, in words.
        mention_size: size of the start and end representations that detect mentions.
        pair_size: size of the start and end representations that fill the matrix.
        relation_layers: self-attention layers in which candidates inform each other before the matrix.
        candidate_ratio: candidates kept for each word of the document.
        dropout: of the head.
        link_scale, link_shift: calibrate a pair logit, σ(scale · logit + shift) being the link's probability.
        kind_shift: what is added to that for the kinds of the two mentions, see `lehr.kinds`; symmetric, and empty if
            nothing is.
        mention_scale, mention_shift: the same for the mention logits of each scheme; 1 and 0, which change nothing,
            unless given. Candidates are chosen by the logits as they are.
        mention_threshold: probability from which a candidate is a mention.
        link_threshold: mean link probability, names weighed, from which two groups of mentions become one.
        language: the ISO 639 code of the language that the model reads, which says how raw text is split into words
            and what is a pronoun, where `lehr.language.language` knows it; ``"mul"`` for several.
    """

    model_type = "lehr"
    sub_configs = {"encoder": AutoConfig}  # noqa: RUF012

    def __init__(
        self,
        encoder: PretrainedConfig | dict[str, Any] | None = None,
        scorer: Scorer = "one-pass",
        schemes: list[str] | None = None,
        singleton_scheme: str | None = None,
        window: int = 384,
        overlap: int = 64,
        max_width: int = 24,
        mention_size: int = 256,
        pair_size: int = 192,
        relation_layers: int = 2,
        candidate_ratio: float = 0.25,
        dropout: float = 0.3,
        link_scale: float = 1.0,
        link_shift: float = 0.0,
        kind_shift: list[list[float]] | None = None,
        mention_scale: list[float] | None = None,
        mention_shift: list[float] | None = None,
        mention_threshold: float = 0.5,
        link_threshold: float = 0.5,
        language: str = "en",
        **kwargs: Any,
    ) -> None:
        if isinstance(encoder, dict):
            fields = dict(encoder)
            encoder = AutoConfig.for_model(fields.pop("model_type"), **fields)
        if scorer not in ("one-pass", "antecedent"):
            raise ValueError(f"scorer is {scorer!r}; it must be 'one-pass' or 'antecedent'")
        if singleton_scheme not in (None, *(schemes or ["default"])):
            raise ValueError(f"singleton_scheme is {singleton_scheme!r}, and the schemes are {schemes or ['default']}")
        sizes = {"window": window, "max_width": max_width, "mention_size": mention_size, "pair_size": pair_size}
        for name, value in {**sizes, "candidate_ratio": candidate_ratio}.items():
            if value <= 0:
                raise ValueError(f"{name} is {value}; it must be above 0")
        if min(overlap, relation_layers) < 0 or not 0 <= dropout < 1:
            raise ValueError(
                f"overlap and relation_layers are 0 or more, and dropout from 0 to below 1; got {overlap}, "
                f"{relation_layers} and {dropout}"
            )
        positions = getattr(encoder, "max_position_embeddings", None)
        if encoder and positions and "roberta" in encoder.model_type:  # which counts from behind its padding
            positions -= encoder.pad_token_id + 1
        if positions and positions < window and getattr(encoder, "position_biased_input", True):
            raise ValueError(f"window is {window} pieces, but the encoder reads {positions} at most")
        # Before there is an encoder: it would make it forget which kernel of attention it was loaded with.
        super().__init__(**kwargs)
        # Only Transformers itself leaves the encoder out, to see what the defaults are.
        self.encoder: PretrainedConfig = encoder  # type: ignore[assignment]
        self.scorer = scorer
        self.schemes = list(schemes or ["default"])
        self.singleton_scheme = singleton_scheme
        self.window = window
        self.overlap = overlap
        self.max_width = max_width
        self.mention_size = mention_size
        self.pair_size = pair_size
        self.relation_layers = relation_layers
        self.candidate_ratio = candidate_ratio
        self.dropout = dropout
        self.link_scale = link_scale
        self.link_shift = link_shift
        self.kind_shift = [list(row) for row in kind_shift or []]
        self.mention_scale = list(mention_scale or [1.0] * len(self.schemes))
        self.mention_shift = list(mention_shift or [0.0] * len(self.schemes))
        self.mention_threshold = mention_threshold
        self.link_threshold = link_threshold
        self.language = check_code(language)
