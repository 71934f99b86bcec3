"""A model that is not whole says so, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile, copytree
from typing import Any

import pytest

import lehr
from lehr.resolver import Resolver, shipped_model
from lehr.resolver.location import FILES


@pytest.fixture
def model(tiny: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return copytree(tiny, tmp_path / "model")


def load(model: object) -> Resolver:
    return Resolver.from_pretrained(model, threads=1)  # type: ignore[arg-type]


def refused(model: object, *said: str, error: type[Exception] = ValueError) -> None:
    with pytest.raises(error) as caught:
        load(model)
    message = str(caught.value)
    assert "\n" not in message
    for words in said:
        assert words in message


def set_config(model: Path, **values: Any) -> None:
    config = json.loads((model / "config.json").read_text())
    config = {key: value for key, value in {**config, **values}.items() if value != "absent"}
    (model / "config.json").write_text(json.dumps(config))


def test_a_whole_model_is_loaded_from_a_path_or_its_name(model: Path) -> None:
    assert load(model).directory == load(str(model)).directory == model
    assert load(model).config.schemes == ["entities", "chains"]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(model: Path, name: str) -> None:
    (model / name).unlink()
    refused(model, str(model), f"lacks {name}", error=OSError)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", [0, 0.5, 0.95])
def test_a_truncated_file_is_named(model: Path, name: str, part: float) -> None:
    whole = (model / name).read_bytes()
    (model / name).write_bytes(whole[: int(part * len(whole))])
    refused(model, name, "export the model again or fetch it anew")


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_model_is_named(model: Path, name: str) -> None:
    (model / name).write_bytes(b"<html>\x00 not found")
    refused(model, name, "fetch it anew")


@pytest.mark.parametrize("name", [b"mentions\xff", b"\x80" * 8])
def test_a_graph_with_broken_names_is_told_and_nothing_is_printed(
    model: Path, name: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = (model / "mentions.onnx").read_bytes()
    place = whole.rindex(b"logits")
    (model / "mentions.onnx").write_bytes(whole[:place] + name[:6] + whole[place + 6 :])
    refused(model, "mentions.onnx")
    assert capfd.readouterr().out == ""


def test_the_graph_of_something_else_is_told(model: Path) -> None:
    copyfile(model / "pairs.onnx", model / "mentions.onnx")
    refused(model, "mentions.onnx is another graph than lehr's", "spans", "instead of logits", "export the model again")


def test_graphs_of_different_models_are_told(model: Path) -> None:
    set_config(model, schemes=["one"], singleton_scheme=None, mention_scale=[], mention_shift=[])
    refused(model, "mentions.onnx gives logits of shape (2, 2, 6)", "expect (1, 2, 6)")
    set_config(model, schemes=["one", "two"], max_width=7)
    refused(model, "mentions.onnx", "(2, 2, 7)")


def test_a_tokenizer_of_another_encoder_is_told(model: Path) -> None:
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary.update({f"word{number}": len(vocabulary) + number for number in range(40)})
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    refused(model, "encoder.onnx cannot be run", "does not belong to the other files")


def test_a_tokenizer_without_vocabulary_is_told(model: Path) -> None:
    (model / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}}')
    refused(model, "tokenizer.json")


def test_a_newer_format_asks_for_a_newer_lehr(model: Path) -> None:
    set_config(model, format=2)
    refused(model, "config.json has format 2", "upgrade lehr")


@pytest.mark.parametrize("key", ["window", "schemes", "mention_threshold", "pad_token_id"])
def test_a_missing_key_is_named(model: Path, key: str) -> None:
    set_config(model, **{key: "absent"})
    refused(model, f"config.json lacks {key}", "export the model again")


@pytest.mark.parametrize("content", ["[]", "{}", '{"model_type": "bert"}', '{"format": "1"}', '{"format": 0}', "null"])
def test_the_configuration_of_something_else_is_told(model: Path, content: str) -> None:
    (model / "config.json").write_text(content)
    refused(model, "config.json does not configure a model for lehr")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scorer", "best"),
        ("schemes", []),
        ("schemes", "entities"),
        ("schemes", [3]),
        ("schemes", ["entities", "entities"]),
        ("window", 0),
        ("window", "384"),
        ("overlap", -1),
        ("max_width", 6.5),
        ("max_width", True),
        ("mention_threshold", 1.5),
        ("link_threshold", float("nan")),
        ("candidate_ratio", None),
        ("singleton_scheme", "chain"),
        ("pad_token_id", None),
        ("pad_token_id", 10**30),
        ("window", 10**30),
        ("candidate_ratio", float("inf")),
        ("candidate_ratio", -1),
        ("link_scale", -1.0),
        ("link_shift", float("inf")),
        ("kind_shift", 1.0),
        ("kind_shift", [0.0] * 11),
        ("kind_shift", [[0.0] * 10] * 10),
        ("kind_shift", [[0.0] * 11] * 10 + [[0.0] * 10]),
        ("kind_shift", [[0.0] * 11] * 10 + [[0.0] * 10 + [float("nan")]]),
        ("kind_shift", [[0.0, *range(1, 11)], *[[0.0] * 11] * 10]),
        ("mention_scale", 1.0),
        ("mention_scale", [1.0]),
        ("mention_scale", [1.0, -1.0]),
        ("mention_shift", [0.0, "0"]),
        ("mention_shift", [0.0, float("nan")]),
        ("mention_shift", None),
    ],
)
def test_a_value_that_cannot_be_is_named(model: Path, key: str, value: object) -> None:
    set_config(model, **{key: value})
    refused(model, f"config.json has {key}", "which cannot be")


def test_a_configuration_nested_without_end_is_told(model: Path) -> None:
    (model / "config.json").write_text("[" * 100_000)
    refused(model, "config.json is not JSON")


def test_windows_without_room_are_told(model: Path) -> None:
    set_config(model, window=20)
    refused(model, "tokenizer.json and config.json", "windows of 20 pieces")


def test_windows_longer_than_the_encoder_takes_are_told(model: Path) -> None:
    set_config(model, window=300)
    with pytest.raises(ValueError, match=r"encoder\.onnx cannot be run on input_ids \(1, 300\)"):
        load(model)("a " * 400)


def test_a_model_from_before_mentions_were_calibrated_answers_as_it_did(model: Path) -> None:
    expected = load(model)("Mary said she was tired.")
    set_config(model, mention_scale="absent", mention_shift="absent")
    assert load(model)("Mary said she was tired.") == expected
    assert expected.clusters


def test_a_model_from_before_languages_were_named_reads_english(model: Path) -> None:
    text = "Mary didn't go."
    for language, words in {"absent": 5, "en": 5, "de": 4}.items():
        set_config(model, language=language)
        resolver = load(model)
        assert resolver.config.language == ("en" if language == "absent" else language)
        assert len(resolver(text).words) == words
        assert sum(passage.words for passage in resolver.stream([text[:9], text[9:]])) == words


def test_what_else_hangs_on_the_schemes_is_not_judged_without_them(model: Path) -> None:
    set_config(model, schemes=3, singleton_scheme="chains")
    refused(model, "config.json has schemes 3, which cannot be")


def test_optional_values_are_taken(model: Path) -> None:
    set_config(model, candidate_floor=100.0, singleton_scheme="chains", extra=1)
    resolver = load(model)
    assert resolver.config.candidate_floor == 100
    assert resolver("Mary said she was tired.").clusters == ()


@pytest.mark.parametrize("threads", [0, -1, 100_000, 10**20])
def test_no_threads_are_too_few_and_some_too_many(model: Path, threads: int) -> None:
    with pytest.raises(ValueError, match="threads cannot compute"):
        Resolver.from_pretrained(model, threads=threads)


@pytest.mark.parametrize("threads", ["two", 1.5])
def test_threads_are_a_whole_number(model: Path, threads: Any) -> None:
    with pytest.raises(TypeError, match=f"threads is {threads!r}; it must be a whole number"):
        Resolver.from_pretrained(model, threads=threads)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "there is no folder", "nowhere", error=OSError)
    refused("nowhere", "there is no folder nowhere", "owner/name", error=OSError)
    refused(tmp_path, "holds no model for lehr: it lacks config.json, tokenizer.json", error=OSError)
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "is a file", error=OSError)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], list[Any]]:
    """Make the hub give a folder or raise an error; the calls that were made of it."""

    def gives(result: object) -> list[Any]:
        calls: list[Any] = []

        def snapshot_download(repo_id: str, **options: Any) -> str:
            calls.append((repo_id, options))
            if isinstance(result, Exception):
                raise result
            return str(result)

        monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
        return calls

    return gives


def test_a_hub_id_fetches_what_is_needed_and_no_more(model: Path, hub: Callable[[object], list[Any]]) -> None:
    calls = hub(model)
    assert load("someone/coref").directory == model
    ((repo_id, options),) = calls
    assert repo_id == "someone/coref"
    assert sorted(options.pop("allow_patterns")) == sorted([*FILES, "example.json"])
    assert not options


@pytest.mark.parametrize("error", [OSError("no\nconnection"), ValueError("no such repository"), RuntimeError("odd")])
def test_what_the_hub_cannot_give_is_told(hub: Callable[[object], list[Any]], error: Exception) -> None:
    hub(error)
    refused("someone/coref", "no folder someone/coref", str(error).partition("\n")[0], error=OSError)


def test_a_hub_repository_of_something_else_is_told(tmp_path: Path, hub: Callable[[object], list[Any]]) -> None:
    hub(tmp_path)
    refused("someone/bert", "holds no model for lehr", error=OSError)


def test_without_its_own_model_lehr_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lehr.resolver.location.shipped_model", lambda: tmp_path / "edge_en")
    refused(None, "lehr's own model is not in", "edge_en", error=OSError)


def test_the_package_gives_what_it_is_for() -> None:
    assert lehr.Resolver is Resolver
    assert {"Resolver", "Document", "Mention", "Cluster"} <= {*lehr.__all__} <= {*dir(lehr)}
    assert lehr.Document.__module__ == "lehr.document"
    with pytest.raises(AttributeError, match="no attribute 'Solver'"):
        lehr.Solver  # noqa: B018
    assert shipped_model().parts[-3:] == ("lehr", "models", "edge_en")
