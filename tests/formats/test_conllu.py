from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_documents import ODD_TEXT, documents

from lehr.document import Document
from lehr.formats import FormatError, FormatWarning, conllu, text

PRAGUE = """\
# newdoc id = praha
# global.Entity = eid-etype-head-other
# sent_id = 1
# text = Přišel do školy, aby mu Jana pomohla.
1\tPřišel\tpřijít\tVERB\t_\t_\t0\troot\t_\tBridge=e9<e1:part
1.1\t_\ton\tPRON\t_\t_\t_\t_\t_\tEntity=(e1-person-1-coref)
2\tdo\tdo\tADP\t_\t_\t3\tcase\t_\t_
3\tškoly\tškola\tNOUN\t_\t_\t1\tobl\t_\tEntity=(e3-place-1-)|SpaceAfter=No
4\t,\t,\tPUNCT\t_\t_\t6\tpunct\t_\t_
5-6\taby\t_\t_\t_\t_\t_\t_\t_\t_
5\taby\taby\tSCONJ\t_\t_\t6\tmark\t_\t_
6\tby\tbýt\tAUX\t_\t_\t8\taux\t_\t_
7\tmu\ton\tPRON\t_\t_\t8\tobl\t_\tEntity=(e1-person-1-coref)
8\tJana\tJana\tPROPN\t_\t_\t8\tnsubj\t_\tEntity=(e2-person-1-)|SplitAnte=e1<e2
9\tpomohla\tpomoci\tVERB\t_\t_\t1\tadvcl\t_\tSpaceAfter=No
10\t.\t.\tPUNCT\t_\t_\t1\tpunct\t_\t_

"""


def rows(*words: str) -> str:
    """A file of words, each perhaps with a slash and its brackets behind it; one with a dot is not written."""
    lines, number, unwritten = ["# newdoc id = d"], 0, 0
    for word in words:
        form, _, brackets = word.partition("/") if word != "/" else (word, "", "")
        number, unwritten = (number, unwritten + 1) if form == "." else (number + 1, 0)
        id = f"{number}.{unwritten}" if unwritten else str(number)
        lines.append("\t".join([id, form, *"_______", f"Entity={brackets}" if brackets else "_"]))
    return "\n".join([*lines, "", ""])


def read_rows(*words: str) -> Document:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (document,) = conllu.read(rows(*words), name="file.conllu")
    return document


def row(id: str, form: str, misc: str = "_") -> str:
    return "\t".join([id, form, *"_______", misc]) + "\n"


def texts(document: Document) -> list[list[str]]:
    return [[mention.text for mention in cluster.mentions] for cluster in document.clusters]


def test_a_sentence_of_corefud() -> None:
    with pytest.warns(FormatWarning, match=r"^praha\.conllu: 1 zero mention is left out, which no written word"):
        (document,) = conllu.read(PRAGUE, name="praha.conllu")
    assert (document.id, document.text) == ("praha", "Přišel do školy, aby mu Jana pomohla.")
    assert document.tokens == ["Přišel", "do", "školy", ",", "ab", "y", "mu", "Jana", "pomohla", "."]
    assert document.sentences == ((0, 10),)
    assert texts(document) == [["mu"], ["Jana"], ["školy"]]
    for cluster in document.clusters:
        for mention in cluster.mentions:
            assert document.text[mention.start : mention.end] == mention.text


@pytest.mark.parametrize(
    ("words", "spans"),
    [
        (["a/(e1-x-1-new", "b/e1)"], [[(0, 1)]]),
        (["a/(e1-x-1-(e2-x-1-)", "b", "c/e1)"], [[(0, 2)], [(0, 0)]]),
        (["a/(e1(e2", "b/e2)", "c/e1)"], [[(0, 2)], [(0, 1)]]),
        (["a/(e1(e1(e1", "b", "c/e1)e1)e1)"], [[(0, 2), (0, 2), (0, 2)]]),
        (["a/(e1", "b/(e2", "c/e1)", "d/e2)"], [[(0, 2)], [(1, 3)]]),
        (["a/(e1", "b/(e1)e1)(e1", "c/e1)"], [[(0, 1), (1, 1), (1, 2)]]),
        (["a/(e10)", "b/(e9)", "c/(e9)"], [[(1, 1), (2, 2)], [(0, 0)]]),
        (["a/(b2)", "b/(a10)", "c/(a2)"], [[(2, 2)], [(1, 1)], [(0, 0)]]),
    ],
)
def test_brackets_nest_and_cross(words: list[str], spans: list[list[tuple[int, int]]]) -> None:
    assert read_rows(*words).spans == spans


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("eid-etype-head-minspan-link-other", ["a/(e1-place-1-1-Praha%28Q1085%29-", "b/e1)", "c/(e1)"]),
        ("etype-eid-head", ["a/(place-e1-1", "b/e1)", "c/(place-e1-1)"]),
        ("GRP-etype-infstat", ["a/(1-place-new", "b/1)", "c/(1-place-giv:act)"]),
        ("entity-GRP-infstat", ["a/(place-1-new", "b/place-1)", "c/(place-1-new)"]),
    ],
)
def test_the_fields_are_those_that_the_file_names(fields: str, words: list[str]) -> None:
    source = f"# global.Entity = {fields}\n" + rows(*words)
    (document,) = conllu.read(source, name="x")
    assert document.spans == [[(0, 1), (2, 2)]]


