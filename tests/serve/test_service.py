"""The API: what is asked, answered and refused."""

from __future__ import annotations

import json
import logging
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from lehr.decoding import probability
from lehr.document import Document
from lehr.formats import conll, conllu, jsonl
from lehr.resolver import Passage, Resolver
from lehr.serve import Limits, api, create, schema
from lehr.serve.answers import Answers
from lehr.serve.gate import HEADERS, Refused
from lehr.serve.reading import Question, Reader

TEXT = "Mary said she was tired. Tom gave her his coat."
SENTENCES = [["Mary", "said", "she", "was", "tired", "."], ["Tom", "gave", "her", "his", "coat", "."]]
STORY = " ".join([TEXT, "She thanked him.", "He smiled at Mary, and they went home."] * 4)


def spans(document: Document) -> list[list[tuple[int, int]]]:
    return [[(mention.start, mention.end) for mention in cluster.mentions] for cluster in document.clusters]


def told(record: dict[str, Any]) -> list[list[tuple[int, int]]]:
    return [[(mention["start"], mention["end"]) for mention in cluster["mentions"]] for cluster in record["clusters"]]


def lines(client: TestClient, **asked: Any) -> list[dict[str, Any]]:
    answer = client.post("/resolve/stream", json=asked)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_text(client: TestClient, resolver: Resolver) -> None:
    record = client.post("/resolve", json={"text": TEXT}).json()
    assert told(record) == spans(resolver(TEXT))
    assert [cluster["name"] for cluster in record["clusters"]][:2] == ["Mary", "Tom"]
    assert "words" not in record
    assert {"score", "antecedent", "link"} < record["clusters"][0]["mentions"][1].keys()


def test_sentences_and_words(client: TestClient, resolver: Resolver) -> None:
    record = client.post("/resolve", json={"words": SENTENCES}).json()
    assert told(record) == spans(resolver(SENTENCES))
    assert record["sentences"] == [[0, 5], [6, 11]]
    assert record["clusters"][0]["mentions"][1]["first_word"] == 2
    flat = client.post("/resolve", json={"words": [word for words in SENTENCES for word in words]}).json()
    assert flat["sentences"] == record["sentences"]


def test_conll(client: TestClient, resolver: Resolver) -> None:
    document = Document.from_sentences(SENTENCES, id="d", speakers=["Ann"] * 12)
    for format in ("conll", "auto"):
        source = "\ufeff" + conll.write([document])  # with a byte order mark, as from a file
        record = client.post("/resolve", json={"text": source, "input_format": format}).json()
        assert (record["id"], record["speakers"]) == ("d", ["Ann"] * 12)
        assert told(record) == spans(resolver(document))
    answer = client.post("/resolve", json={"text": conll.write([document, document]), "input_format": "conll"})
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "the text holds 2 documents ('d', 'd'): send one at a time",
    )


@pytest.mark.parametrize("options", [{}, {"singletons": False}, {"link_threshold": 0.9}, {"scheme": "chains"}])
def test_options_are_those_of_the_resolver(client: TestClient, resolver: Resolver, options: dict[str, Any]) -> None:
    record = client.post("/resolve", json={"text": STORY, **options}).json()
    assert told(record) == spans(resolver(STORY, **options))


@pytest.mark.parametrize("horizon", [None, 30])
def test_the_entity_of_a_mention(client: TestClient, resolver: Resolver, horizon: int | None) -> None:
    record = client.post("/resolve", json={"text": STORY, "mention": ["Tom"], "horizon": horizon}).json()
    (cluster,) = told(record)
    assert (STORY.index("Tom"), STORY.index("Tom") + 3) in cluster
    assert [cluster] == spans(resolver(STORY, mention="Tom", horizon=horizon))


