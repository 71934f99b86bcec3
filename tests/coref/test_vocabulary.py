"""Fewer word pieces: which are kept, and what becomes of their embeddings."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
import tiny_model
import torch
from made_encoders import roberta
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from lehr.coref.network import LehrModel
from lehr.coref.vocabulary import SPECIAL, trim_vocabulary

CHARACTERS = ["!", ".", "a", "b", "é", "“", "##a", "##b"]
WORDS = ["the", "##bb", "ab", "[unused500]", "книга", "##ка", "水", "bab", "##ab", "ш"]
LATIN = [word for word in WORDS if word.isascii() and "unused" not in word]


class Trimmed(NamedTuple):
    model: LehrModel
    tokenizer: Tokenizer
    embeddings: torch.Tensor
    original: Tokenizer


def tokenizer() -> Tokenizer:
    """A vocabulary laid out like BERT's."""
    unused = [f"[unused{number}]" for number in range(99)]
    pieces = ["[PAD]", *unused, "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS[:3], *CHARACTERS, *WORDS[3:]]
    made = Tokenizer(models.WordPiece({piece: id for id, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return made


def trimmed(size: int, language: str = "en") -> Trimmed:
    original = tokenizer()
    model = tiny_model.model(original.get_vocab_size(), language=language)
    embeddings = model.encoder.get_input_embeddings().weight.detach().clone()
    return Trimmed(*trim_vocabulary(model, original, size), embeddings, original)


def test_specials_stay_where_they_are() -> None:
    kept = trimmed(SPECIAL + 9).tokenizer
    for special, number in {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}.items():
        assert kept.token_to_id(special) == number
    assert kept.encode("a").ids[0] == 101
    assert kept.encode("a[MASK]").tokens[1:-1] == ["a", "[MASK]"]


def test_fewer_pieces_than_specials_leave_the_specials() -> None:
    assert set(trimmed(SPECIAL - 1).tokenizer.get_vocab().values()) == set(range(SPECIAL))


def test_characters_come_first_and_other_scripts_not_at_all() -> None:
    some, everything = (trimmed(size).tokenizer.get_vocab() for size in (SPECIAL + len(CHARACTERS) + 2, 10_000))
    assert {piece for piece, number in some.items() if number >= SPECIAL} == {*CHARACTERS, "the", "##bb"}
    assert {piece for piece, number in everything.items() if number >= SPECIAL} == {*CHARACTERS, *LATIN}
    assert sorted(everything.values()) == list(range(len(everything)))


def test_scripts_are_kept_where_those_of_the_language_are_not_known() -> None:
    kept = trimmed(10_000, "uk").tokenizer.get_vocab()
    assert {piece for piece, number in kept.items() if number >= SPECIAL} == {*CHARACTERS, *WORDS} - {"[unused500]"}


@pytest.mark.parametrize("size", [SPECIAL + 2, SPECIAL + 9, 10_000])
def test_every_piece_keeps_its_embedding(size: int) -> None:
    made = trimmed(size)
    vocabulary = made.tokenizer.get_vocab()
    weight = made.model.encoder.get_input_embeddings().weight
    assert len(weight) == len(vocabulary) == made.model.config.encoder.vocab_size <= size
    assert made.model.encoder.get_input_embeddings().padding_idx == 0
    for piece, number in vocabulary.items():
        assert torch.equal(weight[number], made.embeddings[made.original.token_to_id(piece)])


def test_words_are_spelt_as_before_where_their_pieces_are_kept() -> None:
    made = trimmed(10_000)
    for text in ["the ab bab", "abab a.", "“the!”"]:
        assert made.tokenizer.encode(text).tokens == made.original.encode(text).tokens
    assert made.tokenizer.encode("книга").tokens == ["[CLS]", "[UNK]", "[SEP]"]
    fewer = trimmed(SPECIAL + len(CHARACTERS) + 1).tokenizer
    assert fewer.encode("the bab").tokens == ["[CLS]", "the", "b", "##a", "##b", "[SEP]"]


def test_the_tokenizer_can_be_written_and_read() -> None:
    kept = trimmed(SPECIAL + 12).tokenizer
    again = Tokenizer.from_str(kept.to_str())
    assert again.get_vocab() == kept.get_vocab()
    assert again.encode("the bab [MASK] é").ids == kept.encode("the bab [MASK] é").ids


def test_a_marked_piece_at_the_end_keeps_a_row() -> None:
    original = tokenizer()
    original.add_special_tokens(["<mask>"])
    state = json.loads(original.to_str())
    state["model"]["vocab"]["<mask>"] = last = original.token_to_id("<mask>")
    model = tiny_model.model(last + 1)
    row = model.encoder.get_input_embeddings().weight[last].detach().clone()
    model, kept = trim_vocabulary(model, Tokenizer.from_str(json.dumps(state)), SPECIAL + 9)
    rows = model.encoder.get_input_embeddings().weight
    assert kept.get_vocab_size() == len(rows) == SPECIAL + 10
    assert torch.equal(rows[kept.encode("a <mask>", add_special_tokens=False).ids[-1]], row)


def test_only_word_pieces_can_be_trimmed() -> None:
    _, theirs = roberta()
    with pytest.raises(ValueError, match="only a WordPiece vocabulary can be trimmed, and this is BPE"):
        trim_vocabulary(tiny_model.model(99), theirs.backend_tokenizer, 200)
