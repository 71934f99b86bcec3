from __future__ import annotations

import pickle
from contextlib import suppress
from pathlib import Path

import pytest
from tiny_documents import GAP_HEADER

from lehr import formats
from lehr.document import Document

CONLL = "#begin document (a)\n0 She (0)\n\n#end document\n"
GAP = GAP_HEADER.replace("\n", "\r\n") + "a\tTom told Bob he won.\the\t13\tTom\t0\tFALSE\tBob\t9\tTRUE\thttp://b\r\n"


@pytest.mark.parametrize(
    ("file", "content", "format"),
    [
        ("a.conll", CONLL, "conll"),
        ("a.v4_gold_conll", CONLL, "conll"),
        ("a.key", CONLL, "conll"),
        ("a.txt", "# begin document \n# end document\n", "conll"),
        ("a.conll", "", "conll"),
        ("a.conllu", "", "conllu"),
        ("a.txt", "# newdoc id = a\n", "conllu"),
        ("a", "# sent_id = 1\n# text = She\n1\tShe\t_\t_\t_\t_\t_\t_\t_\t_\n\n", "conllu"),
        ("a", "#newdoc\n1\tShe\t_\t_\t_\t_\t_\t_\t_\t_\n\n", "conllu"),
        (
            "a",
            "1-2\tdel\t_\t_\t_\t_\t_\t_\t_\t_\n1\tde\t_\t_\t_\t_\t_\t_\t_\t_\n2\tel\t_\t_\t_\t_\t_\t_\t_\t_\n\n",
            "conllu",
        ),
        ("a", "1\tShe\tleft.\n", "text"),
        ("a.jsonl", '{"text": "She left."}\n', "jsonl"),
        ("a", '[{"text": "She left."}]', "jsonl"),
        ("a", '{"text": "She left."}\n{"text": "He left."}\n', "jsonl"),
        ("a.txt", '{"text": "She left."}', "text"),
        ("a.jsonlines", "", "jsonl"),
        ("a.JSON", '{\n"text": "She left."\n}', "jsonl"),
        ("a.tsv", GAP, "gap"),
        ("a.tsv", "She\tleft.\n", "text"),
        ("a.txt", "She left.", "text"),
        ("a", '{"is": "prose"}', "text"),
        ("a", "", "text"),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_format_is_seen(file: str, content: str, format: str, mark: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_bytes((mark + content).encode())
    assert formats.detect(path, formats.read_source(path)) == format
    assert formats.read_file(path) == formats.read_file(path, format)


def test_line_ends_stay_and_offsets_count_them(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfShe\r\nleft.")
    (document,) = formats.read_file(str(path))
    assert (document.id, document.text, document.words) == ("a", "She\r\nleft.", ((0, 3), (5, 9), (9, 10)))


@pytest.mark.parametrize(
    ("encoding", "byte"), [("cp1252", "0xe9 at offset 3"), ("utf-16", "0xff at offset 0")], ids=["cp1252", "utf-16"]
)
def test_bytes_that_are_not_utf8_are_named(encoding: str, byte: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("café au lait".encode(encoding))
    expected = f"expected UTF-8 text; if it is {encoding}, iconv -f {encoding} -t utf-8 converts it"
    with pytest.raises(formats.FormatError, match=rf"a\.txt: found byte {byte}, {expected}$"):
        formats.read_file(path)


def test_unknown_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no format 'pdf'; the formats are auto, text, conll, conllu, jsonl, gap"):
        formats.read_file(tmp_path / "missing", "pdf")
    with pytest.raises(ValueError, match="no format 'pdf' to write"):
        formats.write([], "pdf")


@pytest.mark.parametrize("format", ["conll", "conllu", "jsonl"])
def test_what_is_written_is_read_again(format: str, tmp_path: Path) -> None:
    document = Document.from_sentences([["She", "left"]], id="a", clusters=[[(0, 0)]])
    path = tmp_path / f"a.{format}"
    path.write_text(formats.write([document], format), "utf-8")
    assert formats.read_file(path) == [document]


@pytest.mark.parametrize(
    ("format", "source"),
    [
        ("conll", "#begin document" + " " * 10**6 + ";x\n"),
        ("conll", "#begin document (" + ")   ;" * 10**5 + "x\n"),
        ("conll", "#begin document (d)\n0 She " + "(1234)" * 10**5 + "x\n"),
        ("conllu", "# global.Entity = eid\n# newdoc\n" + "\t".join(["1", "a", *"_" * 7]) + "\tEntity=" + "a" * 10**6),
        ("text", "a.A." * 10**5 + "x"),
    ],
    ids=["begin", "names", "brackets", "entities", "initials"],
)
def test_the_same_over_and_over_takes_no_time_with_its_square(format: str, source: str) -> None:
    """Days, that would be."""
    with suppress(formats.FormatError):
        formats.read(source, format, name="x")


def test_blanks_in_a_page_take_none_either() -> None:
    text = "a" + " " * 10**6 + "b"
    assert text in formats.write([Document("d", text, ((0, 1), (len(text) - 1, len(text))), ((0, 2),))], "html")


def test_a_word_in_one_token_with_a_text_takes_none_either() -> None:
    rows = [["1-2", "a" * 10**6], ["1", "a" * 10**6], ["2", "b"]]
    source = "# newdoc id = d\n" + "".join("\t".join([*row, *"_" * 8]) + "\n" for row in rows) + "\n"
    (document,) = formats.read(source, "conllu", name="x")
    assert document.words == ((0, 1), (1, 10**6))


def test_the_error_crosses_processes() -> None:
    error = formats.FormatError.at("a", 3, found="x", expected="y")
    assert str(pickle.loads(pickle.dumps(error))) == "a, line 3: found x, expected y"
