"""`lehr resolve` into a folder, with the model that comes with lehr."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from filelock import FileLock

from lehr.cli import corpus as command
from lehr.cli.corpus import ABOUT
from lehr.cli.parts import Outcome, Part, resolve_part
from lehr.formats import read_file
from lehr.integrations.rows import RowResolver

TEXT = "Mary said she was tired."

Lehr = Callable[..., str]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Files of every kind that needs no other package, one of them deep, and one that is nothing."""
    folder = tmp_path / "corpus"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text(TEXT)
    (folder / "deep" / "a.txt").write_text("Tom lost his hat.")
    rows = "".join(f"#begin document ({name}); part 000\nd\tMary\t-\nd\twas\t-\n\n#end document\n" for name in "xy")
    (folder / "b.conll").write_text(rows)
    lines = [{"id": 7, "title": "seven", "text": TEXT}, {"tokens": ["Mary", "slept"], "clusters": "none"}]
    (folder / "c.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    (folder / "notes.md").write_text("not for us")
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def files(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and not path.match("*lehr-run.*")
    )


def mentions(row: dict[str, Any]) -> list[list[str]]:
    return [[mention["text"] for mention in cluster["mentions"]] for cluster in row["clusters"]]


def test_every_file_becomes_one_of_the_same_name(lehr: Lehr, corpus: Path, out: Path) -> None:
    lehr("resolve", corpus, "--output", f"{out}/", "--no-singletons")
    assert files(out) == ["a.jsonl", "b.jsonl", "c.jsonl", "deep/a.jsonl"]
    (text,) = rows(out / "a.jsonl")
    assert (text["id"], text["text"], mentions(text)) == ("a", TEXT, [["Mary", "she"]])
    assert "words" not in text
    assert [row["id"] for row in rows(out / "b.jsonl")] == ["x", "y"]
    first, second = rows(out / "c.jsonl")
    assert (first["id"], first["title"], mentions(first)) == (7, "seven", [["Mary", "she"]])
    assert (second["id"], second["text"], second["words"]) == ("c:3", "Mary slept", [[0, 4], [5, 10]])
    assert "tokens" not in second
    assert [document.id for document in read_file(out / "c.jsonl")] == ["7", "c:3"]


@pytest.mark.parametrize(
    ("format", "start"), [("html", "<!doctype"), ("conll", "#begin"), ("json", "["), ("text", "x")]
)
def test_in_any_format(lehr: Lehr, corpus: Path, out: Path, format: str, start: str) -> None:
    lehr("resolve", corpus, "--output", f"{out}/", "--format", format)
    assert len(files(out)) == 4
    assert next(out.glob("b.*")).read_text("utf-8").startswith(start)


def test_what_is_done_side_by_side_is_what_is_done_alone(lehr: Lehr, corpus: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"{name} said {name} was tired."}) for name in ("Mary", "Tom", "Ann", "Bob")]
    (corpus / "many.jsonl").write_text("\n".join([*lines, "no JSON", *lines]))
    found = []
    for threads in (1, 3, 6):  # one after another; files side by side; rows side by side
        out = tmp_path / str(threads)
        lehr("resolve", corpus, "--output", f"{out}/", "--threads", threads, status=1)
        errors = [row | {"path": ""} for row in rows(out / "many.jsonl.errors.jsonl")]
        found.append(({name: (out / name).read_bytes() for name in files(out)}, errors))
    assert found[0] == found[1] == found[2]
    assert found[0][1][0]["number"] == 5
    (corpus / "many.jsonl").write_text("\n".join(lines))
    printed = [lehr("resolve", corpus, "--threads", threads, "--format", "jsonl") for threads in (1, 3)]
    assert printed[0] == printed[1]
    assert printed[0].count("\n") == 10


