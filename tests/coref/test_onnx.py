"""A model as ONNX says what it says in torch."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_model
import torch
from made_encoders import made, windower_of
from onnxruntime import InferenceSession
from tiny_documents import HOUSE, LETTER
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from lehr.coref import export as exporting
from lehr.coref.network import LehrModel
from lehr.coref.prediction import clusters, predict
from lehr.coref.span_position import MentionHead, PairHead
from lehr.decoding import Floats, Ints
from lehr.document import Document
from lehr.formats import read_file
from lehr.resolver import Resolver
from lehr.resolver.config import Config
from lehr.windows import Windower

FILES = {"encoder.onnx", "mentions.onnx", "pairs.onnx", "tokenizer.json", "config.json"}
Run = Callable[..., Floats]


class Exported:
    """A model in torch, its tokenizer, and the folder that it was exported to."""

    def __init__(self, folder: Path, model: LehrModel, tokenizer: PreTrainedTokenizerFast, **options: Any) -> None:
        self.folder, self.model, self.tokenizer = folder, model, tokenizer
        self.before = copy.deepcopy(model.train())
        exporting.export(model, tokenizer, folder, **options)
        self.mode = model.training
        model.eval()

    def run(self, graph: str, **inputs: Floats | Ints) -> Floats:
        """The graph's output by ONNX Runtime."""
        result: Floats = InferenceSession(self.folder / f"{graph}.onnx").run(None, inputs)[0]
        return result

    def torch_clusters(self, document: Document, scheme: int) -> list[list[tuple[int, int]]]:
        matrix = predict(self.model, windower_of(self.model, self.tokenizer), document)
        return clusters(matrix, self.model.config, scheme)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    tokenizer = tiny_model.tokenizer()
    links = {"link_scale": 0.8, "link_shift": 0.4, "kind_shift": [[0.1] * 11] * 11, "link_threshold": 0.9}
    mentions = {"mention_scale": [0.9, 1.1], "mention_shift": [0.1, -0.2], "singleton_scheme": "entities"}
    return Exported(tmp_path_factory.mktemp("bert"), tiny_model.model(len(tokenizer), **links, **mentions), tokenizer)


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory, bert: Exported) -> Exported:
    return Exported(tmp_path_factory.mktemp("int8"), bert.model, bert.tokenizer, int8=True)


def vectors(n: int, seed: int = 0) -> torch.Tensor:
    """Vectors (2, n, hidden) as an encoder might give them."""
    return torch.randn(2, n, 32, generator=torch.Generator().manual_seed(seed))


