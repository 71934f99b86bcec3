"""`lehr check-data` as it is typed."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_documents import GAP_HEADER

from lehr.cli import check_data as command
from lehr.cli import main
from lehr.document import Document
from lehr.formats import write

Run = Callable[..., tuple[str, list[str]]]
MARY = Document.from_sentences(
    [["Mary", "said", "she", "was", "tired", "."], ["Tom", "left", "."]],
    id="mary",
    clusters=[[(0, 0), (2, 2)], [(6, 6)]],
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Type the command in a folder of its own; what it prints and what it says beside that."""
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: object, status: int = 0) -> tuple[str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["lehr", "check-data", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        assert (end.value.code or 0) == status, printed.err
        return printed.out, printed.err.splitlines()

    return typed


def conllu(*words: str) -> str:
    rows = [word.split("/") for word in words]
    lines = ["\t".join([number, form, *"_______", misc]) for number, form, misc in rows]
    return "\n".join(["# newdoc id = d", *lines, "", ""])


def test_files_in_order(run: Run) -> None:
    for format in ("conll", "jsonl", "conllu"):
        Path(f"a.{format}").write_text(write([MARY], format), encoding="utf-8")
    Path("a.txt").write_text("No data.", encoding="utf-8")
    printed, said = run("a.conll", "a.conllu", "a.jsonl")
    assert said == []
    assert run(".") == (printed, ["lehr: .: 1 file of another ending is not looked at; the first is a.txt"])
    Path("folder").mkdir()
    nothing, (said,) = run("folder", status=1)
    assert (nothing, said[:33]) == ("", "lehr: no file in folder ends in c")
    Path("folder/.hidden").touch()
    assert run("folder", "a.conll", "a.conllu", "a.jsonl", status=1) == (printed, [said])
    for name in ("conll", "conllu", "jsonl"):
        assert [f"a.{name}", name, "1", "9", "3", "2", "1"] in [line.split() for line in printed.splitlines()]
    assert ["all", "3", "27", "9", "6", "3"] in [line.split() for line in printed.splitlines()]


def test_gap_has_three_mentions_a_passage(run: Run) -> None:
    row = "t-1\tAnn saw Eve; she left.\tshe\t13\tAnn\t0\tTRUE\tEve\t8\tFALSE\tu\n"
    Path("a.tsv").write_text(GAP_HEADER + row, encoding="utf-8")
    printed, said = run("a.tsv")
    assert ["a.tsv", "gap", "1", "7", "3", "2", "1"] in [line.split() for line in printed.splitlines()]
    assert said == []


def test_what_training_refuses(run: Run) -> None:
    Path("broken.conll").write_text("#begin document (a)\n0 She (0)\nleft\n", encoding="utf-8")
    Path("bytes.jsonl").write_bytes(b'{"text": "caf\xe9"}')
    Path("empty.conllu").write_text("# newdoc id = a\n\n", encoding="utf-8")
    Path("good.conll").write_text(write([MARY], "conll"), encoding="utf-8")
    Path("plain.txt").write_text("It rained.", encoding="utf-8")
    files = ("broken.conll", "bytes.jsonl", "empty.conllu", "nowhere.conll", "plain.txt", "good.conll")
    printed, said = run(*files, status=1)
    assert said == [
        "lehr: broken.conll, line 3: found one column, 'left', expected at least a word and its brackets",
        "lehr: bytes.jsonl: found byte 0xe9 at offset 13, expected UTF-8 text; if it is cp1252, iconv -f cp1252 -t "
        "utf-8 converts it",
        "lehr: empty.conllu: there is no document with words in it",
        "lehr: nowhere.conll: No such file or directory",
        "lehr: plain.txt: text alone, which has no annotation and goes under `unlabelled` in a recipe",
    ]
    assert "good.conll" in printed


def test_a_language_is_a_code(run: Run) -> None:
    _, said = run("a.jsonl", "--language", "English", status=1)
    assert said == ["lehr: language is 'English'; it must be an ISO 639 code, such as 'de'"]


def test_what_training_passes_over(run: Run) -> None:
    words = [f"w{number}" for number in range(8)]
    odd = Document.from_sentences(
        [words[:6], words[6:]],
        id="odd",
        clusters=[[(0, 4), (1, 5), (2, 2), (2, 2)], [(2, 2), (5, 6), (1, 1)]],
    )
    Path("odd.jsonl").write_text(write([MARY, odd], "jsonl"), encoding="utf-8")
    Path("none.jsonl").write_text('{"text": "It rained."}', encoding="utf-8")
    zero = conllu("1/a/Entity=(e1)", "1.1/_/Entity=(e1)", "2/b/Entity=(e1)")
    Path("zero.conllu").write_text(zero, encoding="utf-8")
    _, said = run("odd.jsonl", "none.jsonl", "zero.conllu", "--max-width", 4)
    assert said == [
        "lehr: odd.jsonl: 2 mentions are wider than 4 words and never found; "
        "the first is 'w0 w1 w2 w3 w4', words 0 to 4 of document 'odd'",
        "lehr: odd.jsonl: 1 mention is crossing another of their entity, and only one of the two is ever found; "
        "the first is 'w1 w2 w3 w4 w5', words 1 to 5 of document 'odd'",
        "lehr: odd.jsonl: 2 mentions are of the same words as another, and only the first is learned; "
        "the first is 'w2', words 2 to 2 of document 'odd'",
        "lehr: odd.jsonl: 1 mention is across the end of a sentence and never found; "
        "the first is 'w5 w6', words 5 to 6 of document 'odd'",
        "lehr: none.jsonl: there is no mention in it, so that a model learns to find none",
        "lehr: zero.conllu: 1 zero mention is left out, which no written word stands for",
        "lehr: zero.conllu: there are no singletons, which other files have: if they are never marked there, give "
        "these files a scheme of their own in the recipe",
    ]


def test_the_width_is_that_of_models() -> None:
    configuration = pytest.importorskip("lehr.coref.configuration", reason="needs pip install 'lehr[train]'")
    parameters = inspect.signature(configuration.LehrConfig.__init__).parameters
    assert parameters["max_width"].default == sys.modules[command.__module__].WIDTH


def test_training_passes_over_the_same(tmp_path: Path) -> None:
    data = pytest.importorskip("lehr.coref.data", reason="needs pip install 'lehr[train]'")
    spans = [(0, 4), (1, 5), (2, 2), (5, 6), (1, 1)]
    document = Document.from_sentences([["w"] * 6, ["w"] * 2], clusters=[spans, [(2, 2)]])
    learned = [span for span, _ in data.gold_spans(document, 4)]
    path = tmp_path / "x.jsonl"
    path.write_text(write([document], "jsonl"), encoding="utf-8")
    remarks = sys.modules[command.__module__].check_file(path, 4).remarks
    passed = sum(int(remark.split(": ")[1].split()[0]) for remark in remarks if "never found" in remark)
    repeated = sum(int(remark.split(": ")[1].split()[0]) for remark in remarks if "of the same words" in remark)
    assert len(learned) == len(spans) + 1 - passed - repeated
