"""Rows resolved, whatever brings them; with the model that comes with lehr."""

from __future__ import annotations

import pickle

import pytest

from lehr.integrations.rows import RowResolver, document, in_words, reason, record

TEXT = "Mary said she was tired."


def test_columns_become_columns() -> None:
    found = RowResolver(singletons=False)({"id": [1, 2], "text": [TEXT, "It rained."], "title": ["a", "b"]})
    assert list(found) == ["text", "clusters", "error"]
    assert found["text"] == [TEXT, "It rained."]
    assert [m["text"] for m in found["clusters"][0][0]["mentions"]] == ["Mary", "she"]
    assert found["clusters"][1] == []
    assert found["error"] == [None, None]


def test_rows_of_words_have_words() -> None:
    batch = {"tokens": [["Mary", "slept"], None], "sentences": [None, [["Tom", "ran"], ["He", "fell"]]]}
    found = RowResolver(singletons=True)(batch)
    assert list(found) == ["text", "words", "sentences", "speakers", "clusters", "error"]
    assert found["text"] == ["Mary slept", "Tom ran He fell"]
    assert found["sentences"] == [[[0, 1]], [[0, 1], [2, 3]]]
    assert found["clusters"][0][0]["mentions"][0]["last_word"] == 0


def test_a_row_is_no_column() -> None:
    with pytest.raises(TypeError, match="let `map` have batched=True"):
        RowResolver()({"text": TEXT, "id": 1})


def test_what_fails_has_a_reason_and_stops_nothing() -> None:
    texts = [None, 5, "a\ud800", TEXT, ["a"]]
    found = RowResolver()({"text": texts, "id": [None, *"bcde"]})
    assert [error is None for error in found["error"]] == [False, False, False, True, False]
    assert found["error"][0].startswith("this row: found ")
    assert found["error"][1] == "row b: found 5, expected a string as 'text', or words in 'tokens' or 'sentences'"
    assert found["text"] == [None, None, "a\ud800", TEXT, None]
    assert [clusters is None for clusters in found["clusters"]] == [True, True, True, False, True]


def test_a_table_without_texts_is_told() -> None:
    with pytest.raises(ValueError, match="no column is called text, tokens or sentences, but title, id: rename"):
        RowResolver()({"title": ["a"], "id": [1]})


def test_only_what_is_asked_for() -> None:
    found = RowResolver(mentions=("she", (0, 4)))({"text": [TEXT, "He ran."]})
    assert [[m["text"] for m in cluster["mentions"]] for cluster in found["clusters"][0]] == [["Mary", "she"]]
    assert "has no words 'she'" in found["error"][1]


def test_clusters_that_came_with_a_row_are_not_read() -> None:
    row = {"text": TEXT, "clusters": "none", "error": 3, "part": 2, "n": 1}
    found = record(document(row, name="a"), words=False, row=row)
    assert found == {"id": "", "part": 2, "text": TEXT, "clusters": [], "error": 3, "n": 1}
    assert not in_words(row)


def test_speakers_are_a_column_like_others_where_there_are_no_words() -> None:
    row = {"text": TEXT, "speakers": ["A", "B"], "tokens": None, "words": None}
    found = record(document(row, name="a"), words=False, row=row)
    assert found == {"id": "", "text": TEXT, "clusters": [], "speakers": ["A", "B"]}


def test_brought_to_another_process_it_is_the_same() -> None:
    rows = RowResolver(link_threshold=0.5)
    assert pickle.dumps(rows) == pickle.dumps(RowResolver(link_threshold=0.5))
    assert pickle.dumps(rows) != pickle.dumps(RowResolver(link_threshold=0.6))
    assert pickle.loads(pickle.dumps(rows)) == rows
    assert rows.load() is RowResolver().load()


def test_another_model_than_was_meant_is_refused() -> None:
    rows = RowResolver()
    state = {**rows.__getstate__(), "_expected": "another"}
    rows.__dict__.update(state)
    with pytest.raises(ValueError, match="install the same lehr and the same model on every machine"):
        rows({"text": [TEXT]})


@pytest.mark.parametrize("options", [{"link_threshold": 2}, {"scheme": "birds"}, {"model": "no/such/folder"}])
def test_what_is_wrong_with_options_is_told_at_once(options: dict[str, object]) -> None:
    with pytest.raises((ValueError, OSError)):
        RowResolver(**options)  # type: ignore[arg-type]


def test_a_reason_is_a_sentence() -> None:
    assert reason(ValueError("a\n b")) == "a b"
    assert reason(KeyError("a")) == "KeyError: 'a'"
    assert reason(OSError(2, "No such file")) == "No such file"
    assert reason(ValueError()) == "ValueError: "