@pytest.mark.parametrize(
    ("words", "span"),
    [
        (["a/(e1[1/2]--1", "b/e1[1/2])", "c", "d/(e1[2/2]--1)"], (0, 1)),
        (["a/(e1[1/2]--3", "b/e1[1/2])", "c", "d/(e1[2/2]--3)"], (3, 3)),
        (["a/(e1[1/3])", "b", "c/(e1[2/3]", "d/e1[2/3])", "e", "f/(e1[3/3])"], (2, 3)),
        (["a/(e1[1/2]--9)", "b", "c/(e1[2/2]--9)"], (0, 0)),
        (["a/(e1[1/2]--2)", "b", "./(e1[2/2]--2", "c/e1[2/2])"], (0, 0)),
        (["a/(e1[1/2]--3)", "b", "./(e1[2/2]--3", "c/e1[2/2])"], (2, 2)),
    ],
)
def test_of_a_mention_in_pieces_that_with_the_head_is_kept(words: list[str], span: tuple[int, int]) -> None:
    with pytest.warns(FormatWarning, match=r"^x: 1 discontinuous mention is cut down to the piece with the head$"):
        (document,) = conllu.read(rows(*words), name="x")
    assert document.spans == [[span]]


@pytest.mark.parametrize(
    ("words", "spans"),
    [
        (["a/(e1", ".", "b/e1)"], [[(0, 1)]]),
        (["a", "./(e1--2", "b/e1)"], [[(1, 1)]]),
        (["a/(e1[1/2])", ".", "b/(e1[2/2])"], [[(0, 1)]]),
        (["a/(e1[1/2])", "b", "./(e1[2/2])"], [[(0, 0)]]),
    ],
)
def test_pieces_that_stand_together_in_writing_are_whole(words: list[str], spans: list[list[tuple[int, int]]]) -> None:
    assert read_rows(*words).spans == spans


def test_what_is_left_out_is_counted() -> None:
    words = ["a/(e1)", "./(e1)(e2)", "b/(e3[1/2])", "./(e1)", "c", "d/(e3[2/2])", "e/(e3[1/2])", "f", "g/(e3[2/2])"]
    expected = (
        r"^x: 3 zero mentions are left out, which no written word stands for, "
        r"and 1 entity is left with one mention by it, "
        r"and 2 discontinuous mentions are cut down to the piece with the head$"
    )
    with pytest.warns(FormatWarning, match=expected) as told:
        (document,) = conllu.read(rows(*words), name="x")
    assert len(told) == 1
    assert texts(document) == [["a"], ["b", "e"]]


@pytest.mark.parametrize(
    ("surface", "forms", "cut"),
    [
        ("zum", ["zu", "dem"], ["zu", "m"]),
        ("im", ["in", "dem"], ["i", "m"]),
        ("du", ["de", "le"], ["d", "u"]),
        ("della", ["di", "la"], ["del", "la"]),
        ("dámelo", ["da", "me", "lo"], ["dá", "me", "lo"]),
        ("don't", ["do", "n't"], ["do", "n't"]),
        ("XY", ["a", "b"], ["X", "Y"]),
        ("XYZ", ["a", "b", "c"], ["X", "Y", "Z"]),
        ("Xabc", ["bc", "d"], ["Xab", "c"]),
        ("å", ["a", "les"], ["a", "les"]),
    ],
)
def test_a_multiword_token_is_shared_out(surface: str, forms: list[str], cut: list[str]) -> None:
    parts = [row(str(n), form) for n, form in enumerate(forms, start=2)]
    token = row(f"2-{len(forms) + 1}", surface, "SpaceAfter=No")
    source = "".join([row("1", "a"), token, *parts, row(str(len(forms) + 2), "z")])
    (document,) = conllu.read(source, name="x")
    assert document.tokens == ["a", *cut, "z"]
    assert document.text == f"a {''.join(cut)}z"


