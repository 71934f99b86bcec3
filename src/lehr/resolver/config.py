"""What a model says of itself in `config.json`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

import numpy as np

from ..decoding import Floats, Scorer
from ..kinds import count

FORMAT = 1
"""The newest layout of a model's folder that is understood."""

_LARGE = 2**31
_WHOLE = ("window", "max_width", "overlap", "pad_token_id")
_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("window", "max_width"), (1, _LARGE)),
    **dict.fromkeys(("overlap", "pad_token_id", "candidate_ratio", "link_scale", "mention_scale"), (0, _LARGE)),
    **dict.fromkeys(("link_shift", "mention_shift", "kind_shift"), (-_LARGE, _LARGE)),
    **dict.fromkeys(("mention_threshold", "link_threshold"), (0, 1)),
    "candidate_floor": (-math.inf, math.inf),
}
"""The least and the greatest that a number may be."""

EXPORT_AGAIN = "export the model again or fetch it anew"
"""What to do about a damaged model."""


@dataclass(frozen=True, slots=True)
class Config:
    """What `config.json` says; see `lehr.coref.configuration.LehrConfig` for the fields that both have.

    Args:
        pad_token_id: the tokenizer's padding token.
        mention_scale, mention_shift: one a scheme, or none at all to leave mention logits as they are.
        candidate_floor: mention logit, not calibrated, below which a span is never compared.
        singleton_scheme: the annotation scheme that says which mentions may stand alone if no scheme is chosen; some
            schemes never mark singletons, and say nothing about them. None for no scheme that marks them.
        language: the ISO 639 code of the language that it reads.
    """

    scorer: Scorer
    schemes: list[str]
    window: int
    overlap: int
    max_width: int
    candidate_ratio: float
    pad_token_id: int
    mention_threshold: float
    link_threshold: float
    link_scale: float = 1.0
    link_shift: float = 0.0
    kind_shift: Sequence[Sequence[float]] = ()
    mention_scale: Sequence[float] = ()
    mention_shift: Sequence[float] = ()
    candidate_floor: float = -math.inf
    singleton_scheme: str | None = None
    language: str = "en"

    @classmethod
    def read(cls, path: Path) -> Config:
        """The configuration in a file.

        Raises:
            ValueError: if it is not JSON, of a newer format, or lacks fields or has them wrong.
        """
        try:
            values = json.loads(path.read_text("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is not JSON ({error}): {EXPORT_AGAIN}") from error
        if not isinstance(values, dict) or type(values.get("format")) is not int or values["format"] < 1:
            raise ValueError(
                f"{path} does not configure a model for lehr, as it has no format from 1 on: {EXPORT_AGAIN}"
            )
        if values["format"] > FORMAT:
            raise ValueError(f"{path} has format {values['format']}, and this lehr knows {FORMAT}: upgrade lehr")
        if missing := [field.name for field in fields(cls) if field.default is MISSING and field.name not in values]:
            raise ValueError(f"{path} lacks {', '.join(missing)}: {EXPORT_AGAIN}")
        config = cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})
        names = [field.name for field in fields(cls)] if config._is_right("schemes") else ["schemes"]
        if wrong := [name for name in names if not config._is_right(name)]:
            shown = ", ".join(f"{name} {json.dumps(values[name])}" for name in wrong)
            raise ValueError(f"{path} has {shown}, which cannot be: {EXPORT_AGAIN}")
        return config

    def calibrated(self, mention_logits: Floats) -> Floats:
        """Mention logits (schemes, K) as the graph gives them to those of which σ is the probability of a mention."""
        scale = np.array(self.mention_scale or [1.0] * len(self.schemes), np.float32)
        shift = np.array(self.mention_shift or [0.0] * len(self.schemes), np.float32)
        result: Floats = scale[:, None] * mention_logits + shift[:, None]
        return result

    def _is_right(self, name: str) -> bool:
        value = getattr(self, name)
        if name == "scorer":
            return value in ("one-pass", "antecedent")
        if name == "schemes":
            named = isinstance(value, list) and bool(value) and all(isinstance(scheme, str) for scheme in value)
            return named and len({*value}) == len(value)
        if name == "singleton_scheme":
            return value is None or value in self.schemes
        if name == "language":
            return isinstance(value, str) and re.fullmatch("[a-z]{2,3}", value) is not None
        numbers = [value]
        if name == "kind_shift":
            if not isinstance(value, (list, tuple)) or not all(isinstance(row, list) for row in value):
                return False
            size = count(self.language) if value and self._is_right("language") else 0
            if [len(row) for row in value] != [size] * size or [*map(list, zip(*value, strict=True))] != [*value]:
                return False
            numbers = [number for row in value for number in row]
        if name in ("mention_scale", "mention_shift"):
            if not isinstance(value, (list, tuple)) or len(value) not in (0, len(self.schemes)):
                return False
            numbers = list(value)
        kinds = (int,) if name in _WHOLE else (int, float)
        lowest, highest = _RANGES[name]
        return all(type(number) in kinds and lowest <= number <= highest for number in numbers)
