"""The HTML view: the document's own characters, mentions that nest and cross, colours that can be read."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lehr.document import Document, Span
from lehr.formats import html, write

VOID = {"meta", "link", "path"}


class Page(HTMLParser):
    """What a browser would see: the text of every document, its mentions piece by piece, and every tag."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.pieces: list[dict[str, str]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._open: list[tuple[str, dict[str, str] | None]] = []
        self._in_text = 0
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag in VOID:
            return
        piece = None
        if attributes.get("class") == "text":
            self._in_text = len(self._open) + 1
            self.texts.append("")
        elif self._in_text and tag == "span":
            piece = {**attributes, "text": ""}
            self.pieces.append(piece)
        self._open.append((tag, piece))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if len(self._open) == self._in_text:
            self._in_text = 0
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self._in_text:
            self.texts[-1] += data
            for _, piece in self._open:
                if piece is not None:
                    piece["text"] += data

    @property
    def mentions(self) -> list[tuple[str, str]]:
        """The entity and the text of every mention, its pieces joined again, in the order of their starts."""
        found: list[tuple[str, str]] = []
        cut: dict[str, list[int]] = {}
        for piece in self.pieces:
            key, classes = piece["data-k"], piece["class"].split()
            if "in" in classes:
                place = cut[key].pop(0)
                found[place] = key, found[place][1] + piece["text"]
            else:
                place = len(found)
                found.append((key, piece["text"]))
            if "out" in classes:
                cut.setdefault(key, []).append(place)
        return found


def document(text: str, clusters: Sequence[Sequence[Span]] = (), speakers: tuple[str, ...] | None = None) -> Document:
    words = tuple(match.span() for match in re.finditer(r"\S+", text))
    made = Document("d", text, words, ((0, len(words)),) if words else (), (), speakers)
    return made.with_clusters(clusters)


def names(made: Document) -> list[str]:
    return re.findall(r'<b>\d+</b> <span dir="auto">(.*?)</span>', html.write([made]))


def test_names_are_those_of_the_language() -> None:
    made = document("a man came , he washed himself", [[(0, 1), (4, 4), (6, 6)]])
    assert names(made) == ["himself"], "nothing is known of the language"
    named = re.findall(r'<b>\d+</b> <span dir="auto">(.*?)</span>', write([made], "html"))
    assert named == ["a man"]


def test_every_character_stands_once_and_in_order() -> None:
    made = document("  Ann\tsaw \r\n\r\n her  own\n\n\n<b>&amp; cat</b> 𝕏\n", [[(0, 0), (2, 2)], [(2, 5)]])
    page = Page(html.write([made]))
    assert page.texts == [made.text]
    assert page.mentions == [("0", "Ann"), ("1", "her  own<b>&amp; cat</b>"), ("0", "her")]


def test_text_cannot_become_markup() -> None:
    attack = "</p></div><script>alert(1)</script> \"'> &lt;"
    made = document(f"{attack} he", [[(0, 2), (3, 3)]], speakers=(attack,) * 4)
    page = html.write([Document(attack, made.text, made.words, made.sentences, made.clusters, made.speakers)])
    assert page.count("<script") == 1
    assert Page(page).texts == [made.text]


def test_nested_mentions_are_nested_and_their_lines_lie_apart() -> None:
    page = Page(html.write([document("the king of the isle he", [[(0, 4), (5, 5)], [(3, 4)]])]))
    outer, inner, _ = page.pieces
    assert (outer["text"], inner["text"]) == ("the king of the isle", "the isle")
    assert "l1" in outer["class"].split()
    assert not re.search(r"\bl\d", inner["class"])


def test_crossing_mentions_are_cut_and_keep_their_words() -> None:
    page = Page(html.write([document("the king and queen of the isle", [[(0, 3)], [(3, 6)]])]))
    assert [piece["text"] for piece in page.pieces] == ["the king and queen", "queen", " of the isle"]
    assert page.mentions == [("0", "the king and queen"), ("1", "queen of the isle")]
    _, first, last = page.pieces
    assert ("role" in first, "role" in last) == (True, False), "the keyboard reaches a mention once"
    assert "l1" in first["class"].split(), "the lines of the two do not run into one"
    assert first["class"].split()[:-1] == last["class"].split()[:-1]


@given(st.data())
@settings(deadline=None)
def test_any_mentions_keep_text_and_mentions(data: st.DataObject) -> None:
    text = data.draw(st.text(alphabet="aB<& \n\r", max_size=40))
    count = len(text.split())
    spans = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).map(lambda pair: (min(pair), max(pair)))
    clusters = data.draw(st.lists(st.lists(spans, min_size=1, max_size=1), max_size=6)) if count else []
    made = document(text, clusters)
    page = Page(html.write([made]))
    assert page.texts == [text]
    drawn = sorted((key, "".join(words.split())) for key, words in page.mentions)
    assert drawn == sorted((str(c.id), "".join(m.text.split())) for c in made.clusters for m in c.mentions)