def test_a_stream_says_the_same(client: TestClient, resolver: Resolver) -> None:
    first, *passages, last = lines(client, text=STORY, horizon=30)
    assert first == {"document": {"words": len(resolver.encode(STORY).document.words), "characters": len(STORY)}}
    assert len(passages) > 2
    clusters: dict[int, list[tuple[int, int]]] = {}
    end = 0
    for line in passages:
        passage = line["passage"]
        assert passage["start"] == end
        end = passage["end"]
        for mention in passage["mentions"]:
            assert STORY[mention["start"] : mention["end"]] == mention["text"]
            clusters.setdefault(mention["entity"], []).append((mention["start"], mention["end"]))
    expected = spans(resolver(STORY, horizon=30))
    assert sorted(sorted(cluster) for cluster in clusters.values()) == sorted(expected)
    assert last["done"]["entities"] == len(expected)
    assert passages[0]["passage"]["names"]["0"] == "Mary"


def test_a_stream_of_the_entity_of_a_mention(client: TestClient, resolver: Resolver) -> None:
    _, *passages, last = lines(client, text=STORY, horizon=30, mention=["Tom", "Mary"])
    told = [line["passage"] for line in passages]
    found: dict[int, list[tuple[int, int]]] = {}
    for mention in (mention for passage in told for mention in passage["mentions"]):
        found.setdefault(mention["entity"], []).append((mention["start"], mention["end"]))
    expected = [spans(resolver(STORY, mention=name, horizon=30))[0] for name in ("Mary", "Tom")]
    assert sorted(found.values()) == expected
    assert last["done"]["entities"] == 2


def test_a_stream_of_words_tells_the_text(client: TestClient) -> None:
    first, *_, last = lines(client, words=SENTENCES)
    assert first["document"]["text"] == "Mary said she was tired. Tom gave her his coat."
    assert len(last["done"]["document"]["words"]) == 12


def test_a_row(client: TestClient, resolver: Resolver) -> None:
    answer = client.post("/mentions", json={"text": TEXT, "mention": [10, 13]}).json()
    matrix = resolver.encode(TEXT).matrix
    (she, mary, her) = matrix.positions([(2, 2), (0, 0), (8, 8)])
    row = {(cell["start"], cell["end"]): cell for cell in answer["row"]}
    for span, place in {(0, 4): mary, (34, 37): her}.items():
        assert row[span]["probability"] == pytest.approx(probability(matrix.pair_logits[she, place]), abs=1e-4)
        assert row[span]["coreferent"]
    assert not row[25, 28]["coreferent"]  # Tom
    assert answer["mention"]["text"] == "she"
    assert [cell["start"] for cell in answer["row"]] == sorted(cell["start"] for cell in answer["row"])
    in_words = client.post("/mentions", json={"words": SENTENCES, "mention": [2, 2]}).json()
    assert in_words["mention"]["start"] == 10


def test_a_row_does_not_reach_over_a_long_text(client: TestClient) -> None:
    answer = client.post("/mentions", json={"text": "she " * 4001, "mention": [0, 3]})
    assert answer.status_code == 413
    assert "4,001 words" in answer.json()["detail"]


@pytest.mark.parametrize("format", ["conll", "conllu", "html", "jsonl"])
def test_what_was_resolved_in_another_format(client: TestClient, resolver: Resolver, format: str) -> None:
    record = client.post("/resolve", json={"words": SENTENCES}).json()
    answer = client.post("/convert", json={"document": record, "format": format})
    assert f'filename="resolved.{format}"' in answer.headers["content-disposition"]
    if format == "html":
        assert "<title>words</title>" in answer.text
        return
    (document,) = {"conll": conll, "conllu": conllu, "jsonl": jsonl}[format].read(answer.text, name="a")
    assert document.spans == resolver(SENTENCES).spans


