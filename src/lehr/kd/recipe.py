"""Recipes in YAML, whose keys are the fields of a dataclass."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml
from yaml.error import MarkedYAMLError

from ..formats import read_source

T = TypeVar("T")


def read_recipe(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> dict[str, Any]:
    """The keys and values of a YAML file, after `settings` of the form ``key=value`` or ``section.key=value``.

    Items of a list are counted from 0: ``stages.0.epochs=9``. A key without a value is as good as absent.

    Raises:
        ValueError: if a setting has no ``=``, or something is no UTF-8 or no YAML, or no keys and values.
    """
    fields = _yaml(read_source(path), str(path))
    if not isinstance(fields, dict):
        raise ValueError(f"{path}: expected keys and values, found {type(fields).__name__}")
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"--set {setting}: expected key=value")
        *sections, last = key.split(".")
        place = fields
        for section in sections:
            place = _inner(place, section, setting)
        place[_key(place, last, setting)] = _yaml(value, f"--set {setting}")
    return {key: value for key, value in fields.items() if value is not None}


def _inner(place: Any, section: str, setting: str) -> Any:
    """What a setting calls by its section; made anew where there is none."""
    key = _key(place, section, setting)
    if isinstance(place, dict) and place.get(key) is None:
        place[key] = {}
    inner = place[key]
    if not isinstance(inner, (dict, list)):
        raise ValueError(f"--set {setting}: {section} has no keys")
    return inner


def _key(place: Any, key: str, setting: str) -> Any:
    if isinstance(place, list):
        if not key.isdecimal() or int(key) >= len(place):
            raise ValueError(f"--set {setting}: {key!r} is none of the numbers 0 to {len(place) - 1}")
        return int(key)
    return key


def fill(kind: type[T], fields: Mapping[str, Any], place: str) -> T:
    """A dataclass with these fields.

    Raises:
        ValueError: if a key is unknown or missing, or a value is not of the kind that the field's annotation names.
    """
    if not isinstance(fields, Mapping):
        raise ValueError(f"{place}: keys and values belong here, and not {fields!r}")
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    check_fields(fields, {name: hints[name] for name in known}, place)
    missing = [
        name
        for name, field in known.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING and name not in fields
    ]
    if missing:
        raise ValueError(f"{place}: key {missing[0]!r} is missing")
    try:
        return kind(**fields)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{place}: a value is of another kind than it should be: {error}") from error


def check_fields(fields: Mapping[str, Any], hints: Mapping[str, Any], place: str) -> None:
    """Raise ValueError if a key is not among `hints`, or its value is of no kind that its annotation there names."""
    refuse_unknown(fields, hints, place)
    for name, value in fields.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{place}: `{name}` is {_told(hints[name])}, and not {value!r}")


_KINDS = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a string", "strings"),
    bool: ("true or false", "values true or false"),
    list: ("a list", "lists"),
    Sequence: ("a list", "lists"),
    Mapping: ("keys and values", "keys and values"),
    dict: ("keys and values", "keys and values"),
}
"""What one and several of a kind are called."""


def _alternatives(hint: Any) -> Sequence[Any]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else [hint]


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value that YAML gives is as annotated; what is not among `_KINDS` is for others to look at."""
    if len(alternatives := _alternatives(hint)) > 1:
        return any(_fits(value, one) for one in alternatives)
    kind = get_origin(hint) or hint
    if kind is NoneType:
        return value is None
    if kind in (Sequence, list):
        return isinstance(value, (list, tuple)) and all(_fits(item, one) for one in get_args(hint) for item in value)
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return kind not in _KINDS or isinstance(value, kind)


def _told(hint: Any, several: bool = False) -> str:
    told = []
    for one in _alternatives(hint):
        kind = get_origin(one) or one
        if kind in _KINDS:
            items = " of " + _told(get_args(one)[0], True) if kind in (Sequence, list) and get_args(one) else ""
            told.append(_KINDS[kind][several] + items)
    return " or ".join(told)


def refuse_unknown(fields: Mapping[str, Any], known: Collection[str], place: str) -> None:
    """Raise ValueError if there is a key that is not known, with the one that is most like it if any is."""
    for key in fields:
        if key not in known:
            like = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {like[0]!r}?" if like else f"known are {', '.join(known)}"
            raise ValueError(f"{place}: unknown key {key!r}; {hint}")


def difference(kind: type, then: Mapping[str, Any], now: Mapping[str, Any], but: Collection[str] = ()) -> str | None:
    """How the fields of a dataclass differ from what they were, both as JSON has them; None if they do not.

    Args:
        kind: the dataclass. A field that was not there yet when `then` was written had its default.
        then: as they were.
        now: as they are.
        but: fields that may differ.
    """
    defaults = _defaults(kind)
    for key in dict.fromkeys([*now, *then]):
        before, after = (fields.get(key, defaults.get(key)) for fields in (then, now))
        if before != after and key not in but:
            return f"{key} was {before!r} and is {after!r} now"
    return None


def _defaults(kind: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in dataclasses.fields(kind):
        if one.default is not dataclasses.MISSING:
            found[one.name] = one.default
        elif one.default_factory is not dataclasses.MISSING:
            found[one.name] = one.default_factory()
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


class _Loader(yaml.SafeLoader):
    """YAML 1.2's numbers, of which 1e-4 is one, to PyYAML a string; and no key twice, where PyYAML takes the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # PyYAML refuses it
            if key.value in seen:
                raise MarkedYAMLError(problem=f"key {key.value!r} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return node


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), [*"-+.0123456789"]
)


def _yaml(text: str, place: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{place}: no YAML: {' '.join(str(error).split())}") from error
