"""Documents that Hypothesis makes up."""

from __future__ import annotations

from hypothesis import strategies as st

from lehr.document import Document, Span

WORDS = st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=6) | st.sampled_from(
    [
        "she",
        "'s",
        "n't",
        '"',
        "'",
        "(",
        ")",
        "-LRB-",
        "``",
        "--",
        ".",
        ",",
        "_",
        "-",
        "#",
        "(0)",
        "Łódź",
        "👩‍🚀",
        "e\u0301",
        "שלום",
    ]
)
_SPACES = [*" \t\n\r\x00\u00a0\u200b\u2028\f\ufeff", "\r\n", "\n\n", "\n \n"]
_MARKS = [*".,;!?\"'“”’()-_", "--", "...", "[["]
_PARTS = ["she", "I", "n't", "'s", "cannot", "Mr. ", "U.S.", "www.a.b/c", "é", "e\u0301", "\u0301"]
_SCRIPTS = ["👩‍🚀", "🇵🇱", "שלום", "مرحبا", "你好。", "\u200f"]
ODD_TEXT = st.lists(
    st.sampled_from(_SPACES)
    | st.sampled_from(_MARKS)
    | st.sampled_from(_PARTS)
    | st.sampled_from(_SCRIPTS)
    | st.characters(exclude_categories=["Cs"])
).map("".join)


def crosses(span: Span, other: Span) -> bool:
    """Whether two spans overlap by more than a word at the end of one, and neither holds the other."""
    return span[0] < other[0] < span[1] < other[1] or other[0] < span[0] < other[1] < span[1]


@st.composite
def documents(draw: st.DrawFn, crossing: bool = False) -> Document:
    """A document with nested and repeated mentions, which cross within a cluster only if they may."""
    sentences = draw(st.lists(st.lists(WORDS, min_size=1, max_size=6), max_size=4))
    length = sum(map(len, sentences))
    clusters = []
    speakers = None
    if length:
        positions = st.integers(0, length - 1)
        spans = st.tuples(positions, positions).map(lambda pair: (min(pair), max(pair)))
        for drawn in draw(st.lists(st.lists(spans, min_size=1, max_size=6), max_size=4)):
            kept: list[Span] = []
            kept.extend(span for span in drawn if crossing or not any(crosses(span, other) for other in kept))
            clusters.append(kept)
        if draw(st.booleans()):
            names = st.sampled_from([None, "A", "speaker#1"])
            speakers = ["A", *draw(st.lists(names, min_size=length - 1, max_size=length - 1))]
    id = draw(st.text("ab/_.();-0 ", max_size=8).map(lambda text: " ".join(text.split())))
    return Document.from_sentences(
        sentences, id=id, clusters=clusters, speakers=speakers, part=draw(st.integers(0, 1200))
    )
