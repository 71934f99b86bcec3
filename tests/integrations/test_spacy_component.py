"""``nlp.add_pipe("lehr")``, with the model that comes with lehr and with a stand-in that says what a test told it."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

spacy = pytest.importorskip("spacy", reason="spaCy is not installed, or lacks a package: pip install 'lehr[spacy]'")

from spacy.tokens import Doc, DocBin  # noqa: E402

from lehr.document import Document, Span  # noqa: E402
from lehr.integrations.spacy import Coreference, render, words_of  # noqa: E402
from lehr.resolver import shipped_model  # noqa: E402

TEXT = "Mary said she was tired."


def shipped(**config: Any) -> spacy.Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("lehr", config={"threads": 1, **config})
    return nlp


def told(*clusters: list[Span], nlp: spacy.Language | None = None, **config: Any) -> spacy.Language:
    """A pipeline whose component finds these clusters, of inclusive words, in any document."""
    nlp = nlp or spacy.blank("en")
    component = nlp.add_pipe("lehr", config=config)
    answer: Callable[..., Document] = lambda document, **options: document.with_clusters(clusters)  # noqa: E731
    component._resolvers[os.getpid()] = answer  # type: ignore[attr-defined]
    return nlp


def found(doc: Doc) -> list[list[str]]:
    return [[span.text for span in cluster] for cluster in doc._.coref_clusters]


@pytest.fixture(scope="module")
def nlp() -> spacy.Language:
    return shipped()


def test_a_blank_pipeline_knows_who_is_who(nlp: spacy.Language) -> None:
    doc = nlp(TEXT)
    assert list(doc.spans) == ["coref_clusters_1"]
    group = doc.spans["coref_clusters_1"]
    assert [(span.text, span.label_) for span in group] == [(name, "coref_clusters_1") for name in ("Mary", "she")]
    assert group.attrs["name"] == "Mary"
    assert all(0.5 < score <= 1 for score in group.attrs["scores"])
    assert group.attrs["links"][0] is None
    assert group.attrs["links"][1] > 0.4
    assert found(doc) == [["Mary", "she"]]
    assert [token.text for token in doc if token._.coref] == ["Mary", "she"]
    assert doc._.resolved_text == "Mary said Mary was tired."


@pytest.mark.parametrize("text", ["", " ", "\n\n \t", "\u200b", "\x00", "?", "a" * 5000, "😀" * 300, "' \" “"])
def test_odd_texts(nlp: spacy.Language, text: str) -> None:
    doc = nlp(text)
    assert doc.text == text
    assert doc._.coref_clusters == []
    assert doc._.resolved_text == text
    assert render(doc, jupyter=False)


PIECES = [
    "Tom",
    "he",
    "his",
    "hat",
    "said",
    "Mary's",
    "her",
    "didn't",
    "“I'm",
    ".",
    "?!",
    " ",
    "  ",
    "\n",
    "\r\n\n",
    "\t",
]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, "\xa0", "\u3000", "\u200b", "\x1c", "😀", "—", "𝒳"]), max_size=30))
def test_no_white_space_breaks_it(nlp: spacy.Language, pieces: list[str]) -> None:
    text = "".join(pieces)
    nlp = _greedy(nlp)
    doc = nlp(text)
    assert doc.text == text
    for cluster in doc._.coref_clusters:
        for span in cluster:
            assert span.text.strip()
            assert not span[0].is_space
            assert not span[-1].is_space
            assert text[span.start_char : span.end_char] == span.text
    blank = len(text) - len(text.lstrip())
    assert doc._.resolved_text[:blank] == text[:blank]
    assert doc._.resolved_text.endswith(text[len(text.rstrip()) :])
    render(doc, jupyter=False)


def _greedy(nlp: spacy.Language) -> spacy.Language:
    """The same model, to which all is a mention of one entity or the other."""
    greedy = spacy.blank("en")
    component = greedy.add_pipe("lehr", config={"mention_threshold": 0.0, "link_threshold": 0.0, "singletons": True})
    component._resolvers[os.getpid()] = nlp.get_pipe("lehr").resolver  # type: ignore[attr-defined]
    return greedy


def test_white_space_is_kept_and_no_word(nlp: spacy.Language) -> None:
    doc = nlp("  Mary  said\n\nshe \t was tired. ")
    assert found(doc) == [["Mary", "she"]]
    assert doc._.resolved_text == "  Mary  said\n\nMary \t was tired. "


def test_mentions_are_of_spacys_own_tokens() -> None:
    nlp = told([(0, 1), (3, 3)])
    doc = nlp(Doc(nlp.vocab, words=["New York", "says", "it", "sleeps", "."], spaces=[True, True, True, False, False]))
    assert found(doc) == [["New York", "it"]]
    assert doc._.resolved_text == "New York says New York sleeps."


def test_mentions_snap_outward_to_tokens_of_several_words() -> None:
    nlp = shipped()
    nlp.tokenizer = spacy.tokenizer.Tokenizer(nlp.vocab)  # of white space alone
    doc = nlp("\"Tom lost his hat,\" Mary said. She's sure he'd find it.")
    assert found(doc) == [['"Tom', "his", "he'd"], ["Mary", "She's"]]
    assert doc._.resolved_text == "\"Tom lost Tom's hat,\" Mary said. Mary's sure Tom'd find it."


def test_white_space_inside_of_tokens_stays() -> None:
    nlp = told([(0, 0), (2, 2)])
    doc = nlp.get_pipe("lehr")(Doc(nlp.vocab, words=[" Mary ", "said", "\nshe\n"], spaces=[False] * 3))
    assert doc._.resolved_text == " Mary said\nMary\n"


def test_a_pipeline_of_no_language_has_the_models() -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("lehr", config={"threads": 1})
    assert nlp("Mary said she slept.")._.resolved_text == "Mary said Mary slept."


def test_sentences_are_the_pipelines_if_it_has_some() -> None:
    text = " Tom came home; he sat.\n\nHe  left"
    plain = spacy.blank("en")
    document, tokens = words_of(plain(text))
    assert [document.tokens[a:b][0] for a, b in document.sentences] == ["Tom", "He"]
    assert [plain(text)[i].text for i in tokens] == document.tokens
    doc = plain(text)
    for token in doc:
        token.is_sent_start = token.text in (" ", ";") or token.is_space
    document, _ = words_of(doc)
    assert [document.tokens[a:b] for a, b in document.sentences] == [
        ["Tom", "came", "home"],
        [";", "he", "sat", "."],
        ["He"],
        ["left"],
    ]


def test_nested_mentions_innermost_first() -> None:
    doc = told([(0, 0), (3, 3)], [(3, 4), (6, 6)])("Tom said that his mother saw her.")
    assert [token._.coref for token in doc][3:5] == [["coref_clusters_1", "coref_clusters_2"], ["coref_clusters_2"]]
    assert doc._.resolved_text == "Tom said that Tom's mother saw Tom's mother."


def test_a_second_run_replaces_the_first() -> None:
    first, second = told([(0, 0), (3, 3)], [(1, 1), (2, 2)]), told([(0, 0), (2, 2)])
    doc = second(first("Tom said that he left."))
    assert list(doc.spans) == ["coref_clusters_1"]
    assert [len(token._.coref) for token in doc] == [1, 0, 1, 0, 0, 0]


def test_other_prefix_and_other_spans() -> None:
    nlp = told([(0, 0), (3, 3)], prefix="who")
    doc = nlp.make_doc("Tom said that he left.")
    doc.spans["who_else"] = [doc[1:2]]
    doc = nlp(doc)
    assert list(doc.spans) == ["who_else", "who_1"]
    assert found(doc) == [["Tom", "he"]]


def test_two_components_write_beside_each_other() -> None:
    first, second = told([(0, 0), (3, 3)]), told([(0, 2), (3, 3)], prefix="who")
    doc = second(first("Tom said that he left."))
    assert list(doc.spans) == ["coref_clusters_1", "who_1"]
    assert [token._.coref for token in doc][:4] == [
        ["who_1", "coref_clusters_1"],
        ["who_1"],
        ["who_1"],
        ["who_1", "coref_clusters_1"],
    ]


def test_a_morphologizer_tells_her_from_her() -> None:
    doc = told([(0, 0), (5, 5)])("Mary came. I gave her money.")
    assert doc._.resolved_text == "Mary came. I gave Mary's money."
    doc[5].set_morph("Case=Acc|PronType=Prs")
    assert doc._.resolved_text == "Mary came. I gave Mary money."
    doc[5].set_morph("Poss=Yes|PronType=Prs")
    assert doc._.resolved_text == "Mary came. I gave Mary's money."


def test_nothing_is_resolved_in_a_language_that_is_not_known() -> None:
    doc = told([(0, 0), (2, 2)], nlp=spacy.blank("fi"))("Tom says he left.")
    assert found(doc) == [["Tom", "he"]]
    assert doc._.resolved_text == doc.text


def test_singletons_and_thresholds(nlp: spacy.Language) -> None:
    assert not nlp("Mary slept.").spans
    assert found(shipped(singletons=True, scheme="entities")("Mary slept.")) == [["Mary"]]
    assert not shipped(mention_threshold=1.0)(TEXT).spans
    assert not shipped(link_threshold=1.0)(TEXT).spans


@pytest.mark.parametrize(
    "config",
    [
        {"link_threshold": 1.5},
        {"threads": 0},
        {"scheme": "none such"},
        {"horizon": 0},
        {"threads": "many"},
        {"no_option": 1},
    ],
)
def test_a_wrong_option_is_refused_at_once(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(config)).removesuffix("s")):
        spacy.blank("en").add_pipe("lehr", config=config)


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        spacy.blank("en").add_pipe("lehr", config={"model": str(tmp_path)})
    with pytest.raises(OSError, match="there is no folder"):
        shipped(model=str(tmp_path / "none"))(TEXT)


TEXTS = [TEXT, "", "Tom lost his hat. He cried.", " \n", TEXT * 3]


def test_a_pipe_over_processes_says_the_same(nlp: spacy.Language) -> None:
    """The model is in use here already: what a fork copies of it would wait for ever for threads that it lacks."""
    alone = [nlp(text) for text in TEXTS]
    for options in ({}, {"batch_size": 2}, {"batch_size": 2, "n_process": 2}):
        for doc, other in zip(nlp.pipe(TEXTS, **options), alone, strict=True):
            assert found(doc) == found(other)
            assert doc._.resolved_text == other._.resolved_text
            assert [token._.coref for token in doc] == [token._.coref for token in other]
            assert [g.attrs for g in doc.spans.values()] == [g.attrs for g in other.spans.values()]


def test_a_failing_document_is_passed_to_the_error_handler() -> None:
    def fail(document: Document, **options: Any) -> Document:
        if "no" in document.text:
            raise ValueError("no")
        return document

    nlp, failed = told(), []
    nlp.get_pipe("lehr")._resolvers[os.getpid()] = fail  # type: ignore[attr-defined]
    nlp.set_error_handler(lambda name, component, docs, error: failed.extend(doc.text for doc in docs))
    assert [doc.text for doc in nlp.pipe(["a", "no", "b"])] == ["a", "b"]
    assert failed == ["no"]


def test_documents_keep_their_clusters_when_saved() -> None:
    nlp = told([(0, 0), (3, 3)], [(1, 1), (2, 2)], prefix="who")
    doc = nlp("Tom said that he left.")
    (binned,) = DocBin(docs=[doc], store_user_data=True).get_docs(nlp.vocab)
    for other in (binned, Doc(nlp.vocab).from_bytes(doc.to_bytes()), doc.copy(), pickle.loads(pickle.dumps(doc))):
        assert found(other) == [["Tom", "he"], ["said", "that"]]
        assert list(other[3]._.coref) == ["who_1"]  # a DocBin makes tuples of lists
        assert other._.resolved_text == "Tom said that Tom left."
        assert other.spans["who_1"].attrs["name"] == "Tom"


def test_a_saved_pipeline_names_lehrs_own_model(tmp_path: Path) -> None:
    shipped(singletons=True, scheme="entities", prefix="who").to_disk(tmp_path / "saved")
    assert [path.name for path in (tmp_path / "saved" / "lehr").iterdir()] == ["lehr.json"]
    nlp = spacy.load(tmp_path / "saved")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(nlp("Mary slept.").spans) == ["who_1"]
    changed = spacy.load(tmp_path / "saved", config={"components.lehr.prefix": "what"})
    assert list(changed("Mary slept.").spans) == ["what_1"]


def test_another_model_than_the_saved_one_is_told(tmp_path: Path) -> None:
    shipped().to_disk(tmp_path)
    saved = tmp_path / "lehr" / "lehr.json"
    saved.write_text(re.sub(r'"fingerprint": "\w+"', '"fingerprint": "0"', saved.read_text("utf-8")), "utf-8")
    nlp = spacy.load(tmp_path)
    with pytest.warns(UserWarning, match="saved with another model"):
        assert found(nlp(TEXT)) == [["Mary", "she"]]


def test_bytes_bring_the_options() -> None:
    saved = shipped(singletons=True, scheme="entities").to_bytes()
    assert len(saved) < 100_000
    nlp = spacy.blank("en")
    nlp.add_pipe("lehr")
    assert found(nlp.from_bytes(saved)("Mary slept.")) == [["Mary"]]


def test_a_model_from_a_folder_goes_along(tmp_path: Path) -> None:
    folder = shutil.copytree(shipped_model(), tmp_path / "model")
    nlp = shipped(model=str(folder))
    nlp.to_disk(tmp_path / "saved")
    nlp.get_pipe("lehr").to_disk(tmp_path / "lean", exclude=["model"])
    data = nlp.to_bytes()
    folder.rename(tmp_path / "moved")

    loaded = spacy.load(tmp_path / "saved")
    assert found(loaded(TEXT)) == [["Mary", "she"]]
    assert loaded.get_pipe("lehr").resolver.directory == tmp_path / "saved" / "lehr" / "model"
    loaded.to_disk(tmp_path / "saved")  # onto itself
    loaded.to_disk(tmp_path / "again")
    assert (tmp_path / "again" / "lehr" / "model" / "encoder.onnx").stat().st_size > 1e6

    of_bytes = spacy.blank("en").from_config(nlp.config).from_bytes(data)
    assert found(of_bytes(TEXT)) == [["Mary", "she"]]
    copied = pickle.loads(pickle.dumps(Coreference().from_bytes(of_bytes.get_pipe("lehr").to_bytes())))
    assert found(copied(nlp.make_doc(TEXT))) == [["Mary", "she"]], "the original and its folder are gone"
    shipped().to_disk(tmp_path / "again")
    assert not (tmp_path / "again" / "lehr" / "model").exists(), (
        "the model that was saved there is not that of this one"
    )
    with pytest.raises(OSError, match="no folder"):
        Coreference().from_disk(tmp_path / "lean")(nlp.make_doc(TEXT))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"options": 1, "fingerprint": ""}'])
def test_a_damaged_component_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "lehr.json").write_text(text)
    with pytest.raises(ValueError, match="save the pipeline again"):
        Coreference().from_disk(tmp_path)


def test_it_can_be_pickled(nlp: spacy.Language) -> None:
    nlp(TEXT)
    again = pickle.loads(pickle.dumps(nlp.get_pipe("lehr")))
    assert found(again(nlp.make_doc(TEXT))) == [["Mary", "she"]]


def test_displacy_draws_an_entity_or_all() -> None:
    doc = told([(0, 0), (3, 3)], [(1, 1), (2, 2)])("Tom <b> & he left.")
    one = spacy.displacy.render(doc, style="span", options={"spans_key": "coref_clusters_1"}, jupyter=False)
    assert one.count("coref_clusters_1") == 2
    page = render(doc, page=True, jupyter=False)
    assert page.startswith("<!DOCTYPE html>")
    assert "1 Tom" in page
    assert "<b>" not in page
    assert len(set(re.findall(r"#[0-9a-f]{6}", page))) >= 2


def test_importing_lehr_imports_no_spacy() -> None:
    code = "import sys, lehr, lehr.cli, lehr.resolver, lehr.resolved; print('spacy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
