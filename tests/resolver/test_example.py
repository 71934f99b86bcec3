"""The example beside a model shows that it still answers as it did."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pytest

from lehr.resolver import Resolver, store_example


@pytest.fixture
def resolver(tiny: Path, tmp_path: Path) -> Resolver:
    return Resolver.from_pretrained(copytree(tiny, tmp_path / "model"), threads=1)


def test_what_was_stored_is_found_again(resolver: Resolver) -> None:
    path = store_example(resolver, "Mary was the mother; “she” said: é 👩‍🚀 Her.")
    stored = json.loads(path.read_text("utf-8"))
    assert path.name == "example.json"
    assert stored["clusters"] == [
        [[mention.start, mention.end] for mention in cluster.mentions] for cluster in resolver(stored["text"]).clusters
    ]
    resolver.check()


def test_it_has_what_stands_alone_in_a_model_that_reports_it_only_if_asked(resolver: Resolver) -> None:
    path = resolver.directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "singleton_scheme": None}))
    other = Resolver.from_pretrained(resolver.directory, threads=1)
    store_example(other, "Mary said she was tired. Her mother asked why she was.")
    assert any(
        len(cluster) == 1 for cluster in json.loads((path.parent / "example.json").read_text("utf-8"))["clusters"]
    )
    other.check()


def test_another_answer_is_told(resolver: Resolver) -> None:
    path = resolver.directory / "example.json"
    stored = json.loads(path.read_text("utf-8"))
    lost = stored["clusters"].pop()
    stored["clusters"].append([[0, 4], [5, 9]])
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="does not answer") as caught:
        resolver.check()
    assert "lacks ['Mary', 'said']" in str(caught.value)
    assert stored["text"][slice(*lost[0])] in str(caught.value).partition("and has")[2]


@pytest.mark.parametrize(
    "content",
    [
        *("", "{}", "[]", "[" * 100_000, '{"text": 3, "clusters": 3}'),
        *('{"text": "", "clusters": [[[0, 0]]]}', '{"text": "Mary", "clusters": []}'),
        *('{"text": "Mary", "clusters": [[3]]}', '{"text": "Mary", "clusters": [[[0, 1e999]]]}'),
    ],
    ids=range(9),
)
def test_a_damaged_example_is_told(resolver: Resolver, content: str) -> None:
    (resolver.directory / "example.json").write_text(content)
    with pytest.raises(ValueError, match="holds no text with clusters"):
        resolver.check()


def test_a_model_without_an_example_is_told(resolver: Resolver) -> None:
    (resolver.directory / "example.json").unlink()
    with pytest.raises(ValueError, match=r"has no example\.json"):
        resolver.check()


def test_an_example_without_mentions_shows_nothing(resolver: Resolver) -> None:
    with pytest.raises(ValueError, match="finds nothing"):
        store_example(resolver, " ")