def test_a_mention_tells_its_entity_its_place_and_its_link() -> None:
    made = document("Then Ann left when she could")
    ann, she = made.mention(1, 1), made.mention(4, 4, antecedent=0, link=0.934)
    _, second = Page(html.write([made.with_clusters([[ann, she]])])).pieces
    assert second["aria-description"] == "Ann, 2 of 2, link 93%"
    assert (second["role"], second["tabindex"]) == ("link", "0")


def test_a_singleton_is_no_stop_for_the_keyboard() -> None:
    (piece,) = Page(html.write([document("a dog", [[(0, 1)]])])).pieces
    assert piece["tabindex"] == "-1"
    assert "one" in piece["class"].split()


@pytest.mark.parametrize(
    ("text", "cluster", "name"),
    [
        ("She saw Emma Woodhouse smile and Emma saw her", [(0, 0), (2, 3), (6, 6), (8, 8)], "Emma Woodhouse"),
        ("I know that I am told of Ann", [(0, 0), (3, 3), (7, 7)], "Ann"),
        ("It fell when the old man saw it and he ran", [(3, 5), (9, 9)], "the old man"),
        ("他 说 老人 走 了", [(0, 0), (2, 2)], "老人"),
        ("he who came in from the very cold sea", [(0, 8), (1, 1)], "who"),
    ],
)
def test_an_entity_is_called_by_its_name(text: str, cluster: list[tuple[int, int]], name: str) -> None:
    assert names(document(text, [cluster])) == [name]


def test_entities_come_largest_first() -> None:
    page = html.write([document("a b c d e f", [[(0, 0)], [(1, 1), (2, 2)], [(3, 3), (4, 4), (5, 5)]])])
    assert re.findall(r"<b>(\d+)</b>", page) == ["2", "1"]
    assert "1 mentioned once" in page
    assert "6 words · 6 mentions of 3 entities" in page


def test_paragraphs_and_speakers() -> None:
    page = html.write([document("Yes sir\n\nNo Go on", speakers=("Ann", "Ann", "Ann", "Bob", "Bob"))])
    body = page.split('dir="auto">')[1].split("</div>")[0]
    assert body == '<p></p><p data-speaker="Ann">Yes sir</p>\n\n<p>No </p><p data-speaker="Bob">Go on</p>'


def test_what_is_too_deep_is_drawn_as_its_number_alone() -> None:
    count = html.DEEPEST + 2
    page = Page(html.write([document("a " * count, [[(0, count - 1 - n)] for n in range(count)])]))
    assert [piece["text"].strip() == "" for piece in page.pieces] == [False] * html.DEEPEST + [True, True]


def test_the_page_asks_for_nothing() -> None:
    page = Page(html.write([document("a b", [[(0, 0), (1, 1)]]), document("c")]))
    addresses = [a[name] for _, a in page.tags for name in ("src", "href") if name in a]
    assert addresses == ["data:,", "#d0", "#d1"]
    assert any("default-src 'none'" in attributes.get("content", "") for _, attributes in page.tags)
    assets = [files("lehr.formats").joinpath(name).read_text("utf-8") for name in ("html.css", "html.js")]
    assert not re.search(r"https?:|@import|url\(|</", "".join(assets))


def test_no_documents_and_empty_documents() -> None:
    assert Page(html.write([])).texts == []
    assert Page(html.write([Document("", "", (), ())])).texts == [""]
    assert "No mention was found." in html.write([document("a b")])


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mixed(top: str, share: float, under: str) -> str:
    pairs = [(int(top[place : place + 2], 16), int(under[place : place + 2], 16)) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_contrast_is_enough_to_read(mode: int) -> None:
    css = files("lehr.formats").joinpath("html.css").read_text("utf-8")
    values = dict(re.findall(r"--([\w]+): (#\w{6}|\d+%)", re.findall(r":root {.*?}", css, re.DOTALL)[mode]))
    page, ink, dim = values["page"], values["ink"], values["dim"]
    colours = [values[f"c{number}"] for number in range(html.COLOURS)]
    assert min(contrast(colour, page) for colour in [ink, dim, *colours]) >= 4.5
    glow = int(values["glow"].rstrip("%")) / 100
    assert min(contrast(ink, mixed(colour, glow, page)) for colour in colours) >= 4.5


@pytest.mark.parametrize("shape", ["plain", "nested", "crossing"])
def test_ten_thousand_mentions_take_linear_time_and_room(shape: str) -> None:
    def made(count: int) -> Document:
        spans = {
            "plain": [(n, n) for n in range(count)],
            "nested": [(n - n % 100 + n % 50, n - n % 100 + 99 - n % 50) for n in range(count)],
            "crossing": [(n, n + 49) for n in range(count)],
        }[shape]
        return document("ab " * 2 * count, [spans[n::50] for n in range(50)])

    small, large = html.write([made(1_000)]), made(10_000)
    start = time.perf_counter()
    page = html.write([large])
    assert time.perf_counter() - start < 10
    assert len(page) < 10.5 * len(small)
