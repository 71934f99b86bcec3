"""The runtime with a model of random weights: it computes what was trained, always, and on any text."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lehr.document import Document
from lehr.files import write_text
from lehr.formats import text as raw_text
from lehr.kinds import count
from lehr.resolver import Resolver

PAGE = (
    "Mary said she was tired. Her mother asked why she was; Mary did not know, and Mr. Darcy left.\n\n"
    "The dog, which was hers, barked at him (and at her), so the mother said: 'Come here!'\n"
) * 4
SHORT = "She was the mother of Mary."


@pytest.fixture(scope="module")
def resolver(tiny: Path) -> Resolver:
    return Resolver.from_pretrained(tiny, threads=1)


@pytest.fixture(scope="module")
def eight_bit(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Resolver:
    """The model with weights in int8, whose activations are scaled anew in every product."""
    quantization = pytest.importorskip("onnxruntime.quantization")
    pytest.importorskip("onnx")
    folder = copytree(tiny, tmp_path_factory.mktemp("models") / "int8")
    settings = {"op_types_to_quantize": ["MatMul", "Gather"], "per_channel": True, "reduce_range": True}
    for graph in folder.glob("*.onnx"):
        quantization.quantize_dynamic(tiny / graph.name, graph, **settings)
    return Resolver.from_pretrained(folder, threads=1)


def with_config(folder: Path, new: Path, **values: Any) -> Path:
    """A copy of a model with other values in its configuration."""
    copytree(folder, new)
    config = json.loads((new / "config.json").read_text())
    write_text(new / "config.json", json.dumps({**config, **values}))
    return new


@pytest.mark.parametrize("scorer", ["one-pass", "antecedent"])
def test_it_computes_what_was_trained(tiny: Path, tmp_path: Path, scorer: str) -> None:
    import tiny_model

    from lehr.coref.data import windower
    from lehr.coref.prediction import clusters, predict

    thresholds = {"mention_threshold": 0.3, "link_threshold": 0.6}
    links = {"link_scale": 0.7, "link_shift": -0.2}
    mentions = {"mention_scale": [0.8, 1.2], "mention_shift": [0.1, -0.3]}
    by_kind = np.random.default_rng(3).normal(size=(count("en"),) * 2)
    by_kind += by_kind.T
    fields: dict[str, Any] = {"scorer": scorer, **links, **mentions, **thresholds, "kind_shift": by_kind.tolist()}
    tokenizer = tiny_model.tokenizer()
    model = tiny_model.model(len(tokenizer), **fields)
    resolver = Resolver.from_pretrained(with_config(tiny, tmp_path / "model", **fields), threads=1)
    document = raw_text.read(PAGE, name="page")[0]

    matrix = predict(model, windower(tokenizer, model.config), document)
    ours = resolver.encode(document).matrix
    np.testing.assert_array_equal(ours.spans, matrix.spans)
    np.testing.assert_allclose(ours.mention_logits, matrix.mention_logits, atol=2e-4)
    assert len({*matrix.kinds.tolist()}) > 3
    calibrated = 0.7 * matrix.pair_logits - 0.2 + by_kind[matrix.kinds[:, None], matrix.kinds]
    np.testing.assert_allclose(ours.pair_logits, calibrated, atol=5e-4)
    for number, scheme in enumerate(model.config.schemes):
        assert resolver(document, scheme=scheme).spans == clusters(matrix, model.config, number)
    assert any(len(cluster) > 1 for cluster in resolver(document).clusters)


def test_the_company_of_a_document_changes_nothing(resolver: Resolver, eight_bit: Resolver) -> None:
    """Long and short documents, in any order, give what each gives alone."""
    texts = [PAGE, SHORT, PAGE[30:], "x", PAGE]
    for each in (resolver, eight_bit):
        alone = [each(text) for text in texts]
        assert alone[0].clusters
        assert each(texts) == alone
        assert list(each.pipe(reversed(texts))) == alone[::-1]


def test_threads_change_nothing(tiny: Path, resolver: Resolver) -> None:
    two = Resolver.from_pretrained(tiny, threads=2)
    assert two(PAGE) == resolver(PAGE)
    with ThreadPoolExecutor(4) as pool:
        documents = list(pool.map(resolver, [PAGE, SHORT] * 4))
    assert documents == [resolver(PAGE), resolver(SHORT)] * 4


def test_documents_side_by_side_are_resolved_as_alone(tiny: Path) -> None:
    resolver = Resolver.from_pretrained(tiny, threads=2)
    sources = [PAGE, resolver.encode(SHORT), ["Mary", "said", "she", "was", "tired"], SHORT] * 3
    alone = list(resolver.pipe(sources, singletons=True))
    assert list(resolver.pipe(sources, workers=3, singletons=True)) == alone
    assert list(resolver.pipe(sources, workers=1, singletons=True)) == alone
    found = resolver.pipe([SHORT, "\ud800", SHORT], workers=2)
    assert next(found) == resolver(SHORT)
    with pytest.raises(ValueError, match="surrogate"):
        next(found)


@pytest.mark.parametrize(("workers", "error"), [(0, ValueError), (1.5, TypeError), ("2", TypeError)])
def test_workers_that_are_no_number_are_refused(resolver: Resolver, workers: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="workers"):
        resolver.pipe([SHORT], workers=workers)


def test_the_encoder_runs_once_an_encoding(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    run = type(resolver._model)._run

    def counted(self: Any, name: str, **inputs: Any) -> Any:
        runs.append(name)
        return run(self, name, **inputs)

    monkeypatch.setattr(type(resolver._model), "_run", counted)
    encoding = resolver.encode(SHORT)
    assert runs == ["encoder", "mentions"]
    for mention in resolver(SHORT, scheme="entities").clusters[0].mentions:
        resolver(encoding, mention=mention)
    resolver(encoding, clusters=[["She"], ["Mary"]])
    assert runs.count("encoder") == 2, "once for the encoding, once for the text"


def test_it_can_be_pickled(resolver: Resolver) -> None:
    assert pickle.loads(pickle.dumps(resolver))(SHORT) == resolver(SHORT)


def test_one_entity_holds_its_mention(resolver: Resolver) -> None:
    document = resolver(PAGE)
    encoding = resolver.encode(PAGE)
    for cluster in document.clusters[:3]:
        for mention in cluster.mentions:
            answer = resolver(encoding, mention=mention)
            assert len(answer.clusters) == 1
            assert mention.span in answer.spans[0]


PARTS = ["she", "Mary", "Mr. ", "n't", " ", "\n\n", ".", "''", "👩‍🚀", "e\u0301", "שלום", "\x00", "\u200b", "a" * 300]
CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.lists(st.sampled_from(PARTS) | CHARACTERS, max_size=60).map("".join)
WORDS = st.text(CHARACTERS, min_size=1, max_size=8)


def holds(document: Document) -> None:
    """See that a document is sound whatever is in it."""
    for cluster in document.clusters:
        for place, mention in enumerate(cluster.mentions):
            assert document.text[mention.start : mention.end] == mention.text
            assert mention.start == document.words[mention.first_word][0]
            assert mention.end == document.words[mention.last_word][1]
            assert mention.score is not None
            assert 0 <= mention.score <= 1
            assert (mention.antecedent is None) == (mention.link is None) == (place == 0)
            assert mention.antecedent is None or 0 <= mention.antecedent < place
    spans = [span for cluster in document.spans for span in cluster]
    assert len(set(spans)) == len(spans)


@given(TEXTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_resolved(resolver: Resolver, text: str) -> None:
    document = resolver(text, mention_threshold=0.0, link_threshold=0.3)
    assert document.text == text
    holds(document)
    if document.clusters:
        mention = document.clusters[-1].mentions[-1]
        (cluster,) = resolver(text, mention=(mention.start, mention.end)).clusters
        assert mention.span in [found.span for found in cluster.mentions]


@given(st.lists(st.lists(WORDS, max_size=6), max_size=5))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words_are_resolved(resolver: Resolver, sentences: list[list[str]]) -> None:
    document = resolver(sentences)
    assert document.tokens == [word for sentence in sentences for word in sentence]
    holds(document)


@pytest.mark.parametrize("text", ["", " \n\t", "x", "a" * 5000, ". " * 500, "\x00\x1b[31m", "🇵🇱" * 40], ids=range(7))
def test_absurd_texts_are_resolved(resolver: Resolver, text: str) -> None:
    holds(resolver(text))


def test_nothing_is_imported_before_it_is_needed(tiny: Path) -> None:
    def loaded(code: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
            capture_output=True,
            text=True,
            check=True,
        )
        return set(done.stdout.split())

    bare = loaded("import lehr")
    assert not {"numpy", "onnxruntime", "tokenizers", "lehr.document"} & bare
    assert "onnxruntime" not in loaded("from lehr import Document, Mention, Cluster")
    resolving = loaded(
        f"import lehr\nlehr.Resolver.from_pretrained({str(tiny)!r}, threads=1)('Mary said she was tired.')"
    )
    assert not {"scipy", "torch", "huggingface_hub", "rich", "typer", "onnx"} & resolving
    assert not {"lehr.formats.conll", "lehr.formats.gap", "lehr.formats.html", "zipfile", "numpy.ma"} & resolving
