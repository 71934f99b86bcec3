"""Documents as tensors."""

from __future__ import annotations

import pytest
import tiny_model
import torch
from tiny_documents import HOUSE, LETTER, RAIN, SHIP
from transformers import PreTrainedTokenizerFast

from lehr.coref.configuration import LehrConfig
from lehr.coref.data import Collator, Example, Examples, gold_spans, windower
from lehr.decoding import sentence_last
from lehr.document import Document

DRAWN = Examples([Example(HOUSE, 0), Example(RAIN, 1), Example(LETTER, 0), Example(SHIP, 1)])
EXAMPLES = [DRAWN[row] for row in range(4)]
WIDTH = 6


def collator() -> Collator:
    return Collator(windower(tiny_model.tokenizer(), LehrConfig(window=48, overlap=8)), WIDTH)


def test_flat_positions_point_at_the_pieces_of_every_word() -> None:
    made = collator()
    batch = made(EXAMPLES)
    windows = [made(EXAMPLES[position : position + 1])["input_ids"] for position in range(len(EXAMPLES))]
    flat = batch["input_ids"].flatten()
    for row, (example, own) in enumerate(zip(EXAMPLES, windows, strict=True)):
        ids, begins = made.windower.pieces(example.document.tokens)
        assert batch["length"][row] == len(example.document.words)
        for word, (first, last) in enumerate(zip(batch["first"][row], batch["last"][row], strict=True)):
            if word < batch["length"][row]:
                assert flat[first : last + 1].tolist() == ids[begins[word] : begins[word + 1]].tolist()
            else:
                assert first == last == -1
        # The windows themselves are those that the document gets alone, and come one document after the other.
        before = sum(map(len, windows[:row]))
        assert torch.equal(batch["input_ids"][before : before + len(own), : own.shape[1]], own)
        assert (batch["attention_mask"][before : before + len(own)].sum(1) == (own != 0).sum(1)).all()
    assert len(batch["input_ids"]) == sum(map(len, windows)) > len(EXAMPLES)


def test_seams_wander() -> None:
    made = collator()
    views = [DRAWN.view(number) for number in range(20)]
    seen = [made([view[0], view[0]])["input_ids"] for view in views]
    assert len({tuple(ids[0].tolist()) for ids in seen}) > 5
    assert all(torch.equal(*ids.chunk(2)) for ids in seen), "the same ones whenever a document of a view is asked for"
    assert {view.fingerprint for view in views} == {DRAWN.fingerprint}
    to_ask = Collator(made.windower, WIDTH, to_learn=False)
    assert len({tuple(to_ask([view[0]])["input_ids"].flatten().tolist()) for view in views}) == 1


def test_the_rest_of_a_batch() -> None:
    batch = collator()(EXAMPLES)
    assert batch["scheme"].tolist() == [0, 1, 0, 1]
    for row, example in enumerate(EXAMPLES):
        document, n = example.document, len(example.document.words)
        assert batch["sentence_last"][row, :n].tolist() == sentence_last(document.sentences).tolist()
        gold = gold_spans(document, WIDTH)
        assert batch["gold"][row, : len(gold)].tolist() == [list(span) for span, _ in gold]
        assert batch["gold_cluster"][row, : len(gold)].tolist() == [cluster for _, cluster in gold]
        assert (batch["gold"][row, len(gold) :] == -1).all()
        tokens = [word.casefold() for word in document.tokens]
        for word in range(n):
            assert batch["words"][row, word] == batch["words"][row, tokens.index(tokens[word])]
        assert len(set(batch["words"][row, :n].tolist())) == len(set(tokens))


def test_gold_without_a_cell_is_left_out_and_gold_named_twice_counts_once() -> None:
    wide, as_wide_as_can_be, across, twice = (0, 3), (0, 2), (3, 4), (4, 5)
    document = Document.from_sentences(
        [["a", "b", "c", "d"], ["e", "f"]], clusters=[[wide, twice], [twice, as_wide_as_can_be, across, across]]
    )
    assert gold_spans(document, 3) == [(as_wide_as_can_be, 1), (twice, 0)]


def test_tokenizers_that_will_not_do() -> None:
    theirs = PreTrainedTokenizerFast(tokenizer_object=tiny_model.tokenizer().backend_tokenizer)
    with pytest.raises(ValueError, match="no fast tokenizer with a padding token"):
        windower(theirs, LehrConfig())
