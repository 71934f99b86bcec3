"""The documents that a recipe names."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import tiny_model
from tiny_documents import GAP_HEADER, HOUSE, LETTER, SHIP

from lehr.coref.annotated import Annotated
from lehr.coref.data import Bundles, Example, Examples, fingerprint
from lehr.coref.problem import CorefProblem
from lehr.formats.conll import write


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two files of a document each, and one without words."""
    for name, document in {"a": HOUSE, "b": SHIP}.items():
        (tmp_path / f"{name}.conll").write_text(write([document]), encoding="utf-8")
    (tmp_path / "c.conll").write_text("#begin document (c); part 000\n#end document\n", encoding="utf-8")
    (tmp_path / "dev.ids").write_text("b.tsv\n", encoding="utf-8")
    return tmp_path


def names(examples: list[Example]) -> list[tuple[str, int]]:
    return [(example.document.id, example.scheme) for example in examples]


def test_documents(data: Path) -> None:
    both, second = Annotated("entities", ["*.conll"]), Annotated("chains", ["b.conll"], about="what they are")
    assert names(both.examples(data, 0, "en")) == [("house", 0), ("ship", 0)]
    assert names(Annotated("chains", ["*.conll"], "dev.ids").examples(data, 1, "en")) == [("ship", 1)]
    (data / "d.conl").write_text(write([LETTER]), encoding="utf-8")
    parts = {"train": [both, second], "dev": [Annotated("chains", ["d.conl"])]}
    problem = CorefProblem({part: list(map(dataclasses.asdict, given)) for part, given in parts.items()}, str(data))
    assert problem.schemes == ["entities", "chains"]
    assert names(problem.train) == [("house", 0), ("ship", 0), ("ship", 1)]
    assert names(problem.dev) == [("letter", 1)]


def test_documents_that_are_not_there(data: Path) -> None:
    with pytest.raises(ValueError, match=r"no file matches .*nowhere.*: patterns are below .*, the recipe's `data`"):
        Annotated("entities", ["*.conll"]).examples(data / "nowhere", 0, "en")
    with pytest.raises(ValueError, match=r"/x/\*\.conll: patterns are below the recipe's `data`"):
        Annotated("entities", ["/x/*.conll"]).examples(data, 0, "en")
    (data / "dev.ids").write_text("b.tsv\nz.tsv\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"dev\.ids lists z, and no file of \['b\.conll'\] has that name"):
        Annotated("chains", ["b.conll"], "dev.ids").examples(data, 0, "en")
    (data / "notes.txt").write_text("It rained.", encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes\.txt has no annotation: narrow the pattern, or name it under"):
        Annotated("chains", ["*.txt"]).examples(data, 0, "en")


def test_passages_of_which_little_is_known_are_learned_from_by_the_bundle(data: Path) -> None:
    passage = "Ann saw Eve; she left." + " It rained." * 100
    rows = [f"t-{i}\t{passage} {i}\tshe\t13\tAnn\t0\tTRUE\tEve\t8\tFALSE\tu\n" for i in range(20)]
    (data / "gap.tsv").write_text(GAP_HEADER + "".join(rows), encoding="utf-8")
    parts = {"train": [{"scheme": "a", "files": ["a.conll", "gap.tsv"]}]}
    problem = CorefProblem(parts, str(data))
    assert [example.complete for example in problem.train] == [True] + [False] * 20
    words = len(problem.train[1].document.words)
    assert words == 308
    bundles = Bundles(Examples(problem.train))
    assert bundles.rows == [[0], [1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15], [16, 17, 18, 19, 20]]
    assert len(bundles) == 5
    assert bundles.fingerprint == Examples(problem.train).fingerprint
    assert [example.shift for example in bundles.view(1)[4]] == [
        Examples(problem.train, 1)[i].shift for i in range(16, 21)
    ]
    partly = CorefProblem({"train": [{"scheme": "a", "files": ["a.conll"], "complete": False}]}, str(data))
    assert [example.complete for example in partly.train] == [False]
    whole = [dataclasses.replace(example, complete=True) for example in problem.train]
    assert fingerprint(whole) != fingerprint(problem.train)
    tokenizer = tiny_model.tokenizer()
    for made in (tokenizer, tiny_model.model(len(tokenizer), scorer="antecedent")):
        made.save_pretrained(data / "ranking")
    with pytest.raises(ValueError, match="only `scorer: one-pass` learns"):
        problem.inputs({"from": str(data / "ranking")})
    for part in ("dev", "test"):
        with pytest.raises(ValueError, match=f"'t-0' in `{part}` is not annotated completely"):
            _ = CorefProblem({**parts, part: [{"scheme": "a", "files": ["gap.tsv"]}]}, str(data)).dev


def test_a_fingerprint_knows_words_sentences_clusters_and_schemes() -> None:
    first, *others = HOUSE.spans
    variants = [
        [Example(HOUSE, 0)],
        [Example(HOUSE, 1)],
        [Example(dataclasses.replace(HOUSE, sentences=((0, 2), (2, len(HOUSE.words)))), 0)],
        [Example(HOUSE.with_clusters(others), 0)],
        [Example(HOUSE.with_clusters([first[:-1], *others]), 0)],
        [Example(HOUSE, 0), Example(SHIP, 0)],
        [Example(SHIP, 0), Example(HOUSE, 0)],
        [],
    ]
    prints = [fingerprint(variant) for variant in variants]
    assert len(set(prints)) == len(prints)
    assert prints == [fingerprint(variant) for variant in variants]
    assert {len(found) for found in prints} == {16}