@given(st.lists(st.text("abcé", min_size=1, max_size=4), min_size=2, max_size=4), st.text("abcxé", min_size=4))
def test_every_word_has_some_of_its_token(forms: list[str], surface: str) -> None:
    parts = [row(str(n), form) for n, form in enumerate(forms, start=1)]
    (document,) = conllu.read("".join([row(f"1-{len(forms)}", surface), *parts]), name="x")
    assert len(document.words) == len(forms)
    assert "".join(document.tokens) == document.text == surface


def test_documents_sentences_speakers_and_white_space() -> None:
    source = (
        "# global.columns = ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC\n"
        "# speaker = Ann Lee\n"
        "# newdoc id = a = b\r\n" + row("1", "I") + row("2", "know", "Speaker=Bob\\sRay") + "\r\n"
        "# newpar\n\n" + row("1", "10 000", "SpacesBefore=\\t|SpacesAfter=\\n\\n\\p")
        + row("2", "!", "SpacesAfter=\\\\")
        + "# newdoc\n# part = many\n" + row("1", "x") + "\n# newdoc id =\n# newdoc\n# part = 7\n"
    )  # fmt: skip
    first, second, third, fourth = conllu.read(source, name="folder/file.conllu")
    assert (first.id, first.part, first.text) == ("a = b", 0, "I know \t10 000\n\n|!\\")
    assert first.tokens == ["I", "know", "10 000", "!"]
    assert first.speakers == ("Ann Lee", "Bob Ray", None, None)
    assert first.sentences == ((0, 2), (2, 4))
    assert [(d.id, d.part, d.text) for d in (second, third, fourth)] == [("file", 0, "x"), ("", 0, ""), ("file", 7, "")]


def test_a_file_without_documents_is_one() -> None:
    (document,) = conllu.read("# sent_id = 1\n" + row("1", "x") + "\n" + row("1", "y"), name="a/b.conllu")
    assert (document.id, document.sentences, document.text) == ("b", ((0, 1), (1, 2)), "x y")
    assert conllu.read("# a remark\n\n", name="x") == []


