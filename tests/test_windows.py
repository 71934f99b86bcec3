"""Documents cut into what an encoder can take at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from lehr.windows import MAX_PIECES_PER_WORD, Windower

PAD, UNKNOWN, CLS, SEP = range(4)
LENGTH, OVERLAP = 40, 8
WORDS = st.text("ab", min_size=1, max_size=5) | st.sampled_from(["x", "\u200b", " ", "ab" * 40])


def tokenizer() -> Tokenizer:
    """Letters as pieces; everything else but a and b is unknown, zero-width space is nothing at all."""
    vocabulary = {"[PAD]": PAD, "[UNK]": UNKNOWN, "[CLS]": CLS, "[SEP]": SEP, "a": 4, "b": 5, "##a": 6, "##b": 7}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=1000))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", CLS))
    return made


@pytest.fixture(scope="module")
def windower() -> Windower:
    return Windower(tokenizer(), LENGTH, OVERLAP, PAD)


def pieces_of(windower: Windower, words: list[str]) -> list[list[int]]:
    ids, begins = windower.pieces(words)
    return [ids[first:end].tolist() for first, end in pairwise(begins)]


def test_every_word_has_pieces_but_not_too_many(windower: Windower) -> None:
    ordinary, unknown, empty, absurd, last = pieces_of(windower, ["ab", "x", "\u200b", "a" * 50, "b"])
    assert (ordinary, unknown, last) == ([4, 7], [UNKNOWN], [5])
    assert len(empty) == 1
    assert absurd == [4, *[6] * (MAX_PIECES_PER_WORD - 1)]


def test_nothing_gives_no_window(windower: Windower) -> None:
    windows = windower([])
    assert windows.input_ids.shape[0] == 0
    assert windows.first.shape == windows.last.shape == (0,)


def test_a_short_document_is_one_window(windower: Windower) -> None:
    windows = windower(["ab", "b"])
    assert windows.input_ids.tolist() == [[CLS, 4, 7, 5, SEP]]
    assert windows.attention_mask.tolist() == [[1] * 5]
    assert windows.first.tolist() == [1, 3]
    assert windows.last.tolist() == [2, 3]


@given(st.lists(WORDS, min_size=1, max_size=120), st.integers(0, 15))
@settings(max_examples=50, deadline=None)
def test_every_word_stands_where_it_is_said_to(words: list[str], shift: int) -> None:
    windower = Windower(tokenizer(), LENGTH, OVERLAP, PAD)
    windows = windower(words, shift)
    width = windows.input_ids.shape[1]
    flat = windows.input_ids.ravel()
    assert width <= LENGTH
    for word, pieces in enumerate(pieces_of(windower, words)):
        first, last = int(windows.first[word]), int(windows.last[word])
        assert flat[first : last + 1].tolist() == pieces
        assert first // width == last // width, "a word is never split between windows"
    assert (np.diff(windows.first) > 0).all()
    np.testing.assert_array_equal(windows.attention_mask == 0, windows.input_ids == PAD)
    assert (windows.input_ids[:, 0] == CLS).all()
    assert ((windows.input_ids == SEP).sum(1) == 1).all()


def test_words_are_taken_from_the_window_where_they_have_most_context(windower: Windower) -> None:
    windows = windower(["a"] * 100)
    rows, places = np.divmod(windows.first, windows.input_ids.shape[1])
    length = windows.attention_mask.sum(1)[rows]
    left, right = places, length - 1 - places
    inner = (rows > 0) & (rows < rows[-1])
    assert left[inner].min() >= OVERLAP // 2
    assert right[inner].min() >= OVERLAP // 2
    assert len(set(rows.tolist())) == len(windows.input_ids), "no window is encoded in vain"


@pytest.mark.parametrize("length", [10, 2 * MAX_PIECES_PER_WORD + 1])
def test_windows_too_short_for_their_overlap_are_an_error(length: int) -> None:
    with pytest.raises(ValueError, match=f"windows of {length} pieces"):
        Windower(tokenizer(), length, OVERLAP, PAD)


def test_a_tokenizer_without_vocabulary_is_an_error() -> None:
    with pytest.raises(ValueError, match="no piece for the letter 'a'"):
        Windower(Tokenizer(models.BPE()), LENGTH, OVERLAP, PAD)


def test_nothing_is_truncated_or_padded() -> None:
    given = tokenizer()
    given.enable_truncation(3)
    given.enable_padding(length=9)
    assert len(Windower(given, LENGTH, OVERLAP, PAD)(["a"] * 6).first) == 6
