"""`lehr resolve` as it is typed, with a model of random weights."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from lehr.cli import main, results
from lehr.cli.terminal import bracketed, entities, show
from lehr.document import Document
from lehr.formats import read_file
from lehr.resolved import resolved_text
from lehr.resolver import Resolver

TEXT = "Mary said she was tired. Her mother asked why she was."


class Printed(NamedTuple):
    out: str
    err: str


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Run = Callable[..., Printed]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny: Path) -> Run:
    """Type a command, with bytes on standard input or None; what it prints, and what it says beside."""

    def typed(*arguments: object, status: int = 0, stdin: bytes | None = b"", model: object = tiny) -> Printed:
        monkeypatch.setattr(sys, "argv", ["lehr", "resolve", "--model", str(model), *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", Terminal() if stdin is None else io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as end:
            main()
        printed = Printed(*capsys.readouterr())
        assert (end.value.code or 0) == status, printed.err
        return printed

    return typed


@pytest.fixture(scope="module")
def answer(tiny: Path) -> Document:
    return Resolver.from_pretrained(tiny, threads=1)(TEXT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of every kind, one of them deep, and one that is nothing."""
    corpus = tmp_path / "corpus"
    (corpus / "deep").mkdir(parents=True)
    (corpus / "a.txt").write_text(TEXT)
    (corpus / "deep" / "a.txt").write_text("She was the mother of Mary.")
    rows = "".join(f"#begin document ({name}); part 000\nd\tMary\t-\nd\twas\t-\n\n#end document\n" for name in "xy")
    (corpus / "b.conll").write_text(rows)
    (corpus / "c.jsonl").write_text('{"doc_key": "c/1", "sentences": [["Mary", "was"]]}\n')
    (corpus / "notes.md").write_text("not for us")
    return corpus


def test_json_has_characters_and_probabilities(run: Run, answer: Document) -> None:
    record = json.loads(run("--text", TEXT).out)
    assert set(record) == {"id", "text", "clusters"}
    assert record["text"] == TEXT
    assert len(record["clusters"]) == len(answer.clusters) > 1
    for cluster, expected in zip(record["clusters"], answer.clusters, strict=True):
        assert cluster["id"] == expected.id
        for mention, found in zip(cluster["mentions"], expected.mentions, strict=True):
            assert TEXT[mention["start"] : mention["end"]] == mention["text"] == found.text
            assert mention["score"] == round(found.score or 0, 4)
            assert "first_word" not in mention


def test_what_came_in_words_has_words(run: Run, folder: Path) -> None:
    record = json.loads(run(folder / "c.jsonl").out)
    assert (record["id"], record["words"]) == ("c/1", [[0, 4], [5, 8]])
    (mention,) = record["clusters"][0]["mentions"]
    assert (mention["first_word"], mention["last_word"]) in ((0, 0), (1, 1), (0, 1))


def test_standard_input(run: Run) -> None:
    for arguments in ((), ("-",)):
        assert json.loads(run(*arguments, stdin="\ufeffShé was.".encode()).out)["text"] == "Shé was."
    for arguments in ((), ("--input-format", "jsonl")):
        assert json.loads(run(*arguments, stdin=b'{"id": "d", "text": "Mary was."}').out)["id"] == "d"
    assert json.loads(run("--input-format", "text", stdin=b'{"text": "Mary"}').out)["text"] == '{"text": "Mary"}'
    assert "stdin: found byte 0xe9 at offset 2, expected UTF-8" in run(stdin="Shé".encode("latin-1"), status=1).err
    assert "--text: found byte 0xe9 at offset 2, expected UTF-8" in run("--text", "Sh\udce9", status=1).err


