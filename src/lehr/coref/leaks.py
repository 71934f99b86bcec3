"""Documents that would be learned from, or chosen by, and scored as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .data import Example

RUN = 20
"""Words in a row by which a passage is known again, however another tool has split the rest."""

SHARE = 0.1
"""Of a passage's runs: more of them than a quotation has."""


def refuse_shared(parts: Mapping[str, Sequence[Example]], unlabelled: Iterable[Example]) -> None:
    """See that no document is in two parts, and no passage that nobody has annotated in one that is held out.

    Args:
        parts: annotated documents by the name of their part.
        unlabelled: passages that are learned from beside `train`.

    Raises:
        ValueError: naming the document and the parts.
    """
    seen: dict[tuple[str, ...], str] = {}
    for part, examples in parts.items():
        own = {tuple(example.document.tokens): example.document.id for example in examples}
        for words, id in own.items():
            if words in seen:
                name = id or " ".join(words[:5])
                raise ValueError(
                    f"documents: {name!r} is in `{seen[words]}` and in `{part}`; take it out of one of them"
                )
        seen |= dict.fromkeys(own, part)
    held = {part: {run for one in parts.get(part, ()) for run in _runs(one)} for part in ("dev", "test")}
    for passage in unlabelled:
        runs = _runs(passage)
        for part, known in held.items():
            if len(known & runs) > SHARE * len(runs):
                raise ValueError(
                    f"documents: `unlabelled` has {passage.document.id!r}, whose text is in `{part}` too; "
                    "leave it out, novels by `without`"
                )


def _runs(example: Example) -> set[tuple[str, ...]]:
    """Every `RUN` words in a row, without case and marks; all of them where there are fewer."""
    words = [word.casefold() for word in example.document.tokens if any(map(str.isalnum, word))]
    return {tuple(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1))} if words else set()
