from __future__ import annotations

import json
import math
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_documents import ODD_TEXT, documents

from lehr.document import Document
from lehr.formats import FormatError, jsonl, text

SENTENCES = [["Ann", "left", "."], ["She", "slept", "."]]
WORDS = [word for sentence in SENTENCES for word in sentence]
MENTIONS = [{"start": 0, "end": 3}, {"start": 10, "end": 13, "text": "She", "score": 0.5}]


def read_one(record: object, name: str = "folder/file.jsonl") -> Document:
    (document,) = jsonl.read(json.dumps(record), name=name)
    return document


@pytest.mark.parametrize(
    "record",
    [
        {"doc_key": "nw/a_0", "sentences": SENTENCES, "clusters": [[[0, 0], [3, 3]]]},
        {"doc_key": "nw/a_0", "tokens": WORDS, "clusters": [[[0, 0], [3, 3]]]},
        {"doc_key": "nw/a_0", "text": "passed over", "tokens": WORDS, "clusters": [[[3, 3], [0, 0]]]},
        {"doc_key": "nw/a_0", "text": "Ann left. She slept.", "clusters": [[[0, 3], [10, 13]]]},
        {"id": "nw/a_0", "text": "Ann left. She slept.", "clusters": [{"id": 0, "mentions": MENTIONS}]},
    ],
    ids=["s2e and Maverick", "fastcoref, words", "fastcoref, words and text", "fastcoref, text", "lehr"],
)
def test_the_shapes(record: dict[str, object]) -> None:
    document = read_one(record)
    assert document.id == "nw/a_0"
    assert document.text == "Ann left. She slept."
    assert document.spans == [[(0, 0), (3, 3)]]
    assert [mention.text for mention in document.clusters[0].mentions] == ["Ann", "She"]
    assert document.speakers is None


def test_a_list_of_words_is_split_into_sentences() -> None:
    assert read_one({"tokens": WORDS}) == read_one({"sentences": SENTENCES})


@pytest.mark.parametrize("speakers", [["A", "A", "-", "B", "", None], [["A", "A", "-"], ["B", "", None]]])
def test_speakers_are_flat_or_nested(speakers: list[object]) -> None:
    document = read_one({"sentences": SENTENCES, "speakers": speakers, "clusters": []})
    assert document.speakers == ("A", "A", None, "B", None, None)