@pytest.mark.parametrize(
    ("path", "asked", "status", "detail"),
    [
        ("/resolve", {}, 422, "text: Field required"),
        ("/resolve", {"text": "a", "words": ["a"]}, 422, "words: Extra inputs are not permitted"),
        ("/resolve", {"text": "a", "scheme": "x"}, 422, "not learned an annotation scheme 'x'"),
        ("/resolve", {"text": "a", "link_threshold": 2}, 422, "less than or equal to 1"),
        ("/resolve", {"text": "a", "link_threshold": True}, 422, "valid number"),
        ("/resolve", {"text": "a", "mention": ["b"]}, 422, "no words 'b'"),
        ("/resolve", {"text": "a", "mention": []}, 422, "mention: List should have at least 1 item"),
        ("/resolve", {"words": [""]}, 422, "at least 1 character"),
        ("/resolve", {"words": [["Mary", ""]]}, 422, "words.0.1: String should have at least 1 character"),
        ("/resolve", {"text": "row", "input_format": "conll"}, 422, "expected '#begin document' before it"),
        ("/resolve/stream", {"text": "a", "mention": [[7, 9]]}, 422, "are not all there"),
        ("/mentions", {"text": "a"}, 422, "mention: Field required"),
        ("/convert", {"document": {"text": 1}, "format": "conll"}, 422, "a string as 'text'"),
        ("/convert", {"document": {"text": ""}, "format": "pdf"}, 422, "format: Input should be"),
        ("/nothing", {}, 404, "Not Found"),
    ],
)
def test_what_cannot_be_done_is_said(client: TestClient, path: str, asked: Any, status: int, detail: str) -> None:
    answer = client.post(path, json=asked)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        ({"text": TEXT, "scheme": "x"}, "scheme 'x'"),
        ({"text": TEXT, "mention": ["Nobody at all"]}, "no words"),
        (
            {"text": "#begin document (a); part 000\na\t0\t0\t\ud800\t-\n\n#end document\n", "input_format": "conll"},
            "pair",
        ),
    ],
)
def test_a_stream_is_refused_before_it_begins(client: TestClient, asked: dict[str, Any], detail: str) -> None:
    body = json.dumps(asked)
    answer = client.post("/resolve/stream", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, detail in answer.json()["detail"]) == (422, True)


def test_an_error_amid_a_stream(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def passages(self: Answers, question: Question) -> Iterator[Passage]:
        yield Passage(0, 4, "Mary", 1, ())
        raise ValueError("too much is given")

    monkeypatch.setattr(Answers, "passages", passages)
    assert [*lines(client, text=TEXT)[1]] == ["passage"]
    assert lines(client, text=TEXT)[-1] == {"error": "too much is given"}


def test_characters_of_json_are_characters(client: TestClient) -> None:
    asked = {"text": json.dumps({"id": "a", "text": TEXT}), "input_format": "jsonl", "mention": [[0, len("Mary")]]}
    answer = client.post("/resolve", json=asked).json()
    assert answer["clusters"][0]["mentions"][0]["text"] == TEXT[: len("Mary")]
    assert "words" not in answer
    assert lines(client, **asked)[0]["document"]["text"] == TEXT
    words = {"text": json.dumps({"tokens": TEXT.split()}), "input_format": "jsonl", "mention": [[0, 0]]}
    assert client.post("/resolve", json=words).json()["words"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"\xff", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}, 400),
        ({"content": b'{"text": "a"}', "headers": {"content-type": "text/plain"}}, 415),
        ({"content": b'{"text": "a"}'}, 415),
        ({"content": iter([b'{"text": "a"}']), "headers": {"content-type": "application/json"}}, 411),
        ({"json": {"text": "a" * 8_000_000}}, 413),
        ({"json": {"text": "\ud800"}}, 422),
    ],
)
def test_what_is_not_sent_as_it_has_to_be(client: TestClient, sent: dict[str, Any], status: int) -> None:
    if "json" in sent:
        sent = {"content": json.dumps(sent["json"]), "headers": {"content-type": "application/json"}}
    answer = client.post("/resolve", **sent)
    assert answer.status_code == status
    assert len(answer.json()["detail"]) < 200


