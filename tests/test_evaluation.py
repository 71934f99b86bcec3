"""Links by distance against counts by hand and by enumeration, alignment, raw text, and the choice of documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_documents import GAP_HEADER

from lehr.document import Document, Span
from lehr.evaluation import (
    DISTANCES,
    LIMITS,
    align,
    evaluate,
    evaluate_gap,
    from_text,
    link_scores,
    read_data,
)
from lehr.formats import FormatError
from lehr.formats.gap import read_examples
from lehr.scoring import Score, score_document

Clusters = Sequence[Sequence[Span]]

GAP = GAP_HEADER + (
    "g-1\tAda met Eve and she smiled.\tshe\t16\tAda\t0\tTRUE\tEve\t8\tFALSE\thttp://a\n"
    "g-2\tTom met Bob and he smiled.\the\t16\tTom\t0\tTRUE\tBob\t8\tFALSE\thttp://b\n"
)


def of_length(words: int, *, sentence: int = 10, clusters: Clusters = ()) -> Document:
    sentences = [["w"] * min(sentence, words - first) for first in range(0, words, sentence)]
    return Document.from_sentences(sentences, id="d", clusters=clusters)


def at(*words: int) -> list[Span]:
    """Mentions of one word."""
    return [(word, word) for word in words]


# Links


def test_links_by_hand() -> None:
    """Sentences of ten words. The key links 0, 5, 12, 70 and 1080; the response has 0, 12, 1080 and, wrongly, 3."""
    key = of_length(1200, clusters=[at(0, 5, 12, 70, 1080), at(200)])
    scores = link_scores(key, key.with_clusters([at(0, 3, 12, 1080), at(5, 70), at(200, 201)]))
    assert scores == {
        # key: 0-5; response: 0-3, 200-201
        "same_sentence": Score.of(0, 1, 2),
        # key: 0-12, 5-12; response: 0-12, 3-12; both: 0-12
        "up_to_50": Score.of(1, 2, 2),
        # key: 0-70, 5-70, 12-70; response: 5-70; both: 5-70
        "up_to_200": Score.of(1, 3, 1),
        "up_to_1000": Score.of(0, 0, 0),
        # key: 0-1080, 5-1080, 12-1080, 70-1080; response: 0-1080, 3-1080, 12-1080; both: 0-1080, 12-1080
        "beyond_1000": Score.of(2, 4, 3),
    }


@pytest.mark.parametrize(
    ("words", "distance"),
    [
        (1, "up_to_50"),
        (50, "up_to_50"),
        (51, "up_to_200"),
        (200, "up_to_200"),
        (201, "up_to_1000"),
        (1000, "up_to_1000"),
        (1001, "beyond_1000"),
    ],
)
def test_limits_belong_to_the_nearer_kind(words: int, distance: str) -> None:
    document = of_length(1200, clusters=[at(9, 9 + words)])
    assert [kind for kind, score in link_scores(document, document).items() if score.key] == [distance]


def test_a_link_within_a_long_sentence_is_of_that_kind_whatever_its_distance() -> None:
    document = of_length(1500, sentence=1400, clusters=[at(0, 60, 1390, 1410)])
    counts = [score.key for score in link_scores(document, document).values()]
    assert counts == [3, 1, 0, 0, 2]


def test_distance_is_from_start_to_start_and_spans_are_exact() -> None:
    document = of_length(120, clusters=[[(0, 40), (51, 51)]])
    assert link_scores(document, document)["up_to_200"] == Score.of(1, 1, 1)
    assert link_scores(document, document.with_clusters([[(0, 39), (51, 51)]]))["up_to_200"] == Score.of(0, 1, 1)


def test_a_repeated_mention_belongs_to_the_last_cluster_of_the_key_and_the_first_of_the_response() -> None:
    twice = [at(0, 1), at(1, 2), at(1)]
    document = of_length(10, clusters=twice)
    other = document.with_clusters([at(0, 1)])
    assert link_scores(document, other)["same_sentence"] == Score.of(0, 1, 1)
    assert link_scores(other, document)["same_sentence"] == Score.of(1, 1, 1)


@pytest.mark.parametrize("clusters", [[], [at(3)]])
def test_nothing_to_link(clusters: Clusters) -> None:
    document = of_length(10, clusters=clusters)
    assert set(link_scores(document, document).values()) == {Score()}
    assert set(link_scores(of_length(0), of_length(0)).values()) == {Score()}


WORDS = 1300
partitions = st.dictionaries(
    st.integers(0, WORDS - 2).flatmap(lambda first: st.integers(0, 1).map(lambda more: (first, first + more))),
    st.integers(0, 2),
    max_size=20,
).map(lambda of: [[span for span in of if of[span] == cluster] for cluster in set(of.values())])


@given(partitions, partitions, st.sampled_from([1, 7, 300]))
@settings(max_examples=60, deadline=None)
def test_links_as_enumerated(key: Clusters, response: Clusters, sentence: int) -> None:
    def links(clusters: Clusters) -> set[tuple[Span, Span]]:
        return {pair for cluster in clusters for pair in combinations(sorted(cluster), 2)}

    def kind(pair: tuple[Span, Span]) -> str:
        (one, _), (other, _) = pair
        if one // sentence == other // sentence:
            return "same_sentence"
        return DISTANCES[1 + sum(other - one > limit for limit in LIMITS)]

    expected = dict.fromkeys(DISTANCES, Score())
    for pair in links(key) | links(response):
        expected[kind(pair)] += Score.of(
            pair in links(key) & links(response), pair in links(key), pair in links(response)
        )
    document = of_length(WORDS, sentence=sentence, clusters=key)
    assert link_scores(document, document.with_clusters(response)) == expected


# Evaluation


def test_evaluation_adds_documents_up_and_hides_the_gold() -> None:
    documents = [of_length(30, clusters=[at(0, 5, 25), at(7)]), of_length(20, clusters=[at(1, 2)])]
    seen: list[Document] = []

    def resolve(document: Document) -> Document:
        seen.append(document)
        return document.with_clusters([at(0, 5), at(1, 2)])

    report = evaluate(resolve, documents)
    assert [document.clusters for document in seen] == [(), ()]
    assert (report.documents, report.words, report.seconds > 0) == (2, 50, True)
    assert report.scores == sum(
        (score_document(document.spans, [at(0, 5), at(1, 2)]) for document in documents[1:]),
        score_document(documents[0].spans, [at(0, 5), at(1, 2)]),
    )
    assert report.links["same_sentence"] == Score.of(2, 2, 4)
    assert report.links["up_to_50"] == Score.of(0, 2, 0)
    assert report.all_links == Score.of(2, 4, 4)
    written = report.as_dict()
    assert list(written["links"]) == [*DISTANCES, "all"]
    assert written["links"]["all"] == {
        "recall": 0.5,
        "precision": 0.5,
        "f1": 0.5,
        "gold": 4,
        "response": 4,
        "found": 2,
    }
    assert written["words_per_second"] == pytest.approx(50 / report.seconds)


def test_singletons_matter_to_scores_but_not_to_links() -> None:
    document = of_length(30, clusters=[at(0, 5), at(7)])
    kept, dropped = (evaluate(lambda d: d.with_clusters([at(0, 5)]), [document], singletons=s) for s in (True, False))
    assert kept.scores.mentions.recall == pytest.approx(2 / 3)
    assert dropped.scores.mentions.recall == 1
    assert (dropped.scores.singletons, kept.links) == (False, dropped.links)


def test_what_cannot_be_evaluated() -> None:
    with pytest.raises(ValueError, match="no documents"):
        evaluate(lambda d: d, [])
    with pytest.raises(ValueError, match="1 document without any gold clusters"):
        evaluate(lambda d: d, [of_length(10)])
    with pytest.raises(ValueError, match="clusters of more than one mention"):
        evaluate(lambda d: d, [of_length(10, clusters=[at(1)])], singletons=False)
    with pytest.raises(ValueError, match="document 'd' back with another text or other words"):
        evaluate(lambda d: of_length(9), [of_length(10, clusters=[at(1)])])
    with pytest.raises(ValueError, match="no GAP examples"):
        evaluate_gap(lambda d: d, [])


def test_gap() -> None:
    examples = read_examples(GAP, name="gap.tsv")
    words = examples[0].document.tokens.index
    report = evaluate_gap(lambda d: d.with_clusters([at(words("Ada"), words("she"))]), examples)
    assert (report.score.overall, report.score.masculine, report.score.feminine) == (100, 100, 100)
    assert report.as_dict() | {"seconds": 0, "words_per_second": 0} == {
        "f1": 1,
        "masculine_f1": 1,
        "feminine_f1": 1,
        "bias": 1,
        "examples": 2,
        "words": 14,
        "seconds": 0,
        "words_per_second": 0,
    }


# Alignment and raw text


def test_mentions_are_moved_outward_to_the_words_of_the_key() -> None:
    text = "Mr. O'Hara's dog - it!"
    key = Document("k", text, ((0, 3), (4, 12), (13, 16), (19, 22)), ((0, 4),))
    response = Document("r", text, ((0, 2), (2, 3), (4, 10), (10, 12), (13, 16), (17, 18), (19, 21)), ((0, 7),))
    found = response.with_clusters([[(0, 2), (2, 2), (3, 3)], [(4, 5), (6, 6)], [(5, 5)]])
    aligned = align(found, key)
    assert aligned.spans == [[(0, 1), (1, 1)], [(2, 2), (3, 3)]]
    assert [mention.text for mention in aligned.clusters[0].mentions] == ["Mr. O'Hara's", "O'Hara's"]
    assert (aligned.id, aligned.words) == ("k", key.words)


def test_alignment_needs_the_same_text() -> None:
    with pytest.raises(ValueError, match="'r' does not have the text of document 'k'"):
        align(Document("r", "a", ((0, 1),), ((0, 1),)), Document("k", "b", ((0, 1),), ((0, 1),)))


@st.composite
def tokenizations(draw: st.DrawFn, characters: int) -> Document:
    """A text cut into words that cover it wholly."""
    cuts = sorted(draw(st.sets(st.integers(1, characters - 1))) | {0, characters})
    words = tuple(pairwise(cuts))
    document = Document("d", "x" * characters, words, ((0, len(words)),))
    spans = st.tuples(st.integers(0, len(words) - 1), st.integers(0, len(words) - 1)).map(lambda ends: sorted(ends))
    clusters = draw(st.lists(st.lists(spans.map(tuple), min_size=1, max_size=4, unique=True), max_size=3))
    return document.with_clusters(clusters)


@given(tokenizations(12), tokenizations(12))
@settings(max_examples=60, deadline=None)
def test_laws_of_alignment(response: Document, key: Document) -> None:
    aligned = align(response, key)
    assert align(aligned, key) == aligned
    assert align(response, response).spans == response.spans
    assert len(aligned.clusters) == len(response.clusters)
    for before, after in zip(response.clusters, aligned.clusters, strict=True):
        assert 0 < len(after) <= len(before)
        for mention in before.mentions:
            covering = [m for m in after.mentions if m.start <= mention.start and mention.end <= m.end]
            assert covering
            # Only as far as needed: the covering words at both ends are touched.
            best = min(covering, key=lambda m: m.end - m.start)
            assert key.words[best.first_word][1] > mention.start
            assert key.words[best.last_word][0] < mention.end


def test_gold_mentions_come_alone_and_in_the_order_of_the_text() -> None:
    gold = of_length(30, clusters=[at(20, 3), at(9), [(3, 3), (4, 6)]])
    seen: list[list[list[Span]]] = []

    def resolve(document: Document) -> Document:
        seen.append(document.spans)
        return document

    reports = [evaluate(resolve, [gold], singletons=kept, gold_mentions=True) for kept in (True, False)]
    evaluate(resolve, [gold])
    assert seen == [[at(3), [(4, 6)], at(9), at(20)], [at(3), [(4, 6)], at(20)], []]
    assert [report.scores.as_dict()["mentions"]["f1"] for report in reports] == [1, 0]


def test_raw_text() -> None:
    """The gold words keep "don't" whole and the sentences apart; the model sees neither that nor the speakers."""
    gold = Document.from_sentences([["Ada", "don't"], ["know", "her", "."]], id="a", speakers=["x"] * 5)
    gold = gold.with_clusters([[(0, 0), (3, 3)]])
    seen: list[Document] = []

    def resolve(document: Document) -> Document:
        seen.append(document)
        her = document.tokens.index("her")
        return document.with_clusters([[(0, 0), (her, her)], [(2, 2)]])

    answer = from_text(resolve)(gold)
    assert (seen[0].id, seen[0].tokens, seen[0].speakers) == ("a", ["Ada", "do", "n't", "know", "her", "."], None)
    assert answer.spans == [[(0, 0), (3, 3)], [(1, 1)]]
    assert evaluate(from_text(resolve), [gold]).all_links == Score.of(1, 1, 1)
    assert replace(answer, clusters=()) == replace(gold, clusters=())


# Data


def conll(path: Path, *ids: str) -> Path:
    documents = (f"#begin document ({id}); part 000\n{id}\t0\t0\tShe\t(1)\n\n#end document\n" for id in ids)
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(documents), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    conll(tmp_path / "data" / "1_emma_brat.conll", "emma")
    conll(tmp_path / "data" / "b.v4_gold_conll", "nw/b.1", "nw/b.2")
    (tmp_path / "data" / "gap.tsv").write_text(GAP, encoding="utf-8")
    (tmp_path / "data" / "README.md").write_text("About these files.\n", encoding="utf-8")
    (tmp_path / "data" / "table.tsv").write_text("a\tb\n", encoding="utf-8")
    return tmp_path / "data"


def ids_of(folder: Path, listed: str) -> list[str]:
    file = folder.parent / "some.ids"
    file.write_text(listed, encoding="utf-8")
    data = read_data([folder], file)
    return [item.id for item in (*data.documents, *data.examples)]


def test_folders_and_files_are_read(folder: Path) -> None:
    data = read_data([folder])
    assert [document.id for document in data.documents] == ["emma", "nw/b.1", "nw/b.2"]
    assert [example.id for example in data.examples] == ["g-1", "g-2"]
    assert len(read_data([folder / "gap.tsv", folder / "1_emma_brat.conll"]).documents) == 1


@pytest.mark.parametrize(
    ("listed", "kept"),
    [
        ("1_emma_brat.tsv\n\n", ["emma"]),
        ("emma\r\n1_emma_brat\n", ["emma"]),
        ("b.v4_gold_conll", ["nw/b.1", "nw/b.2"]),
        ("nw/b.2\n", ["nw/b.2"]),
        ("g-2\nemma\n", ["emma", "g-2"]),
    ],
)
def test_names_of_documents_and_files_choose(folder: Path, listed: str, kept: list[str]) -> None:
    assert ids_of(folder, listed) == kept


def test_names_that_nothing_has(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"not in the data, of what .*some.ids names: a.tsv, b2, c and 1 more"):
        ids_of(folder, "a.tsv\nb2\nemma\nc\nd\n")
    with pytest.raises(ValueError, match=r"some.ids lists no names"):
        ids_of(folder, "\n")


def test_nothing_to_evaluate_on(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"README.md holds nothing to evaluate on"):
        read_data([folder, folder / "README.md"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no file in .*empty ends in conll, .*, .tsv and not in .errors.jsonl: name"):
        read_data([tmp_path / "empty"])
    with pytest.raises(FileNotFoundError, match=r"missing.conll"):
        read_data([tmp_path / "missing.conll"])
    (folder / "broken.conll").write_text("she\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"broken.conll, line 1"):
        read_data([folder])


def test_splits_of_litbank(shared_data: Path) -> None:
    litbank = shared_data / "litbank"
    data = read_data([litbank / "conll"], litbank / "splits" / "0" / "test.ids")
    assert len(data.documents) == 10
    report = evaluate(from_text(lambda document: document), data.documents)
    assert report.scores.mentions.recall == 0
    assert report.all_links.key > 10_000


def test_gold_survives_the_way_through_raw_text(shared_data: Path) -> None:
    (gold,) = read_data([shared_data / "litbank" / "conll" / "1342_pride_and_prejudice_brat.conll"]).documents
    report = evaluate(from_text(lambda raw: align(gold, raw)), [gold])
    assert report.scores.conll == 1
    assert report.all_links.f1 == 1