def test_names_come_from_the_file_where_the_record_has_none() -> None:
    assert read_one({"text": "A"}).id == "file"
    assert [document.id for document in jsonl.read('{"text": "A"}\n\n{"text": "B"}\n', name="file.jsonl")] == [
        "file:1",
        "file:2",
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_one_object_or_one_array(indent: int | None) -> None:
    record = {"id": "a", "text": "A b.", "clusters": [[[0, 1]]]}
    assert jsonl.read(json.dumps(record, indent=indent), name="x") == [read_one(record)]
    assert jsonl.read(json.dumps([record, record], indent=indent), name="x") == [read_one(record)] * 2
    assert jsonl.read("", name="x") == []


def test_characters_within_a_word_are_kept_and_touch_the_word() -> None:
    (mention,) = read_one({"text": "re-elected Ann", "clusters": [[[3, 12]]]}).clusters[0].mentions
    assert (mention.text, mention.start, mention.end, mention.span) == ("elected A", 3, 12, (0, 1))


def test_what_is_written_for_a_person_and_for_a_program() -> None:
    document = Document.from_sentences([["Ann", "left"], ["She"]], id="a", speakers=["X", None, None])
    mentions = [document.mention(0, 0, score=0.9), document.mention(2, 2, score=0.8, antecedent=0, link=0.7)]
    document = document.with_clusters([mentions])
    assert jsonl.to_json(document, words=False) == {
        "id": "a",
        "text": "Ann left She",
        "clusters": [
            {
                "id": 0,
                "mentions": [
                    {"start": 0, "end": 3, "text": "Ann", "score": 0.9},
                    {"start": 9, "end": 12, "text": "She", "score": 0.8, "antecedent": 0, "link": 0.7},
                ],
            }
        ],
    }
    record = jsonl.to_json(document, words=True)
    assert record["words"] == [[0, 3], [4, 8], [9, 12]]
    assert record["sentences"] == [[0, 1], [2, 2]]
    assert record["speakers"] == ["X", None, None]
    assert (
        record["clusters"][0]["mentions"][1] | {"first_word": 2, "last_word": 2} == record["clusters"][0]["mentions"][1]
    )
    assert read_one(record) == document


@given(st.lists(documents(crossing=True), max_size=3))
def test_what_is_written_is_read_again(written: list[Document]) -> None:
    assert jsonl.read(jsonl.write(written), name="x") == written


@pytest.mark.parametrize("record", ['{"id": "\\ud800", "text": "a"}', '{"tokens": ["a"], "speakers": ["\\uDC00"]}'])
def test_half_of_a_surrogate_pair_is_told(record: str) -> None:
    with pytest.raises(FormatError, match=r"x\.jsonl, line 2: found half of a surrogate pair, expected both or none"):
        jsonl.read('{"text": "\\ud83d\\ude00 \\\\ud800"}\n' + record, name="x.jsonl")


@given(ODD_TEXT, st.data())
def test_text_and_characters_are_read_again(source: str, data: st.DataObject) -> None:
    (document,) = text.read(source, name="x")
    if document.words:
        words = st.integers(0, len(document.words) - 1)
        spans = st.tuples(words, words).map(lambda pair: (min(pair), max(pair)))
        document = document.with_clusters([data.draw(st.lists(spans, min_size=1))])
    assert read_one(jsonl.to_json(document, words=False)) == document
    for cluster in document.clusters:
        assert all(source[mention.start : mention.end] == mention.text for mention in cluster.mentions)


@pytest.mark.parametrize(
    ("line", "found", "expected"),
    [
        ("{", "'Expecting property name", "JSON"),
        ("[" * 100_000, "'", "JSON"),
        ("3", "3", "an object"),
        ('{"text": 5}', "5", "a string as 'text'"),
        ('{"txt": "A", "id": 1}', "only txt, id", "a string as 'text', or words in 'tokens' or 'sentences'"),
        ("{}", "nothing", "a string as 'text', or words in 'tokens' or 'sentences'"),
        ('{"text": 3}', "3", "a string as 'text'"),
        ('{"text": "A", "part": "0"}', '"0"', "a whole number from 0 on as 'part'"),
        ('{"text": "A", "part": -1}', "-1", "a whole number from 0 on as 'part'"),
        ('{"text": "Ann", "clusters": [[[0, 9]]]}', "[0, 9]", "characters in 'clusters' that hold a word of the 3"),
        ('{"text": "A  b", "clusters": [[[1, 2]]]}', "[1, 2]", "characters in 'clusters' that hold a word of the 4"),
        ('{"text": "A", "clusters": [[[0]]]}', "[0]", "two positions in order in 'clusters'"),
        ('{"text": "A", "clusters": [[[true, 1]]]}', "[true, 1]", "two positions"),
        ('{"text": "A", "clusters": [[["0", "1"]]]}', '["0", "1"]', "two positions"),
        ('{"text": "A", "clusters": {}}', "{}", "a list in 'clusters'"),
        ('{"text": "A", "clusters": [3]}', "3", "a list in 'clusters'"),
        ('{"text": "A", "clusters": [{"id": 0}]}', "null", "a list in 'clusters'"),
        ('{"text": "A", "clusters": [{"mentions": [{"start": 0}]}]}', "[0, null]", "two positions"),
        (
            '{"text": "Ann", "clusters": [{"mentions": [{"start": 0, "end": 3, "text": "Bob"}]}]}',
            '"Bob"',
            "'Ann', which",
        ),
        ('{"tokens": ["A", ""]}', '""', "a word in 'tokens'"),
        ('{"sentences": ["A b"]}', '"A b"', "a list in 'sentences'"),
        ('{"tokens": ["A"], "clusters": [[[0, 1]]]}', "document '' has 1 words", "that fit together"),
        ('{"tokens": ["A"], "speakers": ["A", "B"]}', "document '': 2 speakers for 1 words", "that fit together"),
        ('{"text": "A", "words": [[0, 2]]}', "document '': word at characters 0:2", "that fit together"),
        ('{"text": "A", "clusters": [[{"start": 0, "end": 1, "link": [1]}]]}', "[1]", "a probability as 'link'"),
        ('{"text": "A", "clusters": [[{"start": 0, "end": 1, "score": 1e999}]]}', "Infinity", "a probability"),
        ('{"text": "A", "clusters": [[{"start": 0, "end": 1, "antecedent": "a"}]]}', '"a"', "a whole number"),
        (
            '{"text": "A b", "words": [[0, 1], [2, 3]], "sentences": [[1, 1]]}',
            "document '': sentence of",
            "fit together",
        ),
    ],
    ids=lambda value: value[:40],
)
def test_a_broken_line_is_refused(line: str, found: str, expected: str) -> None:
    with pytest.raises(FormatError) as caught:
        jsonl.read('{"text": "A"}\n' + line, name="folder/file.jsonl")
    message = str(caught.value)
    assert message.startswith(f"folder/file.jsonl, line 2: found {found}")
    assert expected in message.partition(", expected ")[2]


def test_values_that_json_has_not() -> None:
    row = {"a": [1.5, math.nan, {"b": -math.inf}], "c": b"\xff\x00", "d": datetime(2020, 1, 2, 3), "e": Decimal("1.10")}
    told = {"a": [1.5, None, {"b": None}], "c": "/wA=", "d": "2020-01-02T03:00:00", "e": "1.10"}
    assert json.loads(jsonl.dumps(row), parse_constant=pytest.fail) == told
    assert jsonl.dumps({"ö": "\ud800"}, ascii=True) == r'{"\u00f6": "\ud800"}'


def test_what_is_null_is_not_there() -> None:
    record = {"text": "Ann left.", "words": None, "tokens": None, "part": None, "doc_key": None, "id": "a"}
    assert read_one(record) == read_one({"text": "Ann left.", "id": "a"})


def test_words_that_are_no_list_beside_a_text_are_not_there() -> None:
    record = {"text": "Ann left. She slept.", "clusters": [[[0, 3], [10, 13]]]}
    assert read_one({**record, "words": 5, "tokens": "5", "sentences": 2.5}) == read_one(record)
    assert read_one({"text": "passed over", "tokens": ["Ann"], "words": 1}).text == "Ann"


def test_an_item_of_an_array_is_named_by_its_place() -> None:
    with pytest.raises(FormatError, match=r"^x\.json, item 2: found 3, expected an object$"):
        jsonl.read('[{"text": "A"}, 3]', name="x.json")