def test_too_many_words(resolver: Resolver) -> None:
    rows = conll.write([Document.from_sentences(SENTENCES)])
    record = {"text": "she", "clusters": [[[0, 3]]] * 3}
    with TestClient(create(resolver, Limits(words=10))) as client:
        for path, asked in (
            ("/resolve", {"text": STORY}),
            ("/resolve", {"words": SENTENCES}),
            ("/resolve", {"text": rows, "input_format": "conll"}),
            ("/resolve", {"text": "#begin document (d);\nd 0 0 It (1)|(1)|(1)\n", "input_format": "conll"}),
            ("/resolve", {"text": json.dumps({"text": STORY}), "input_format": "jsonl"}),
            ("/resolve", {"text": json.dumps([{"tokens": ["a"] * 11}]), "input_format": "jsonl"}),
            ("/convert", {"document": {"text": STORY}, "format": "html"}),
            ("/convert", {"document": {"sentences": SENTENCES}, "format": "html"}),
            ("/convert", {"document": record, "format": "html"}),
        ):
            answer = client.post(path, json=asked)
            assert (answer.status_code, "more than 10 words" in answer.json()["detail"]) == (413, True)


def test_too_many_words_of_all_requests() -> None:
    reader = Reader(Limits(words=10), "en")
    questions = [Question("one two three four five six", {}) for _ in range(4)]
    with reader.asked(questions[0]), reader.asked(questions[1]), reader.asked(questions[2]):
        for question in questions[:3]:
            assert list(reader.read(question))[-1]
        with pytest.raises(Refused, match="more than 20 words are being worked on"), reader.asked(questions[3]):
            list(reader.read(questions[3]))
    with reader.asked(questions[3]):
        assert list(reader.read(questions[3]))[-1]


def test_millions_of_errors_are_one(client: TestClient) -> None:
    answer = client.post("/resolve", json={"words": [0] * 1000})
    assert (answer.status_code, answer.json()["detail"].count("valid")) == (422, 1)
    with pytest.raises(ValidationError) as caught:
        schema.ResolveWords.model_validate({"words": [[0] * 1000] * 1000})
    assert caught.value.error_count() < 5