@pytest.mark.parametrize(
    ("source", "line", "found", "expected"),
    [
        ("1\tx\n", 1, "2 columns", "10, separated by tabs"),
        (row("1", "x").replace("\t", " "), 1, "1 columns", "10, separated by tabs"),
        (row("2", "x"), 1, "'2' as number", "that of the next word, 1"),
        (row("1", "x") + row("1", "y"), 2, "'1' as number", "that of the next word, 2"),
        (row("x", "x"), 1, "'x' as number", "that of the next word, 1"),
        (row("2.1", "x"), 1, "'2.1' as number", "that of the next word, 1"),
        (row("2-3", "x"), 1, "'2-3' as number", "that of the next word, 1"),
        (row("1-1", "x"), 1, "'1-1' as number", "that of the next word, 1"),
        (row("1-3", "x") + row("1", "y") + row("2-3", "z"), 3, "'2-3' as number", "that of the next word, 2"),
        (row("1-2", "zu") + row("1", "z") + "\n", 3, "the end of the sentence after 1", "the words of 'zu', up to 2"),
        (row("1-2", "zum") + row("1", "zu"), 2, "the end of the sentence after 1", "the words of 'zum', up to 2"),
        (row("1-2", "zum", "Entity=(e1)"), 1, "'Entity' beside a multiword token", "it beside words"),
        (row("1", ""), 1, "nothing as word", "a word, or '_' for one unknown"),
        (rows("x/e1"), 2, "'e1' as 'Entity'", "brackets such as '(e1-person-1'"),
        (rows("x/()"), 2, "'()' as 'Entity'", "brackets such as '(e1-person-1'"),
        (rows("x/(e1", "y/e1)("), 3, "'e1)(' as 'Entity'", "brackets such as '(e1-person-1'"),
        (row("1", "x", "Entity="), 1, "'' as 'Entity'", "brackets such as '(e1-person-1'"),
        (rows("x/(-person)"), 2, "'(-person)' without an entity", "the fields eid-etype-head-other"),
        (rows("x/(e1", "y/e2)"), 3, "'e2)'", "a mention of e2 opened before it"),
        (rows("x", "y/(e1"), 3, "a mention of e1", "a closing 'e1)' before the document ends"),
        (rows("x/(e1[1/2])", "y"), 2, "a mention of e1[1/2]", "the piece after 'e1[1/2]' before the document ends"),
        (rows("x", "y/(e1[2/2])"), 3, "'e1[2/2]'", "'e1[1/2]' before it"),
        (rows("x/(e1") + rows("y/e1)"), 2, "a mention of e1", "a closing 'e1)' before the document ends"),
        ("# global.Entity = head-other\n", 1, "the fields 'head-other'", "eid among them"),
        ("# global.Entity = head-eid\n" + rows("x/(1)"), 3, "'(1)' without an entity", "the fields head-eid"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused(source: str, line: int, found: str, expected: str) -> None:
    with pytest.raises(FormatError) as caught:
        conllu.read(source, name="folder/file.conllu")
    message = str(caught.value)
    assert message.startswith(f"folder/file.conllu, line {line}: found {found}, expected {expected}")


def test_the_file_that_is_written() -> None:
    document = Document(
        "a b",
        " Ann's dog|cat ran.\n\nIt did ",
        ((1, 4), (4, 6), (7, 14), (15, 18), (18, 19), (21, 23), (24, 27)),
        ((0, 5), (5, 7)),
        speakers=("X Y", None, None, None, None, "Z", "Z"),
        part=7,
    ).with_clusters([[(0, 2), (5, 5)], [(0, 1)], [(2, 2), (2, 3)], [(0, 0)]])
    assert conllu.write([document]) == (
        "# newdoc id = a b\n"
        "# global.Entity = eid-etype-head-other\n"
        "# part = 7\n"
        "# sent_id = a_b-7-1\n"
        "# text = Ann's dog|cat ran.\n"
        "1\tAnn\t_\t_\t_\t_\t0\t_\t_\tEntity=(e1--1(e2--1(e4--1)|SpaceAfter=No|SpacesBefore=\\s|Speaker=X\\sY\n"
        "2\t's\t_\t_\t_\t_\t0\t_\t_\tEntity=e2)\n"
        "3\tdog|cat\t_\t_\t_\t_\t0\t_\t_\tEntity=e1)(e3--1(e3--1)\n"
        "4\tran\t_\t_\t_\t_\t0\t_\t_\tEntity=e3)|SpaceAfter=No\n"
        "5\t.\t_\t_\t_\t_\t0\t_\t_\tSpacesAfter=\\n\\n\n"
        "\n"
        "# sent_id = a_b-7-2\n"
        "# speaker = Z\n"
        "# text = It did\n"
        "1\tIt\t_\t_\t_\t_\t0\t_\t_\tEntity=(e1--1)\n"
        "2\tdid\t_\t_\t_\t_\t0\t_\t_\tSpacesAfter=\\s\n"
        "\n"
    )
    assert conllu.read(conllu.write([document]), name="x") == [document]


def test_entities_are_numbered_through_all_documents() -> None:
    one, two = (Document.from_sentences([["x"]], id=id, clusters=[[(0, 0)], [(0, 0)]]) for id in "ab")
    lines = conllu.write([one, Document("c", "", (), ()), two]).split("\n")
    assert [line.rpartition("\t")[2] for line in lines if "Entity=" in line] == [
        "Entity=(e1--1)(e2--1)",
        "Entity=(e3--1)(e4--1)",
    ]


def test_crossing_mentions_of_one_cluster_cannot_be_written() -> None:
    document = Document.from_sentences([["a", "b", "c", "d"]], id="x", clusters=[[(0, 3), (0, 2), (1, 3)]])
    with pytest.raises(ValueError, match=r"document 'x': mentions \(0, 2\) and \(1, 3\) of cluster 0 cross, .*CoNLL-U"):
        conllu.write([document])


@given(st.lists(documents(), max_size=3))
def test_what_is_written_is_read_again(written: list[Document]) -> None:
    assert conllu.read(conllu.write(written), name="x") == written


@given(ODD_TEXT, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted), max_size=3))
def test_the_text_is_read_again_white_space_and_all(source: str, spans: list[list[int]]) -> None:
    (document,) = text.read(source, name="x")
    kept = [[(a, b)] for a, b in spans if b < len(document.words)]
    document = document.with_clusters(kept)
    expected = document if document.words else replace(document, text="")
    assert conllu.read(conllu.write([document]), name="x") == [expected]


@given(st.lists(documents(), max_size=3))
def test_every_row_has_ten_columns(written: list[Document]) -> None:
    lines = [line for line in conllu.write(written).split("\n") if line and not line.startswith("# ")]
    assert all(len(line.split("\t")) == 10 for line in lines)


def test_tabs_and_line_ends_in_a_word_become_spaces() -> None:
    document = Document("x", "a\tb\nc", ((0, 5),), ((0, 1),), speakers=("A \t B",))
    assert conllu.read(conllu.write([document]), name="x") == [replace(document, text="a b c", speakers=("A B",))]