def assert_encodes_alike(exported: Exported, windows: int, pieces: int) -> None:
    ids = torch.randint(4, exported.model.config.encoder.vocab_size, (windows, pieces))
    with torch.no_grad():
        expected = exported.model.encode(ids, torch.ones_like(ids)).view(windows, pieces, -1)
    np.testing.assert_allclose(exported.run("encoder", input_ids=ids.numpy()), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize(("windows", "pieces"), [(1, 2), (1, 48), (3, 27), (5, 33)])
def test_encoder(bert: Exported, windows: int, pieces: int) -> None:
    assert_encodes_alike(bert, windows, pieces)


@pytest.mark.parametrize("n", [1, 5, 6, 7, 300])
def test_mentions(bert: Exported, n: int) -> None:
    """Sizes from one word to more than the width, which is 6."""
    first, last = vectors(n)
    with torch.no_grad():
        expected = bert.model.mentions(first, last)
    found = bert.run("mentions", first=first.numpy(), last=last.numpy())
    reach = np.arange(n)[:, None] + np.arange(6)
    np.testing.assert_allclose(found[:, reach < n], expected.numpy()[:, reach < n], atol=1e-4)


@pytest.mark.parametrize("k", [1, 2, 37, 200])
def test_pairs(bert: Exported, k: int) -> None:
    first, last = vectors(k)
    starts = np.sort(np.random.default_rng(k).integers(0, 5000, k))
    inputs = {
        "spans": np.stack([starts, starts + 1], 1),
        "words": np.stack([starts % 7, starts % 5], 1),
        "strings": starts % 35,
    }
    with torch.no_grad():
        expected = bert.model.pairs(first, last, *(torch.from_numpy(value) for value in inputs.values()))
    found = bert.run("pairs", first=first.numpy(), last=last.numpy(), **inputs)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("family", ["roberta", "deberta", "modernbert"])
def test_other_encoders(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their own graph, as the heads are no others, and their tokenizer."""
    write = exporting._write
    heads = (MentionHead, PairHead)
    monkeypatch.setattr(exporting, "_write", lambda module, *rest: isinstance(module, heads) or write(module, *rest))
    exported = Exported(tmp_path, *made(family))
    for pieces in (2, 27, 64):  # one window at a time, as the runtime reads them
        assert_encodes_alike(exported, 1, pieces)
    config = Config.read(tmp_path / "config.json")
    pieces_of = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    theirs = Windower(pieces_of, config.window, config.overlap, config.pad_token_id)(HOUSE.tokens)
    ours = windower_of(exported.model, exported.tokenizer)(HOUSE.tokens)
    np.testing.assert_array_equal(theirs.input_ids, ours.input_ids)
    np.testing.assert_array_equal(theirs.first, ours.first)


@pytest.mark.parametrize("scheme", [0, 1])
def test_the_resolver_finds_what_torch_finds(bert: Exported, shared_data: Path, scheme: int) -> None:
    """On the first sentences of a novel, many windows long."""
    (novel,) = read_file(sorted((shared_data / "litbank" / "conll").glob("*.conll"))[0])
    sentences = [novel.tokens[first:end] for first, end in novel.sentences[:16]]
    document = Document.from_sentences(sentences)
    assert len(document.words) > 300
    resolver = Resolver.from_pretrained(bert.folder, threads=1)
    found = resolver(document, scheme=tiny_model.SCHEMES[scheme], singletons=True)
    expected = bert.torch_clusters(document, scheme)
    assert found.spans == expected
    assert len(expected) > 5
    assert max(map(len, expected)) > 2


def test_what_is_written(bert: Exported) -> None:
    assert {path.name for path in bert.folder.iterdir()} == FILES
    written = json.loads((bert.folder / "config.json").read_text("utf-8"))
    config = Config.read(bert.folder / "config.json")
    theirs = bert.model.config
    assert written["precision"] == "float32"
    assert (config.link_scale, config.link_shift) == (theirs.link_scale, theirs.link_shift) == (0.8, 0.4)
    assert config.kind_shift == theirs.kind_shift == [[0.1] * 11] * 11
    assert (config.mention_scale, config.mention_shift) == (theirs.mention_scale, theirs.mention_shift)
    assert (config.mention_scale, config.mention_shift) == ([0.9, 1.1], [0.1, -0.2])
    assert (config.schemes, config.singleton_scheme) == (tiny_model.SCHEMES, "entities")
    assert (config.window, config.overlap, config.max_width, config.pad_token_id) == (48, 8, 6, 0)
    for name in ("encoder", "mentions", "pairs"):
        graph = onnx.load(bert.folder / f"{name}.onnx")
        onnx.checker.check_model(graph)
        assert "/" not in "".join(node.doc_string for node in graph.graph.node), "no paths of the machine"


def test_exporting_changes_nothing(bert: Exported) -> None:
    assert bert.mode is bert.before.training is True
    assert bert.model.config.to_dict() == bert.before.config.to_dict()
    for weight, before in zip(bert.model.parameters(), bert.before.parameters(), strict=True):
        assert torch.equal(weight, before)


def test_eight_bits(bert: Exported, int8: Exported) -> None:
    assert Config.read(int8.folder / "config.json").window == 48
    assert json.loads((int8.folder / "config.json").read_text("utf-8"))["precision"] == "int8"

    def size(exported: Exported) -> int:
        return (exported.folder / "encoder.onnx").stat().st_size

    assert size(int8) < size(bert)
    ids = torch.randint(4, 90, (1, 30)).numpy()
    exact, rough = (e.run("encoder", input_ids=ids) for e in (bert, int8))
    assert 1e-6 < np.abs(exact - rough).mean() < 0.1 * exact.std()
    embeddings = onnx.load(int8.folder / "encoder.onnx").graph.initializer
    assert any(w.data_type == onnx.TensorProto.UINT4 and w.dims[0] > 90 for w in embeddings), "four bits"
    stored = onnx.load(int8.folder / "pairs.onnx").graph.initializer
    weights = [onnx.numpy_helper.to_array(w).astype(int) for w in stored if w.data_type == onnx.TensorProto.INT8]
    assert 0 < max(np.abs(weight).max() for weight in weights) <= 64, "seven bits of eight"


def test_exporting_says_nothing(int8: Exported, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level, root.manager.disable
    exporting.export(int8.model, int8.tokenizer, tmp_path, int8=True)
    assert (root.handlers, root.level, root.manager.disable) == before
    assert "WARNING" not in "".join(capfd.readouterr())


def test_eight_bits_resolve(int8: Exported) -> None:
    resolver = Resolver.from_pretrained(int8.folder, threads=1)
    together, alone = resolver([HOUSE, LETTER]), [resolver(HOUSE), resolver(LETTER)]
    assert together == alone
    assert all(document.clusters for document in together)


def test_two_documents(bert: Exported) -> None:
    resolver = Resolver.from_pretrained(bert.folder, threads=1)
    found = resolver([HOUSE, LETTER], scheme="chains", singletons=True)
    assert [document.spans for document in found] == [bert.torch_clusters(d, 1) for d in (HOUSE, LETTER)]