def test_files_of_one_name_are_told_apart(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("shelf/a/one.txt", "shelf/b/one.txt", "shelf/b/two.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(TEXT)
    ids = [json.loads(line)["id"] for line in run("shelf", "--format", "jsonl").out.splitlines()]
    assert ids == ["a/one", "b/one", "two"]
    assert json.loads(run("shelf/a", "--format", "jsonl").out)["id"] == "one"
    named = run("shelf/a/one.txt", "shelf/b/one.txt", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["id"] for line in named] == ["shelf/a/one", "shelf/b/one"]
    two = run("shelf/a", "shelf/b", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["id"] for line in two] == ["shelf/a/one", "shelf/b/one", "two"]
    for name in ("shelf/a/rows.jsonl", "shelf/b/rows.jsonl"):
        Path(name).write_text('{"text": "Mary was."}\n{"text": "Tom was.", "id": "own"}\n')
    rows = run("shelf/a/rows.jsonl", "shelf/b/rows.jsonl", "--format", "jsonl").out.splitlines()
    ids = [json.loads(line)["id"] for line in rows]
    assert ids == ["shelf/a/rows:1", "own", "shelf/b/rows:1", "own"]


def test_text_with_names_in_place_of_pronouns(run: Run, answer: Document, tmp_path: Path) -> None:
    expected = resolved_text(answer, "en")
    assert run("--text", answer.text, "--format", "resolved").out == expected + "\n"
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(answer.text, "utf-8")
    run(tmp_path, "--output", tmp_path / "out", "--format", "resolved")
    assert (tmp_path / "out/two.resolved.txt").read_text("utf-8") == expected + "\n"
    both = run(tmp_path / "one.txt", tmp_path / "two.txt", "--format", "resolved", "--output", "-")
    assert both.out == f"{expected}\n\n" * 2
    assert run("--text", f"{answer.text}\r\n", "--format", "resolved").out == expected + "\r\n"


@pytest.mark.parametrize(
    ("stream", "status", "told"),
    [("<&-", 0, ""), ("2>&-", 0, ""), (">&-", 1, "lehr: standard output is closed: name a file with --output\n")],
)
def test_streams_that_are_closed_give_no_traceback(tiny: Path, stream: str, status: int, told: str) -> None:
    command = f'exec "{sys.executable}" -m lehr resolve - --model "{tiny}" {stream}'
    done = subprocess.run(["sh", "-c", command], input="Mary sat.", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, told)


def test_a_dash_is_no_folder(run: Run, folder: Path, tmp_path: Path) -> None:
    assert "- is a folder" in run(folder, "--output", "-", "--overwrite", status=1).err
    assert not [*tmp_path.glob("*-resolved")]
    run(folder, "--output", tmp_path / "run.v2")
    assert (tmp_path / "run.v2/b.jsonl").is_file()
    run(folder, "--output", tmp_path / "all.out", "--format", "json")
    assert (tmp_path / "all.out").is_file(), "with a format, any ending is that of a file"


def test_nothing_to_resolve_is_told(run: Run) -> None:
    assert "there is nothing to resolve: name files" in run(stdin=None, status=1).err


def test_several_documents_are_an_array_or_lines(run: Run, folder: Path) -> None:
    records = json.loads(run(folder).out)
    assert [record["id"] for record in records] == ["a", "x", "y", "c/1", "deep/a"]
    lines = run(folder, "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == records
    (one,) = run("--text", TEXT, "--format", "jsonl").out.splitlines()
    assert json.loads(one)["text"] == TEXT


def test_a_folder_is_for_the_results_of_files(run: Run, tmp_path: Path) -> None:
    for arguments in (("--text", TEXT), ("-",), ()):
        assert "is a folder, for the results of files" in run(*arguments, "--output", f"{tmp_path}/", status=1).err
    for arguments in (("--engine", "ray"), ("--workers", 2), ("--overwrite",), ("--format", "parquet")):
        assert "--output DIR/" in run("--text", TEXT, *arguments, status=1).err
    said = run("--text", TEXT, "--output", tmp_path / "x.parquet", status=1).err
    assert "Parquet is written into a folder only: --output DIR/" in said


@pytest.mark.parametrize(
    ("name", "start"), [("x.html", "<!doctype"), ("x.conll", "#begin"), ("x.jsonl", '{"id'), ("x", "{\n")]
)
def test_a_file_is_written_in_the_format_of_its_name(run: Run, tmp_path: Path, name: str, start: str) -> None:
    assert run("--text", TEXT, "--output", tmp_path / name).out == ""
    assert (tmp_path / name).read_text("utf-8").startswith(start)


def test_written_clusters_can_be_read_again(run: Run, tmp_path: Path, answer: Document) -> None:
    for name in ("x.conll", "x.jsonl"):
        run("--text", TEXT, "--output", tmp_path / name)
        (again,) = read_file(tmp_path / name)
        assert len(again.spans) == len(answer.spans)


def test_conllu_is_read_and_written_with_entities_numbered_through(run: Run, tmp_path: Path, answer: Document) -> None:
    path, again = tmp_path / "a.conllu", tmp_path / "b.conllu"
    run("--text", TEXT, "--output", path)
    (document,) = read_file(path)
    assert (document.text, document.words, document.spans) == (TEXT, answer.words, answer.spans)
    run(path, path, "--output", again)
    entities = [{*re.findall(r"\(?(e\d+)", part)} for part in again.read_text("utf-8").split("# newdoc")[1:]]
    assert len(entities) == 2
    assert not entities[0] & entities[1]


def test_the_language_of_the_model_splits_text(run: Run, tiny: Path, tmp_path: Path) -> None:
    model = copytree(tiny, tmp_path / "model")
    config = json.loads((model / "config.json").read_text("utf-8"))
    (model / "config.json").write_text(json.dumps({**config, "language": "de"}), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"text": "She didn\'t."}\n')
    (tmp_path / "b.txt").write_text("She didn't.")
    for file in ("a.jsonl", "b.txt"):
        for used, words in ((tiny, 4), (model, 3)):
            written = run(tmp_path / file, "--format", "conllu", model=used).out
            assert len([line for line in written.splitlines() if line[:1].isdigit()]) == words
            run(tmp_path / file, "--format", "conllu", "--output", f"{tmp_path}/{used.name}/out/", model=used)


def test_files_of_texts_hold_all_of_them(run: Run, folder: Path, tmp_path: Path) -> None:
    run(folder, "--output", tmp_path / "all.txt")
    written = (tmp_path / "all.txt").read_text("utf-8")
    assert written.startswith("a\n\n")
    assert "c/1\n\n" in written
    assert "\x1b" not in written


def test_what_is_read_is_never_overwritten(run: Run, folder: Path) -> None:
    before = (folder / "a.txt").read_text()
    for arguments in (("--output", folder / "a.txt"), ("--output", folder, "--format", "text")):
        assert "would be overwritten" in run(folder / "a.txt", *arguments, status=1).err
    assert (folder / "a.txt").read_text() == before


def test_what_cannot_be_read_is_not_overwritten_either(run: Run, folder: Path) -> None:
    bad = folder / "bad.conll"
    bad.write_text("#begin document (x)\nMary\t(0\n")
    assert "would be overwritten" in run(folder / "a.txt", bad, "--output", bad, status=1).err
    assert bad.read_text() == "#begin document (x)\nMary\t(0\n"


def test_a_place_that_cannot_be_written_is_told_before_the_work(run: Run, folder: Path, tmp_path: Path) -> None:
    printed = run(folder / "a.txt", folder / "nowhere.txt", "--output", folder / "a.txt" / "x.json", status=1)
    assert "is no folder that may be written to" in printed.err
    assert run("--text", TEXT, "--output", tmp_path / "a.docx", status=1).err.endswith(
        "no format is known by the ending .docx: name it by --format\n"
    )


def test_a_bad_line_does_not_stop_the_others_and_columns_are_kept(run: Run, tmp_path: Path) -> None:
    lines = ['{"id": "x", "text": "Mary was.", "year": 1850}', '{"id": "y", "text": 7}', '{"text": "Tom was."}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    for printed in (run(tmp_path / "a.jsonl", status=1), run(stdin="\n".join(lines).encode(), status=1)):
        first, second = json.loads(printed.out)
        assert (first["id"], first["year"]) == ("x", 1850)
        assert second["id"].endswith(":3")
        assert "line 2" in printed.err
    (tmp_path / "b.json").write_text('{"id": "x",\n "text": "Mary was."')
    assert len(run(tmp_path / "b.json", status=1).err.splitlines()) == 1, "no error a line"


def test_a_file_is_named_however_short_its_name(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("o", status=1).err == "lehr: o: No such file or directory\n"
    assert "an empty path names no file" in run("", status=1).err
    assert "--output is empty: name a file" in run("--text", "Tom.", "--output", "", status=1).err


def test_one_bad_file_does_not_stop_the_others(run: Run, folder: Path) -> None:
    (folder / "b.conll").write_text("#begin document (x)\nMary\n")
    (folder / "bytes.txt").write_bytes(b"\xff\xfe")
    printed = run(folder, folder / "nowhere.txt", status=1)
    assert [record["id"] for record in json.loads(printed.out)] == ["a", "c/1", "deep/a"]
    lines = printed.err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("lehr: ") for line in lines)
    for name in ("b.conll", "bytes.txt", "nowhere.txt"):
        assert sum(name in line for line in lines) == 1


def test_a_document_that_fails_does_not_stop_the_others(run: Run, folder: Path) -> None:
    printed = run(folder, "--mention", "tired", status=1)
    assert [record["id"] for record in json.loads(printed.out)] == ["a"]
    assert len(printed.err.splitlines()) == 4
    assert "b.conll, document 'x': document 'x' has no words 'tired'" in printed.err
    assert run(folder / "deep", "--mention", "tired", status=1).out == ""


def test_a_file_of_nothing_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    assert run(tmp_path, status=1).err == f"lehr: {tmp_path / 'a.jsonl'} holds no document\n"


def test_a_folder_of_nothing_is_told(run: Run, tmp_path: Path) -> None:
    message = run(tmp_path, status=1).err
    assert str(tmp_path) in message
    assert ".txt" in message


@pytest.mark.parametrize("mention", ["she", "10:13"])
def test_one_entity(run: Run, tiny: Path, mention: str) -> None:
    (cluster,) = json.loads(run("--text", TEXT, "--mention", mention).out)["clusters"]
    expected = Resolver.from_pretrained(tiny, threads=1)(TEXT, mention=(10, 13)).clusters[0]
    assert [found["text"] for found in cluster["mentions"]] == [found.text for found in expected.mentions]


def test_several_entities_each_once(run: Run) -> None:
    record = json.loads(run("--text", TEXT, "--mention", "she", "--mention", "Mary", "--mention", "she").out)
    assert 1 <= len(record["clusters"]) <= 2


def test_options_reach_the_model(run: Run) -> None:
    with_all = json.loads(run("--text", TEXT, "--threads", 1).out)["clusters"]
    without = json.loads(run("--text", TEXT, "--no-singletons").out)["clusters"]
    assert without == [{**c, "id": n} for n, c in enumerate(c for c in with_all if len(c["mentions"]) > 1)]
    assert json.loads(run("--text", TEXT, "--singletons").out)["clusters"] == with_all
    assert json.loads(run("--text", TEXT, "--scheme", "chains").out)["clusters"] != with_all
    assert "no annotation scheme" not in run("--text", TEXT, "--scheme", "birds", status=1).out
    assert "only entities, chains" in run("--text", TEXT, "--scheme", "birds", status=1).err


def test_thresholds_reach_the_model(run: Run) -> None:
    def clusters(*options: object) -> list[list[str]]:
        found = json.loads(run("--text", TEXT, *options).out)["clusters"]
        return [[mention["text"] for mention in cluster["mentions"]] for cluster in found]

    assert clusters("--mention-threshold", 1) == []
    assert len(clusters("--mention-threshold", 0)) > len(clusters("--mention-threshold", 0, "--link-threshold", 0)) == 1
    assert all(len(cluster) == 1 for cluster in clusters("--link-threshold", 1))
    for option in ("--mention-threshold", "--link-threshold"):
        for value in ("1.5", "-0.1", "high"):
            assert option in run("--text", TEXT, option, value, status=2).err


def test_a_model_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    printed = run("--text", TEXT, model=tmp_path / "nowhere", status=1)
    assert (
        printed.err == f"lehr: there is no folder {tmp_path / 'nowhere'}, and as a hub id it should read owner/name\n"
    )


def plain(pieces: Iterable[tuple[str, str]]) -> str:
    return "".join(text for text, _ in pieces)


def test_brackets_nest_and_bear_the_number_of_the_entity() -> None:
    words = ["Ann", "'s", "mother", "saw", "her", "."]
    nested = Document.from_sentences([words], clusters=[[(0, 0), (4, 4)], [(0, 2)]])
    assert plain(bracketed(nested)) == "[[Ann]₀'s mother]₁ saw [her]₀."
    crossing = Document.from_sentences([words], clusters=[[(0, 2)], [(2, 4)], [(4, 4)]])
    assert plain(bracketed(crossing)) == "[Ann's [mother]₀ saw [her]₂]₁."


def test_entities_are_listed_with_what_they_are_called() -> None:
    words = ["Ann", "she", "she", "Bob"]
    document = Document.from_sentences([words], clusters=[[(0, 0), (1, 1), (2, 2)], [(3, 3)]])
    assert plain(entities(document)) == "₀ she ×2, Ann\n1 mentioned once\n"
    assert plain(entities(document.with_clusters([]))) == "no mention was found\n"


def test_a_terminal_has_colours_but_no_commands_of_the_text() -> None:
    document = Document("d", "Ann\x1b[31m saw\r\nher", ((0, 3), (9, 12), (14, 17)), ((0, 3),))
    page = io.StringIO()
    show(
        Console(file=page, force_terminal=True, color_system="standard"),
        document.with_clusters([[(0, 0), (2, 2)]]),
        title=True,
    )
    drawn = page.getvalue()
    assert "\x1b[36m[Ann]₀" in drawn.replace("\x1b[0m\x1b[36m", "")
    assert "\x1b[31m saw" not in drawn
    assert "\r" not in drawn


def test_text_is_readable_without_colour(run: Run) -> None:
    printed = run("--text", TEXT, "--format", "text").out
    assert "\x1b" not in printed
    first = printed.splitlines()[0]
    assert re.sub(r"[\[\]₀-₉]", "", first) == TEXT
    assert first.count("[") == first.count("]") > 0


def test_a_file_and_a_pipe_of_any_encoding_have_the_text_itself(tiny: Path, tmp_path: Path) -> None:
    text = "Мэри\tsaid\fshe\rwas\x1b[31m tired.\r\nShe slept."
    (tmp_path / "a.txt").write_text(text, "utf-8", newline="")
    command = [sys.executable, "-m", "lehr", "resolve", "--model", tiny, tmp_path / "a.txt", "--format", "text"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    piped = subprocess.run(command, capture_output=True, check=True, env=environment).stdout.decode("utf-8")
    assert re.sub(r"\[(?!31m)|\][₀-₉]+", "", piped).startswith(f"{text}\n\n")
    for output in (tmp_path / "b.txt", tmp_path / "folder" / "a.txt"):
        place = output if output.parent == tmp_path else f"{output.parent}/"
        subprocess.run([*command, "--output", place], check=True, env=environment)
        assert output.read_bytes().decode("utf-8") == piped


def test_a_terminal_of_any_encoding_is_written_to_in_utf_8(tiny: Path) -> None:
    command = [sys.executable, "-m", "lehr", "resolve", "--model", tiny, "--text", "Мэри\x07 said.", "--format", "text"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1"}
    shown = subprocess.run(command, capture_output=True, check=True, env=environment).stdout.decode("utf-8")
    assert "Мэри" in shown
    assert "\x1b[" in shown
    assert "\x07" not in shown


def test_progress_is_shown_beside_the_results(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = run(folder)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert run(folder).out == quiet.out


def test_a_long_document_is_decided_in_parts_and_shows_how_far_it_is(
    run: Run, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Resolver.from_pretrained(tiny, threads=1)(TEXT, horizon=3)
    monkeypatch.setattr(results, "LONG", 3)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    file = tmp_path / "long.json"
    run("--text", TEXT, "--horizon", 3, "--output", file)
    found = [[(m["start"], m["end"]) for m in c["mentions"]] for c in json.loads(file.read_text())["clusters"]]
    assert found == [[(m.start, m.end) for m in cluster.mentions] for cluster in expected.clusters]
    assert "1 to" in run("--text", TEXT, "--horizon", 10**6, status=1).err


def test_the_runtime_says_nothing(tiny: Path) -> None:
    command = [sys.executable, "-m", "lehr", "resolve", "--model", str(tiny), "--text", TEXT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert json.loads(done.stdout)["clusters"]


def test_help_teaches(run: Run) -> None:
    text: Any = run("--help").out
    for word in ("PATH", "--mention", "--no-singletons", "--output", "--format", "novel.txt", "exit"):
        assert word in text