def test_what_was_asked_is_kept_in_so_many_bytes(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a threshold that is slid encodes nothing anew."""
    answers = Answers(resolver)
    documents = [Document.from_sentences([*SENTENCES, [str(number)]]) for number in range(4)]
    first = answers.encode(documents[0])
    assert first.nbytes > first.matrix.pair_logits.nbytes + len(first.document.text)
    monkeypatch.setattr("lehr.serve.answers.KEPT", int(2.5 * first.nbytes))
    assert answers.encode(documents[0]) is first
    answers.encode(documents[1])
    assert answers.encode(documents[0]) is first
    answers.encode(documents[2])
    assert answers.encode(documents[0]) is first
    answers.encode(documents[3])
    answers.encode(documents[2])
    assert answers.encode(documents[0]) is not first


def test_too_much_to_be_done_in_time(resolver: Resolver) -> None:
    with TestClient(create(resolver, Limits(seconds=1e-9))) as client:
        for path in ("/resolve", "/resolve/stream", "/mentions", "/convert"):
            mention = {"mention": [0, 4]} if path == "/mentions" else {}
            asked = {"document": {"text": ""}, "format": "conll"} if path == "/convert" else {"text": TEXT, **mention}
            answer = client.post(path, json=asked)
            assert (answer.status_code, "more than 1e-09 seconds" in answer.json()["detail"]) == (408, True)


def test_a_long_text_takes_no_more_than_its_passages_in_memory(client: TestClient) -> None:
    """A text of more than 4,000 words is decided by 1,000."""
    first, *passages, _ = lines(client, text="Mary left . " * 1400)
    assert first["document"]["words"] == 4200
    assert [line["passage"]["words"] for line in passages] == [1000, 1000, 1000, 1000, 200]


@pytest.mark.parametrize("path", ["/", "/page.js", "/mentions.css", "/health", "/openapi.json", "/nothing"])
def test_every_answer_bears_what_a_page_needs(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    for name, value in HEADERS:
        assert headers[name.decode()] == value.decode()
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_page_has_nothing_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/page.js", "/text.js", "/entities.js", "/light.js", "/service.js", "/page.css", "/mentions.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "<style" not in answer.text
        tag = answer.headers["etag"]
        assert client.get(path, headers={"if-none-match": tag}).status_code == 304


def test_on_loopback_it_answers_to_no_other_name(resolver: Resolver) -> None:
    app = create(resolver, hosts=frozenset(("localhost", "[::1]")))
    for host, status in {"localhost:8000": 200, "[::1]:8000": 200, "[::1]": 200, "evil.example": 400}.items():
        answer = TestClient(app).get("/health", headers={"host": host})
        assert answer.status_code == status


def test_metrics_count(resolver: Resolver) -> None:
    with TestClient(create(resolver)) as client:
        client.post("/resolve", json={"text": TEXT})
        client.post("/resolve", json={})
        client.get("/some/where")
        text = client.get("/metrics").text
    assert 'lehr_requests_total{path="/resolve",status="200"} 1.0' in text
    assert 'lehr_requests_total{path="/resolve",status="422"} 1.0' in text
    assert 'lehr_requests_total{path="other",status="404"} 1.0' in text
    assert "lehr_words_total 12.0" in text
    assert "Mary" not in text


def test_a_fault_is_logged_without_the_text(resolver: Resolver, caplog: pytest.LogCaptureFixture) -> None:
    app = create(resolver)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("about SECRET")

    with TestClient(app) as client, pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.DEBUG):
        patch.setattr("lehr.serve.answers.Answers.passages", fail)
        answer = client.post("/resolve", json={"text": "SECRET"})
        assert answer.status_code == 500
        assert "SECRET" not in answer.text
    assert "RuntimeError at" in caplog.text
    assert "SECRET" not in caplog.text


def test_every_example_of_the_description_is_answered(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    tried = 0
    for path, operations in description["paths"].items():
        if "post" not in operations:
            continue
        schema = operations["post"]["requestBody"]["content"]["application/json"]["schema"]
        for choice in schema.get("anyOf", [schema]):
            name = choice["$ref"].rsplit("/", 1)[1]
            for example in description["components"]["schemas"][name]["examples"]:
                assert client.post(path, json=example).status_code == 200
                tried += 1
    assert tried == 7


def test_answers_do_not_depend_on_what_was_asked_before(client: TestClient) -> None:
    answers = [client.post("/resolve", json={"text": TEXT}).text]
    client.post("/resolve", json={"text": STORY})
    client.post("/mentions", json={"text": TEXT, "mention": "his coat"})
    answers.append(client.post("/resolve", json={"text": TEXT}).text)
    assert answers[0] == answers[1]


def test_limits_are_positive() -> None:
    with pytest.raises(ValueError, match="requests is 0: a limit is more than 0"):
        Limits(requests=0)
    with pytest.raises(ValueError, match="seconds is nan"):
        Limits(seconds=math.nan)


def test_no_torch() -> None:
    code = "import sys, lehr.serve; print(sorted({'torch', 'transformers', 'onnx'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_probabilities_of_a_row_are_its_own(client: TestClient) -> None:
    cells = client.post("/mentions", json={"text": STORY, "mention": "Tom"}).json()["row"]
    values = np.array([cell["probability"] for cell in cells])
    assert ((values >= 0.01) & (values <= 1)).all()


def test_several_documents_are_refused_before_they_are_made(client: TestClient) -> None:
    lines = "\n".join([json.dumps({"text": "She slept."})] * 3)
    answer = client.post("/resolve", json={"text": lines, "input_format": "jsonl"})
    assert (answer.status_code, answer.json()["detail"]) == (422, "the text holds 3 documents: send one at a time")


@pytest.mark.parametrize(("threads", "cpus", "expected"), [(1, 4, 4), (None, 8, 2), (16, 8, 2), (2, 8, 4), (1, 64, 8)])
def test_there_are_as_many_workers_as_cores_for_them(
    monkeypatch: pytest.MonkeyPatch, threads: int | None, cpus: int, expected: int
) -> None:
    monkeypatch.setattr(api, "usable_cpus", lambda: cpus)
    assert api._workers(threads) == expected
