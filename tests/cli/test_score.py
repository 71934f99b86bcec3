"""`lehr score` as it is typed."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lehr.cli import main

Run = Callable[..., str]


@pytest.fixture
def run(lehr: Run) -> Run:
    return partial(lehr, "score")


def conll(path: Path, *documents: tuple[str, str]) -> Path:
    """Write documents, each its first line and the brackets of its words."""
    rows = []
    for begin, brackets in documents:
        rows += [
            f"#begin document {begin}",
            *(f"d\tword\t{column}" for column in brackets.split()),
            "",
            "#end document",
        ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return conll(tmp_path / "key.conll", ("(a); part 000", "(1) (1) (2)"), ("(a); part 001", "(1) - (1) -"))


@pytest.fixture
def response(tmp_path: Path) -> Path:
    return conll(tmp_path / "response.conll", ("(a); part 001", "(7) - (7) -"), ("(a); part 000", "(1) (2) (3)"))


def test_table(run: Run, key: Path, response: Path) -> None:
    lines = run(key, response).splitlines()
    muc = next(line for line in lines if "MUC" in line)
    assert muc.split() == ["MUC", "50.00", "100.00", "66.67"]
    assert any("CoNLL mean" in line for line in lines)
    assert any("2 documents, singletons kept" in line for line in lines)


def test_json_with_documents(run: Run, key: Path, response: Path) -> None:
    scores = json.loads(run(key, response, "--json", "--per-document"))
    assert scores["singletons"] is True
    assert scores["muc"] == {"recall": 0.5, "precision": 1.0, "f1": pytest.approx(2 / 3)}
    assert [(document["id"], document["part"], document["muc"]["f1"]) for document in scores["documents"]] == [
        ("a", 0, 0.0),
        ("a", 1, 1.0),
    ]
    assert "documents" not in json.loads(run(key, response, "--json"))


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """A key of six documents, a response with half of its links, and one without any."""
    sides = {"right": ["(1) (1) (2)"] * 6, "half": ["(1) (1) (2)", "(1) (3) (2)"] * 3, "none": ["(1) (3) (2)"] * 6}
    return [
        conll(tmp_path / f"{name}.conll", *((f"(d{n}); part 000", column) for n, column in enumerate(columns)))
        for name, columns in sides.items()
    ]


def test_against_another_response(run: Run, three: list[Path]) -> None:
    key, half, none = three
    lines = [re.split(r"\s{2,}", line.strip()) for line in run(key, half, "--against", none).splitlines()]
    assert ["F1", "RESPONSE", "OTHER", "difference", "95 % interval"] in lines
    assert ["MUC", "66.67", "0.00", "+66.67", "+0.00 to +100.00"] in lines
    assert ["links over 1,000", "–", "–", "–", "–"] in lines
    assert ["6 documents, singletons kept"] in lines
    scores = json.loads(run(key, none, "--against", half, "--json"))
    assert scores["conll"] == scores["against"]["conll"]["one"]
    assert scores["against"]["muc"]["difference"] == pytest.approx(-2 / 3)
    assert scores["against"]["beyond_1000"]["low"] is None


def test_against_a_response_that_lacks_a_document(run: Run, three: list[Path], tmp_path: Path) -> None:
    key, half, _ = three
    other = conll(tmp_path / "other.conll", ("(d0); part 000", "(1) (1) (2)"))
    message = run(key, half, "--against", other, status=1)
    assert message == f"lehr: {other} has no document 'd1', part 0, which {key} has\n"
    assert "fewer than 6 documents; got 1" in run(other, other, "--against", other, status=1)


def test_singletons_are_dropped_on_request_and_the_score_says_so(run: Run, key: Path, response: Path) -> None:
    assert "2 documents, singletons dropped" in run(key, response, "--no-singletons")
    scores = json.loads(run(key, response, "--no-singletons", "--json"))
    assert scores["singletons"] is False
    assert scores["mentions"] == {"recall": 0.5, "precision": 1.0, "f1": pytest.approx(2 / 3)}


def test_zero_mentions_are_scored_on_neither_side_and_their_number_is_told(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def conllu(name: str, *words: str) -> Path:
        rows = ["\t".join([*word.split("/")[:2], *"_______", word.split("/")[2]]) for word in words]
        path = tmp_path / name
        path.write_text("\n".join(["# newdoc id = d", *rows, "", ""]), encoding="utf-8")
        return path

    words = ["1/a/Entity=(e1)", "2/b/Entity=(e2)", "3/c/Entity=(e1)"]
    gold = conllu("gold.conllu", words[0], "1.1/_/Entity=(e2)", *words[1:])
    plain = conllu("plain.conllu", *words)
    for key, response in ((gold, plain), (plain, gold), (gold, gold)):
        scores = json.loads(run(key, response, "--json"))
        assert scores["conll"] == scores["mentions"]["f1"] == 1
    monkeypatch.setattr(sys, "argv", ["lehr", "score", str(gold), str(plain), "--no-singletons"])
    with pytest.raises(SystemExit):
        main()
    printed = capsys.readouterr()
    told = "1 zero mention is left out, which no written word stands for, and 1 entity is left with one mention by it"
    assert printed.err == f"lehr: {gold}: {told}\n"
    assert "1 document, singletons dropped" in printed.out
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SystemExit, match="1"):
            main()
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"lehr: {gold}: {told}\n"), "whoever asks for it has such files refused"


def test_table_by_document_keeps_long_names_whole(run: Run, tmp_path: Path) -> None:
    name = "a_long_[bold]name[/bold]_of_a_novel_:smile:_and_its_author"
    path = conll(tmp_path / "novel.conll", (f"({name}); part 000", "(1) (1)"))
    assert name in run(path, path, "--per-document")


def test_official_numbers_reach_the_reader(run: Run, shared_data: Path) -> None:
    cases = shared_data / "conll-scorer-cases"
    scores = json.loads(run(cases / "TC-A.key", cases / "TC-A-9.response", "--json"))
    assert 100 * scores["blanc"]["f1"] == pytest.approx(30.35, abs=0.01)


def test_repeated_mentions_count_in_the_cluster_that_begins_first(run: Run, tmp_path: Path) -> None:
    gold = conll(tmp_path / "gold.conll", ("(d); part 0", "(1) (1) (2) (2)"))
    # The second word is in clusters 9 and 3, and 9 begins first.
    answer = conll(tmp_path / "answer.conll", ("(d); part 0", "(9) (3)(9) (3) (3)"))
    scores = json.loads(run(gold, answer, "--json"))
    assert scores["b_cubed"]["f1"] == 1


def test_documents_of_one_name_pair_in_turn(run: Run, tmp_path: Path) -> None:
    gold = conll(tmp_path / "gold.conll", ("(d); part 0", "(1) (1)"), ("(d); part 0", "(1) (2) (1)"))
    assert json.loads(run(gold, gold, "--json"))["conll"] == 1


def test_documents_without_a_name_pair_by_part(run: Run, tmp_path: Path) -> None:
    nameless = ("", "(1) (1)"), ("", "(1) - (1)")
    gold, answer = conll(tmp_path / "gold.conll", *nameless), conll(tmp_path / "answer.conll", *nameless)
    assert json.loads(run(gold, answer, "--json"))["conll"] == 1


def test_a_document_named_as_its_file_is_found_by_that_name(run: Run, tmp_path: Path) -> None:
    gold = conll(tmp_path / "novel.conll", ("(novel); part 0", "(1) (1)"))
    answers = conll(tmp_path / "answers.conll", ("(other); part 0", "(1) (1)"), ("(novel); part 0", "(1) (1)"))
    assert json.loads(run(gold, answers, "--json"))["conll"] == 1


def test_documents_beyond_the_key_are_not_scored(run: Run, key: Path, response: Path, tmp_path: Path) -> None:
    half = conll(tmp_path / "half.conll", ("(a); part 001", "(1) - (1) -"))
    assert json.loads(run(half, response, "--json"))["conll"] == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("(b); part 000", "(1) (1) -"), "answer.conll has no document 'a', part 0, which"),
        (("(a); part 000", "(1) (1)"), "document 'a', part 0, has 3 words in"),
    ],
)
def test_other_documents_are_an_error(run: Run, key: Path, tmp_path: Path, answer: tuple[str, str], said: str) -> None:
    message = run(key, conll(tmp_path / "answer.conll", answer), status=1)
    assert message.count("\n") == 1
    assert said in message


def test_lines_without_a_name_pair_by_their_places(run: Run, tmp_path: Path) -> None:
    line = json.dumps({"tokens": ["Mary", "she"], "clusters": [[[0, 0], [1, 1]]]})
    for number in (1, 2):
        for name in ("gold.jsonl", "answer.jsonl"):
            (tmp_path / name).write_text("\n".join([line] * number))
        assert json.loads(run(tmp_path / "gold.jsonl", tmp_path / "answer.jsonl", "--json"))["conll"] == 1


def test_folders_are_paired_file_by_file(run: Run, tmp_path: Path) -> None:
    for folder in ("gold/deep", "answer/deep"):
        (tmp_path / folder).mkdir(parents=True)
    for name, brackets in (("a", "(1) (1)"), ("deep/b", "(1) - (1)")):
        conll(tmp_path / f"gold/{name}.conll", ("(same); part 0", brackets))
        conll(tmp_path / f"answer/{name}.v4_gold_conll", ("(same); part 0", brackets))
    scores = json.loads(run(tmp_path / "gold", tmp_path / "answer", "--json", "--per-document"))
    assert (scores["conll"], len(scores["documents"])) == (1, 2)
    assert "give two files, or two folders" in run(tmp_path / "gold", tmp_path / "gold/a.conll", status=1)
    (tmp_path / "answer/a.jsonl").write_text("")
    assert "a.v4_gold_conll have one name" in run(tmp_path / "gold", tmp_path / "answer", status=1)
    (tmp_path / "answer/a.jsonl").unlink()
    (tmp_path / "answer/a.v4_gold_conll").unlink()
    assert "has no file for" in run(tmp_path / "gold", tmp_path / "answer", status=1)


def test_nothing_to_score_is_an_error(run: Run, key: Path, tmp_path: Path) -> None:
    (tmp_path / "novel.txt").write_text("Mary slept. She slept.")
    empty = conll(tmp_path / "empty.conll", ("(a); part 0", "- -"))
    for file in (tmp_path / "novel.txt", empty):
        assert "has no cluster to score by" in run(file, file, status=1)
    single = conll(tmp_path / "single.conll", ("(a); part 0", "(0) -"))
    assert "no cluster of more than one mention" in run(single, single, "--no-singletons", status=1)


def test_other_words_are_told(
    key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.conll"
    other.write_text(key.read_text().replace("word", "wort", 1))
    monkeypatch.setattr(sys, "argv", ["lehr", "score", str(key), str(other)])
    with pytest.raises(SystemExit):
        main()
    assert "differ in some of the words of 1 document, the first 'a'" in capsys.readouterr().err


def test_a_missing_file_is_named(run: Run, key: Path, tmp_path: Path) -> None:
    assert "nowhere.conll" in run(key, tmp_path / "nowhere.conll", status=1)


def test_help_teaches(run: Run) -> None:
    text = run("--help")
    for word in ("KEY", "RESPONSE", "--no-singletons", "--per-document", "--json", "version 8.01"):
        assert word in text


def test_without_scipy(run: Run, key: Path, response: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lehr.extras.find_spec", lambda package: None)
    assert run(key, response, status=1) == (
        "lehr: this needs scipy, which is not installed: pip install 'lehr[score]'\n"
    )
