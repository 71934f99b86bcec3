"""`lehr eval` as it is typed, on a model that links all words of a kind."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_documents import GAP_HEADER

import lehr.cli.eval as command
from lehr.document import Document
from lehr.resolver import shipped_model

Run = Callable[..., str]

GAP = GAP_HEADER + "g-1\tshe met Eve and she smiled.\tshe\t16\tshe\t0\tTRUE\tEve\t8\tFALSE\thttp://a\n"


@pytest.fixture
def run(lehr: Run) -> Run:
    return partial(lehr, "eval")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put the model in the place of every other; what it was loaded with, and the words that it saw."""
    record: dict[str, Any] = {"words": []}

    def load(model: str, **options: Any) -> tuple[Callable[[Document], Document], str]:
        record.update(options, model=model)

        def resolve(document: Document) -> Document:
            record["words"].append(document.tokens)
            she = [(n, n) for n, word in enumerate(document.tokens) if word == "she" and model != "none"]
            return document.with_clusters([she] if she else [])

        return resolve, "en"

    monkeypatch.setattr(command, "load", load)
    return record


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two documents of a sentence each, in which one "she" of six is not of the cluster."""
    folder = tmp_path / "data"
    folder.mkdir()
    for id, brackets in {"a": "she (1) she (1) she - she (1) isn't (2)", "b": "she (1) she (1)"}.items():
        cells = brackets.split()
        rows = [f"{id}\t{word}\t{column}" for word, column in zip(cells[::2], cells[1::2], strict=True)]
        lines = [f"#begin document ({id}); part 000", *rows, "", "#end document"]
        (folder / f"{id}_brat.conll").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_tables(run: Run, asked: dict[str, Any], data: Path) -> None:
    printed = run("some-model", data)
    lines = [re.split(r"\s{2,}", line.strip()) for line in printed.splitlines()]
    assert ["2 documents, singletons kept"] in lines
    assert ["in one sentence", "4", "4", "100.00", "57.14", "72.73"] in lines
    assert ["over 1,000", "0", "0", "–", "–", "–"] in lines
    assert ["all", "4", "4", "100.00", "57.14", "72.73"] in lines
    assert re.search(r"^[\d,]+ words per second: 7 in \d+\.\d\d s, on gold words$", printed, re.MULTILINE)
    assert asked | {"words": 0} == {
        "model": "some-model",
        "singletons": True,
        "gold_mentions": False,
        "scheme": None,
        "threads": None,
        "words": 0,
    }


def test_json(run: Run, asked: dict[str, Any], data: Path) -> None:
    result = json.loads(run("m", data, "--no-singletons", "--scheme", "s", "--threads", 2, "--json"))
    assert (asked["singletons"], asked["scheme"], asked["threads"]) == (False, "s", 2)
    assert (result["model"], result["scheme"], result["raw"], result["gap"]) == ("m", "s", False, None)
    assert result["coreference"]["scores"]["singletons"] is False
    assert result["coreference"]["scores"]["mentions"]["recall"] == 1
    assert result["coreference"]["links"]["same_sentence"]["precision"] == pytest.approx(4 / 7)
    assert (result["coreference"]["documents"], result["coreference"]["words"]) == (2, 7)


def test_against_another_model(run: Run, asked: dict[str, Any], data: Path) -> None:
    for n in range(4):
        (data / f"more-{n}.conll").write_text((data / "b_brat.conll").read_text("utf-8"), encoding="utf-8")
    printed = run("m", data, "--against", "none")
    lines = [re.split(r"\s{2,}", line.strip()) for line in printed.splitlines()]
    assert len(asked["words"]) == 12
    assert ["F1", "MODEL", "OTHER", "difference", "95 % interval"] in lines
    (row,) = (line for line in lines if line[0] == "links in one sentence")
    assert row[1:4] == ["84.21", "0.00", "+84.21"]
    assert re.search(r"15 in \d+\.\d\d s, on gold words: m\n.* on gold words: none\n", printed)
    result = json.loads(run("none", data, "--against", "m", "--raw", "--json"))
    assert (result["model"], result["against"]["model"]) == ("none", "m")
    assert result["coreference"]["scores"]["muc"]["f1"] == 0
    assert result["against"]["coreference"]["scores"]["muc"]["f1"] > 0.8
    assert result["against"]["differences"]["muc"]["difference"] < -0.8
    assert result["versions"]["python"]


def test_against_needs_documents_to_draw_among(run: Run, asked: dict[str, Any], data: Path, tmp_path: Path) -> None:
    (tmp_path / "gap.tsv").write_text(GAP, encoding="utf-8")
    for of in ([data], [data, tmp_path / "gap.tsv"]):
        assert "give 6 or more, and no GAP" in run("m", *of, "--against", "other", status=1)
    assert asked["words"] == []


def test_raw_text(run: Run, asked: dict[str, Any], data: Path) -> None:
    result = json.loads(run("m", data, "--raw", "--json"))
    assert asked["words"][0] == ["she", "she", "she", "she", "is", "n't"]
    assert result["raw"] is True
    assert result["coreference"]["links"]["all"]["found"] == 4
    assert "on raw text" in run("m", data, "--raw")


def test_gold_mentions(run: Run, asked: dict[str, Any], data: Path, tmp_path: Path) -> None:
    result = json.loads(run("m", data, "--gold-mentions", "--json"))
    assert (asked["gold_mentions"], result["gold_mentions"]) == (True, True)
    assert " s, on gold mentions" in run("m", data, "--gold-mentions")
    (tmp_path / "gap.tsv").write_text(GAP, encoding="utf-8")
    assert "leave out --gold-mentions" in run("m", tmp_path / "gap.tsv", "--gold-mentions", status=1)
    assert "give one of them" in run("m", data, "--gold-mentions", "--raw", status=1)


def test_gold_mentions_are_all_that_the_model_in_the_package_links(run: Run, data: Path) -> None:
    scores = json.loads(run(shipped_model(), data, "--gold-mentions", "--json"))["coreference"]["scores"]
    assert scores["mentions"]["f1"] == 1
    assert scores["muc"]["recall"] > 0


def test_ids(run: Run, asked: dict[str, Any], data: Path, tmp_path: Path) -> None:
    ids = tmp_path / "test.ids"
    ids.write_text("b_brat.tsv\n", encoding="utf-8")
    assert "1 document, singletons kept" in run("m", data, "--ids", ids)
    ids.write_text("c_brat.tsv\n", encoding="utf-8")
    assert run("m", data, "--ids", ids, status=1) == (f"lehr: not in the data, of what {ids} names: c_brat.tsv\n")


def test_gap(run: Run, asked: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "gap.tsv"
    file.write_text(GAP, encoding="utf-8")
    printed = run("m", file)
    lines = [re.split(r"\s{2,}", line.strip()) for line in printed.splitlines()]
    assert ["feminine", "100.00"] in lines
    assert ["masculine", "0.00"] in lines
    assert ["bias", "–"] in lines
    assert ["overall", "100.00"] in lines
    assert "links by distance" not in printed
    result = json.loads(run("m", file, "--json"))
    assert (result["coreference"], result["gap"]["f1"], result["gap"]["bias"]) == (None, 1, None)


def test_a_folder_without_a_model(run: Run, data: Path, tmp_path: Path) -> None:
    assert run(tmp_path, data, status=1) == (
        f"lehr: {tmp_path} holds no model: neither encoder.onnx nor model.safetensors\n"
    )


def test_a_checkpoint_without_torch(run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").touch()
    monkeypatch.setattr("lehr.extras.find_spec", lambda package: None)
    assert "torch" in (message := run(tmp_path, data, status=1))
    assert message.endswith("pip install 'lehr[train]'\n")


def test_clusters_need_scipy_before_any_is_resolved_and_gap_needs_none(
    run: Run, asked: dict[str, Any], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lehr.extras.find_spec", lambda package: None)
    assert run("m", data, status=1).endswith("scipy, which is not installed: pip install 'lehr[score]'\n")
    assert asked["words"] == []
    (tmp_path / "gap.tsv").write_text(GAP, encoding="utf-8")
    assert "feminine" in run("m", tmp_path / "gap.tsv")


@pytest.mark.parametrize("name", ["folder", "someone/model"])
def test_an_exported_model(run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A folder with an encoder, and a name that is no folder, are for the runtime to load."""
    asked: list[tuple[str, int | None, bool, str | None]] = []

    class Resolver:
        @classmethod
        def from_pretrained(cls, path: str, threads: int | None = None) -> Callable[..., Document]:
            def resolve(document: Document, *, mentions: None, singletons: bool, scheme: str | None) -> Document:
                asked.append((path, threads, singletons, scheme))
                return document

            resolve.config = SimpleNamespace(language="en", schemes=["s"])
            return resolve

    monkeypatch.setitem(sys.modules, "lehr.resolver", SimpleNamespace(Resolver=Resolver))
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for file in ("encoder.onnx", "model.safetensors"):
        (tmp_path / "folder" / file).touch()
    run(name, data, "--no-singletons", "--scheme", "s", "--threads", 3)
    assert asked == [(name, 3, False, "s")] * 2
    assert run(name, data, "--scheme", "t", status=1) == f"lehr: {name} has no scheme 't', only s\n"


def test_a_checkpoint(run: Run, data: Path, tmp_path: Path) -> None:
    """A tiny model with random weights, all the way through torch."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    from lehr.coref.configuration import LehrConfig
    from lehr.coref.network import LehrModel

    torch.manual_seed(0)
    encoder = transformers.BertConfig(
        vocab_size=3, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    LehrModel(LehrConfig(encoder, window=64, overlap=8, mention_size=4, pair_size=12)).save_pretrained(tmp_path)
    tokenizer = Tokenizer(models.WordLevel({"?": 0, "she": 1, "isn": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="?", pad_token="?")
    fast.save_pretrained(tmp_path)
    result = json.loads(run(tmp_path, data, "--threads", torch.get_num_threads(), "--json"))
    assert result["coreference"]["documents"] == 2
    assert "no scheme 'x', only default" in run(tmp_path, data, "--scheme", "x", status=1)
    assert run(tmp_path, data, "--gold-mentions", status=1).endswith(
        "finds its mentions itself: lehr export it first\n"
    )


def test_gold_without_clusters(run: Run, asked: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "plain.jsonl"
    file.write_text('{"text": "She smiled."}\n', encoding="utf-8")
    assert "1 document without any gold clusters" in run("m", file, status=1)
