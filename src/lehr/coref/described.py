"""Resolvers as the `models` of recipes describe them; the keys are told at `lehr.coref.problem.CorefProblem`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_type_hints

from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase

from ..kd.recipe import check_fields
from ..shelf import encoder_path
from .configuration import LehrConfig
from .network import LehrModel
from .prediction import load

DECIDED_HERE = ("encoder", "schemes", "kwargs", "return")
"""Arguments of `LehrConfig` that a model's description has no say in."""

KEYS: dict[str, Any] = {
    **{"from": str, "layers": list[int] | None, "head": str | None, "members": list[str]},
    **{key: kind for key, kind in get_type_hints(LehrConfig.__init__).items() if key not in DECIDED_HERE},
}
"""What a description may have, and of which kind it is."""


def resolver(spec: Mapping[str, Any], schemes: list[str]) -> LehrModel:
    """A resolver, fresh or saved.

    Raises:
        ValueError: if it cannot be had as it is described.
    """
    source, layers = encoder_path(spec["from"]), spec.get("layers")
    fields, head = fields_of(spec), spec.get("head")
    if not isinstance(config_of(source), LehrConfig):
        fresh = LehrModel.from_encoder(source, layers, schemes=schemes, **fields)
        if head is not None:
            if not isinstance(config_of(head), LehrConfig):
                raise ValueError(f"model: `head` is {head}, which is no resolver")
            fresh.begin_with_head(resolver({"from": head}, schemes))
        return fresh
    if fields or head is not None:
        raise ValueError(f"model: {source} is a resolver already; {next(iter(fields), 'head')} cannot be chosen anew")
    model, _ = load(source)
    if model.config.schemes != schemes:
        raise ValueError(f"model: {source} has the schemes {model.config.schemes}, the documents {schemes}")
    return model if layers is None else model.with_layers(layers)


def language_of(spec: Mapping[str, Any]) -> str:
    """The language that a resolver reads: of one that was saved, its own.

    Raises:
        ValueError: if there is no such encoder or resolver.
    """
    check_fields(spec, KEYS, "model")
    config = config_of(spec["from"]) if "from" in spec else None
    return config.language if isinstance(config, LehrConfig) else str(spec.get("language", "en"))


def tokenizer_of(source: str) -> PreTrainedTokenizerBase:
    """The tokenizer of an encoder or a resolver."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        encoder_path(source), config=config_of(source), add_prefix_space=True
    )
    return tokenizer


def config_of(source: str) -> Any:
    """The configuration of a resolver or, where there is none, of an encoder.

    Raises:
        ValueError: if there is neither.
    """
    place = encoder_path(source)
    try:
        fields, _ = PretrainedConfig.get_config_dict(place)
        kind = LehrConfig if fields.get("model_type") == LehrConfig.model_type else AutoConfig
        return kind.from_pretrained(place)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"no encoder or resolver {place}: {reason}") from error


def fields_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a description that are fields of `LehrConfig`."""
    return {name: value for name, value in spec.items() if name not in ("from", "layers", "head")}
