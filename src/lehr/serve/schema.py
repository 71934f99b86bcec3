"""What is asked and answered, as OpenAPI describes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Word: TypeAlias = Annotated[str, Field(min_length=1)]
_SOME = Field(fail_fast=True, max_length=1_000_000)
"""Of a list: so many items, and one error at most, as each takes memory."""
Words: TypeAlias = Annotated[list[Word], _SOME]
Pair: TypeAlias = Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=2, max_length=2)]
AskedMention: TypeAlias = Pair | Annotated[str, Field(min_length=1, max_length=1000)]

_TEXT = "Mary said she was tired. Tom gave her his coat."
_WORDS: list[JsonValue] = [["Mary", "said", "she", "was", "tired", "."], ["Tom", "gave", "her", "his", "coat", "."]]


class _Options(BaseModel):
    """How to answer; what is left out, the model decides."""

    model_config = ConfigDict(extra="forbid", strict=True)

    scheme: str | None = Field(None, description="The annotation scheme to follow; none for all together.")
    mention_threshold: Probability | None = Field(None, description="Probability from which a span is a mention.")
    link_threshold: Probability | None = Field(None, description="Probability from which mentions are coreferent.")


class _Resolve(_Options):
    mention: list[AskedMention] | None = Field(
        None,
        min_length=1,
        max_length=10,
        description="Only the entities of these mentions: half-open characters, or inclusive words where the document "
        "came in words, or the words themselves, which stand for the first place where they are.",
    )
    singletons: bool | None = Field(None, description="Whether entities mentioned once are reported.")
    horizon: int | None = Field(
        None,
        ge=1,
        le=4000,
        description="Words that are decided at once; by default up to 4,000 as a whole, and a longer text by 1,000.",
    )


class _Text(BaseModel):
    text: str = Field(description="The text, or the text of a file in `input_format`.")
    input_format: Literal["auto", "text", "conll", "conllu", "jsonl"] = Field(
        "text",
        description="What `text` is; auto looks how it begins. CoNLL and JSON have to hold one document.",
    )


class _Words(BaseModel):
    words: Words | Annotated[list[Words], _SOME] = Field(description="The words, or the words of each sentence.")


class ResolveText(_Resolve, _Text):
    """A text to resolve."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": _TEXT}]})


class ResolveWords(_Resolve, _Words):
    """Words to resolve."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"words": _WORDS}]})


class MentionOfText(_Options, _Text):
    """A mention of a text."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": _TEXT, "mention": [10, 13]}]})
    mention: AskedMention = Field(description="Half-open characters, or words, which stand for their first place.")


class MentionOfWords(_Options, _Words):
    """A mention of words."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"words": _WORDS, "mention": [2, 2]}]})
    mention: AskedMention = Field(description="Inclusive words, or the words themselves.")


class Convert(BaseModel):
    """A resolved document, in the shape in which `/resolve` gives it, to be written in another format."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "document": {
                        "text": "Mary said she was tired.",
                        "clusters": [{"mentions": [{"start": 0, "end": 4}, {"start": 10, "end": 13}]}],
                    },
                    "format": "conll",
                }
            ]
        },
    )
    document: dict[str, Any]
    format: Literal["conll", "conllu", "html", "jsonl"]


class Mention(BaseModel):
    """`start` and `end` are half-open characters of the text, `first_word` and `last_word` inclusive."""

    start: int
    end: int
    text: str
    first_word: int | None = Field(None, description="Only where the document came in words.")
    last_word: int | None = None
    score: float | None = Field(None, description="The probability that this is a mention.")
    antecedent: int | None = Field(None, description="The place of its most probable antecedent in the entity.")
    link: float | None = Field(None, description="The probability of that link.")


class Cluster(BaseModel):
    id: int
    name: str = Field(description="What the entity is best called.")
    mentions: list[Mention]


class Resolved(BaseModel):
    """lehr's own JSON, with the words of the document where it came in words."""

    id: str
    part: int | None = None
    text: str
    words: list[list[int]] | None = None
    sentences: list[list[int]] | None = None
    speakers: list[str | None] | None = None
    clusters: list[Cluster]


class Cell(BaseModel):
    """A cell of the row of a mention: `probability` that it is of the same entity."""

    start: int
    end: int
    text: str
    score: float | None = Field(description="The probability that this is a mention at all.")
    probability: float
    coreferent: bool = Field(description="Whether both thresholds are reached.")


class Row(BaseModel):
    mention: Cell
    row: list[Cell] = Field(description="The other mentions, in the order of the text, down to a probability of 0.01.")


class Health(BaseModel):
    status: Literal["ok"]
    version: str
    schemes: list[str]
    mention_threshold: float
    link_threshold: float
    singletons: bool = Field(description="Whether entities mentioned once are reported if nobody says.")
    whole: int = Field(description="Words up to which a text is decided as a whole.")
    megabytes: float = Field(description="What a request may weigh.")


class Error(BaseModel):
    detail: str = Field(description="What is wrong, and what to do about it.")