def test_a_run_that_fails_stops_what_it_has_begun(
    lehr: Lehr, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(9):
        (corpus / f"{number}.txt").write_text(TEXT)
    begun, ended = [], []

    def fails_first(rows: RowResolver, part: Part, stopped: Event) -> Outcome:
        begun.append(part.source.name)
        if part.source.name == "0.txt":
            raise OSError("no room")
        assert stopped.wait(60)
        ended.append(part.source.name)
        return Outcome()

    monkeypatch.setattr(command, "resolve_part", fails_first)
    assert "no room" in lehr("resolve", corpus, "--output", f"{out}/", "--threads", 3, status=1)
    assert sorted(begun) == ["0.txt", *sorted(ended)]
    assert len(begun) < 9
    with FileLock(out / ".lehr-run.lock", timeout=0):
        pass


def test_a_file_that_is_given_up_has_neither_result_nor_failure(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text(TEXT)
    stopped = Event()
    stopped.set()
    with pytest.raises(KeyboardInterrupt):
        resolve_part(RowResolver(), Part("a.txt", source, out / "a.jsonl", "auto", "jsonl"), stopped)
    assert files(out) == []


@pytest.mark.parametrize(("sizes", "threads"), [([9, 9], 1), ([9, 8], 1), ([30, 9], 2), ([9], 2), ([30, 9, 9, 9], 1)])
def test_files_are_resolved_side_by_side_if_none_is_most_of_all(
    lehr: Lehr, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int], threads: int
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, size in enumerate(sizes):
        (corpus / f"{number}.txt").write_text(TEXT * size)
    asked = []

    def counted(rows: RowResolver, part: Part, stopped: Event) -> Outcome:
        asked.append(rows.threads)
        return Outcome()

    monkeypatch.setattr(command, "resolve_part", counted)
    lehr("resolve", corpus, "--output", f"{out}/", "--threads", 2)
    assert asked == [threads] * len(sizes)


def test_a_folder_beside_it_where_none_is_named(lehr: Lehr, corpus: Path, tmp_path: Path) -> None:
    lehr("resolve", corpus, "--overwrite")
    assert files(tmp_path / "corpus-resolved") == ["a.jsonl", "b.jsonl", "c.jsonl", "deep/a.jsonl"]
    lehr("resolve", corpus, "--overwrite", "--output", tmp_path / "new")
    assert files(tmp_path / "new") == ["a.jsonl", "b.jsonl", "c.jsonl", "deep/a.jsonl"]


def test_what_fails_is_set_aside_and_stops_nothing(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    lines = [
        *(b'{"id": 1, "text": "Mary was."}', b'{"id": 2, "text": null}', b'{"id": 3', b"\xff", b"[1]", b"9" * 5000),
        *(b'{"id": 4, "text": "Tom was.", "clusters": 5}', b'{"text": "\\ud800"}', b"[" * 100_000),
    ]
    (corpus / "a.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    (corpus / "b.txt").write_bytes(b"\xff")
    (corpus / "c.conll").write_text("#begin document (x)\nMary\n")
    (corpus / "d.txt").write_text(TEXT)
    told = lehr("resolve", corpus, "--output", f"{out}/", status=1).splitlines()
    assert files(out) == ["a.jsonl", "a.jsonl.errors.jsonl", "b.jsonl.errors.jsonl", "c.jsonl.errors.jsonl", "d.jsonl"]
    assert [row["id"] for row in rows(out / "a.jsonl")] == [1, 4]
    aside = rows(out / "a.jsonl.errors.jsonl")
    assert [row["number"] for row in aside] == [2, 3, 4, 5, 6, 8, 9]
    assert aside[0]["row"] == {"id": 2, "text": None}
    assert aside[0]["id"] == 2
    assert aside[1]["row"] == '{"id": 3\n'
    for row in (*aside, *rows(out / "b.jsonl.errors.jsonl"), *rows(out / "c.jsonl.errors.jsonl")):
        assert row["path"].startswith(str(corpus))
        assert row["reason"]
        assert "\n" not in row["reason"]
    assert all(line.startswith("lehr: ") for line in told)
    assert [name for name in "abcd" if str(corpus / name) in "".join(told)] == ["a", "b", "c"]
    assert "3 documents of 12 words in 2 files resolved; 9 failures" in told[-1]
    for name in ("b.txt", "c.conll"):
        (corpus / name).unlink()
    again = lehr("resolve", corpus, "--output", f"{out}/", status=1)
    assert "in 0 files resolved; 2 files done before, 1 of them not whole" in again
    lehr("resolve", out, "--output", tmp_path / "again")
    assert files(tmp_path / "again") == ["a.jsonl", "d.jsonl"], "what was set aside is no document"


def test_a_file_that_was_mended_is_resolved(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xff")
    lehr("resolve", file, "--output", f"{out}/", status=1)
    assert files(out) == ["a.jsonl.errors.jsonl"]
    file.write_text(TEXT)
    lehr("resolve", file, "--output", out)
    assert files(out) == ["a.jsonl"]


def test_an_answer_to_an_older_text_does_not_stay(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(TEXT)
    lehr("resolve", file, "--output", f"{out}/")
    file.write_bytes(b"\xff")
    os.utime(file, (2e9, 2e9))
    lehr("resolve", file, "--output", out, status=1)
    assert files(out) == ["a.jsonl.errors.jsonl"]


def test_two_runs_do_not_write_to_one_folder(lehr: Lehr, corpus: Path, out: Path) -> None:
    out.mkdir()
    with FileLock(out / ".lehr-run.lock"):
        assert "another run is writing" in lehr("resolve", corpus, "--output", f"{out}/", status=1)
    (out.parent / "one").write_text("{}")
    assert "one is a file, and a folder is meant" in lehr("resolve", corpus, "--output", f"{out.parent}/one/", status=1)
    lehr("resolve", corpus, "--output", f"{out}/")


def test_a_row_whose_name_is_null_is_called_by_its_place(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    nameless = json.dumps({"id": None, "text": TEXT, "part": "train"})
    for number, names in ((1, ["a"]), (2, ["a:1", "a:2"])):
        (tmp_path / "a.jsonl").write_text("\n".join([nameless] * number))
        lehr("resolve", tmp_path / "a.jsonl", "--output", f"{out}/", "--overwrite")
        assert [row["id"] for row in rows(out / "a.jsonl")] == names
        assert {row["part"] for row in rows(out / "a.jsonl")} == {"train"}


def test_a_file_whose_only_document_fails_says_why(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    said = lehr("resolve", tmp_path / "a.txt", "--mention", "Tom", "--output", f"{out}/", "--format", "json", status=1)
    assert "document 'a' has no words 'Tom'" in said
    assert "has no words 'Tom'" in rows(out / "a.json.errors.jsonl")[0]["reason"]
    assert files(out) == ["a.json.errors.jsonl"]


def test_a_name_that_is_too_long_stops_nothing(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("a", "b" * 236, "c" * 245, "d"):
        (folder / f"{name}.txt").write_text(TEXT)
    printed = lehr("resolve", folder, "--output", f"{out}/", status=1)
    assert printed.count("File name too long") == 1, printed
    assert [name[0] for name in files(out)] == ["a", "b", "d"]
    lehr("resolve", folder, "--output", f"{out}/", status=1)


def test_half_a_surrogate_in_an_array_fails_alone(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([{"text": TEXT, "note": "\ud800"}, {"text": TEXT}]))
    lehr("resolve", tmp_path / "x.json", "--output", f"{out}/", status=1)
    assert [row["id"] for row in rows(out / "x.jsonl")] == ["x:2"]
    assert "row 1: found half of a surrogate pair" in rows(out / "x.jsonl.errors.jsonl")[0]["reason"]


def test_a_link_and_what_it_links_to_have_a_result_each(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT)
    (folder / "b.txt").symlink_to(folder / "a.txt")
    lehr("resolve", folder, "--output", f"{out}/")
    assert files(out) == ["a.jsonl", "b.jsonl"]


def test_json_is_an_array_although_a_row_has_failed(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": TEXT}) + "\nnothing\n")
    lehr("resolve", tmp_path / "a.jsonl", "--output", f"{out}/", "--format", "json", status=1)
    assert isinstance(json.loads((out / "a.json").read_text("utf-8")), list)


def test_what_is_done_is_not_done_again(
    lehr: Lehr, corpus: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["lehr", "resolve", str(corpus), "--output", f"{out}/", *map(str, arguments)])
        from lehr.cli import main

        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().err

    assert "in 4 files resolved\n" in told()
    (out / "b.jsonl").unlink()
    (out / "deep" / ".a.jsonl.12345678").write_text("what a killed process leaves")
    (out / "deep" / ".a.jsonl.swp").write_text("what an editor keeps")
    assert "in 1 file resolved; 3 files done before" in told()
    os.utime(corpus / "deep" / "a.txt")
    assert "in 1 file resolved; 3" in told()
    assert [path.name for path in out.rglob(".a.*")] == [".a.jsonl.swp"]
    assert "in 0 files resolved; 4" in told()
    assert "another question (link_threshold): name another --output, or --overwrite" in told("--link-threshold", 0.9)
    assert "another question (input_format)" in told("--input-format", "text")
    assert "in 4 files resolved\n" in told("--link-threshold", 0.9, "--overwrite")
    assert "in 0 files resolved; 4" in told("--link-threshold", 0.9)
    for damaged in ("damaged", "[" * 100_000):
        (out / ABOUT).write_text(damaged)
        assert "another question" in told()
    (out / ABOUT).unlink()
    assert "is there already" in told()
    assert "in 4 files resolved\n" in told("--overwrite")


def test_two_files_never_become_one(lehr: Lehr, corpus: Path, out: Path) -> None:
    said = lehr("resolve", corpus / "a.txt", corpus / "deep", "--output", f"{out}/", status=1)
    assert f"{corpus / 'a.txt'} and {corpus / 'deep' / 'a.txt'} would both be written to {out / 'a.jsonl'}" in said
    (corpus / "b.txt").write_text(TEXT)
    assert "would both be written" in lehr("resolve", corpus, "--output", f"{out}/", status=1)
    assert not out.exists()


def test_what_is_read_is_not_written_over_nor_what_is_written_read(lehr: Lehr, corpus: Path) -> None:
    assert "its results would be read the next time" in lehr("resolve", corpus, "--output", corpus, status=1)
    assert "would be overwritten" in lehr("resolve", corpus / "c.jsonl", "--output", corpus, status=1)
    for _ in range(2):
        lehr("resolve", corpus, "--output", f"{corpus / 'out'}/")
        assert len(files(corpus / "out")) == 4
    assert "no file or folder" in lehr("resolve", corpus / "no.txt", "--output", f"{corpus / 'out'}/", status=1)
    (corpus / "empty").mkdir()
    assert "ends in .txt" in lehr("resolve", corpus / "empty", "--output", f"{corpus / 'out'}/", status=1)


def test_a_file_that_no_run_has_made_is_not_written_over(lehr: Lehr, corpus: Path, out: Path) -> None:
    (out / "deep").mkdir(parents=True)
    (out / "deep" / "a.jsonl").write_text("by hand")
    said = lehr("resolve", corpus, "--output", f"{out}/", status=1)
    assert f"{out / 'deep' / 'a.jsonl'} is there already" in said
    assert "--overwrite" in said
    assert files(out) == ["deep/a.jsonl"]
    assert (out / "deep" / "a.jsonl").read_text() == "by hand"
    lehr("resolve", corpus, "--output", f"{out}/", "--overwrite")
    assert len(files(out)) == 4
    assert mentions(rows(out / "deep" / "a.jsonl")[0])


def test_mentions_that_are_asked_for(lehr: Lehr, corpus: Path, out: Path) -> None:
    said = lehr("resolve", corpus, "--mention", "Mary", "--output", f"{out}/", status=1)
    assert "has no words 'Mary'" in said
    assert files(out) == ["a.jsonl", "b.jsonl", "c.jsonl", "deep/a.jsonl.errors.jsonl"]
    assert mentions(rows(out / "a.jsonl")[0]) == [["Mary", "she"]]


def test_parquet_in_and_out(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'lehr[ray]'")
    from pyarrow import parquet

    corpus = tmp_path / "corpus"
    corpus.mkdir()
    table = pa.table(
        {
            "id": pa.array([None if n == 7 else n for n in range(200)], pa.int16()),
            "speakers": ["A and B"] * 200,
            "text": [None if n == 5 else TEXT for n in range(200)],
            "none": [None] * 200,
        }
    )
    parquet.write_table(table, corpus / "a.parquet", row_group_size=50)
    lehr("resolve", corpus, "--output", f"{out}/", status=1)
    found = parquet.read_table(out / "a.parquet")
    assert found.column("id").to_pylist() == [None if n == 7 else n for n in range(200) if n != 5]
    assert found.column("speakers").to_pylist() == ["A and B"] * 199
    assert [found.schema.field(name).type for name in ("id", "none")] == [pa.int16(), pa.null()]
    assert all(mentions(row) == [["Mary", "she"]] for row in found.slice(0, 5).to_pylist())
    assert [row["number"] for row in rows(out / "a.parquet.errors.jsonl")] == [6]

    lehr("resolve", corpus, "--output", f"{out}/", "--format", "jsonl", status=1)
    assert [row["id"] for row in rows(out / "a.jsonl")] == ["a:8" if n == 7 else n for n in range(200) if n != 5]
    lines = [{"text": TEXT, "n": None}, {"tokens": ["Mary"], "n": None, "page": 3}]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    lehr("resolve", tmp_path / "c.jsonl", "--output", f"{out}/", "--format", "parquet")
    first, second = parquet.read_table(out / "c.parquet").to_pylist()
    assert (first["id"], first["page"], first["words"]) == ("c:1", None, None)
    assert (second["id"], second["page"], second["words"]) == ("c:2", 3, [[0, 4]])


def test_a_table_has_the_columns_of_its_first_rows(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'lehr[ray]'")
    from pyarrow import parquet

    lines = [{"text": TEXT}] * 64 + [{"text": TEXT, "late": 1}]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    said = lehr("resolve", tmp_path / "c.jsonl", "--output", f"{out}/", "--format", "parquet", status=1)
    assert "have no such 'late' as this one" in said
    assert [row["number"] for row in rows(out / "c.parquet.errors.jsonl")] == [65]
    assert parquet.read_metadata(out / "c.parquet").num_rows == 64


def test_a_row_that_does_not_fit_a_table_is_lost_alone(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'lehr[ray]'")
    from pyarrow import parquet

    given = [1, "one", None, 2.5, [1], True, 10**30, 2**53 + 1, 3]
    lines = [{"id": str(number), "text": TEXT, "n": n, "meta": {}} for number, n in enumerate(given)]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    lehr("resolve", tmp_path / "c.jsonl", "--output", f"{out}/", "--format", "parquet", status=1)
    found = parquet.read_table(out / "c.parquet", columns=["id", "n"]).to_pylist()
    assert [(row["id"], row["n"]) for row in found] == [("0", 1.0), ("2", None), ("3", 2.5), ("8", 3.0)]
    aside = rows(out / "c.parquet.errors.jsonl")
    assert [row["id"] for row in aside] == ["1", "4", "5", "6", "7"]
    assert "Field n has incompatible types: int64 vs string" in aside[0]["reason"]
    assert all(row["reason"].startswith("the row does not fit the table (") for row in aside)


def test_numbers_after_the_first_rows_are_never_cut(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'lehr[ray]'")
    from pyarrow import parquet

    lines = [{"text": TEXT, "n": n} for n in [*range(64), 1.5, 64]]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    lehr("resolve", tmp_path / "c.jsonl", "--output", f"{out}/", "--format", "parquet", status=1)
    assert parquet.read_table(out / "c.parquet")["n"].to_pylist() == list(range(65))
    assert [row["row"]["n"] for row in rows(out / "c.parquet.errors.jsonl")] == [1.5]

    # Another format beside it, in which nothing fails, does not make the first one whole.
    lehr("resolve", tmp_path / "c.jsonl", "--output", f"{out}/", "--format", "jsonl")
    assert files(out) == ["c.jsonl", "c.parquet", "c.parquet.errors.jsonl"]
    lehr("resolve", tmp_path / "c.jsonl", "--output", f"{out}/", "--format", "parquet", status=1)


def test_columns_that_only_have_the_names_of_words_are_kept(lehr: Lehr, tmp_path: Path, out: Path) -> None:
    line = {"id": "a", "text": TEXT, "words": 5, "tokens": "5", "sentences": 1.5}
    (tmp_path / "a.jsonl").write_text(json.dumps(line))
    lehr("resolve", tmp_path / "a.jsonl", "--output", f"{out}/")
    (row,) = rows(out / "a.jsonl")
    assert row == {**line, "clusters": row["clusters"]}
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'lehr[ray]'")
    from pyarrow import parquet

    lehr("resolve", tmp_path / "a.jsonl", "--output", f"{out}/", "--format", "parquet")
    (row,) = parquet.read_table(out / "a.parquet").to_pylist()
    assert (row["text"], row["words"]) == (TEXT, None)
    parquet.write_table(pa.table({name: [value] for name, value in line.items()}), tmp_path / "b.parquet")
    lehr("resolve", tmp_path / "b.parquet", "--output", f"{out}/")
    (row,) = parquet.read_table(out / "b.parquet").to_pylist()
    assert row == {**line, "part": None, "clusters": row["clusters"]}
    assert mentions(row) == [["Mary", "she"]]


def test_what_is_not_installed_is_told(lehr: Lehr, corpus: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lehr.extras.find_spec", lambda package: None)
    for arguments in (("--engine", "ray"), ("--format", "parquet")):
        assert "pip install 'lehr[ray]'" in lehr("resolve", corpus, "--output", f"{out}/", *arguments, status=1)
    assert not out.exists()
