"""The network on encoders of every family."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_encoders import FAMILIES, made, windower_of
from safetensors.torch import load_file, save_file
from tiny_documents import HOUSE, LETTER, RAIN, SHIP
from transformers import AutoModel, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerFast

from lehr.coref.configuration import LehrConfig
from lehr.coref.data import Collator, Example, gold_spans
from lehr.coref.network import LehrModel
from lehr.coref.objectives import row_loss
from lehr.coref.prediction import predict, resolver_of
from lehr.document import Document

every_family = pytest.mark.parametrize("family", FAMILIES)
both_scorers = pytest.mark.parametrize("scorer", ["one-pass", "antecedent"])


def batch(model: LehrModel, tokenizer: PreTrainedTokenizerFast, *documents: Document) -> dict[str, torch.Tensor]:
    """The documents as a batch, those at odd positions under the second scheme."""
    collator = Collator(windower_of(model, tokenizer), model.config.max_width)
    return collator([Example(document, position % 2) for position, document in enumerate(documents)])


def fields(config: PretrainedConfig) -> dict[str, Any]:
    """What a configuration says, but for where it lies and how its weights are stored."""
    said = {name: value for name, value in config.to_dict().items() if name not in ("_name_or_path", "dtype")}
    return said | {"encoder": fields(config.encoder)} if isinstance(config, LehrConfig) else said


@pytest.fixture
def unset_memory_is_nan() -> Iterator[None]:
    """Memory that nobody has set holds no number, so that it shows."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@both_scorers
@every_family
def test_every_parameter_learns(family: str, scorer: str) -> None:
    """One without a gradient would stop training in several processes."""
    model, tokenizer = made(family, scorer=scorer)
    model.train()
    output = model(**batch(model, tokenizer, HOUSE, SHIP))
    assert output.loss.isfinite()
    torch.testing.assert_close(output.loss.detach(), output.mention_loss + output.pair_loss)
    output.loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@both_scorers
@every_family
def test_a_batch_costs_the_mean_of_its_documents(family: str, scorer: str) -> None:
    model, tokenizer = made(family, scorer=scorer, window=900)
    documents = (HOUSE, LETTER, SHIP, RAIN)
    with torch.no_grad():
        together = model(**batch(model, tokenizer, *documents)).loss
        alone = [
            model(**(batch(model, tokenizer, document) | {"scheme": torch.tensor([position % 2])})).loss
            for position, document in enumerate(documents)
        ]
    torch.testing.assert_close(together, torch.stack(alone).mean(), atol=1e-5, rtol=1e-5)


@both_scorers
def test_a_document_without_mentions_costs_something(scorer: str) -> None:
    model, tokenizer = made("bert", scorer=scorer)
    output = model(**batch(model, tokenizer, RAIN))
    assert output.loss.isfinite()
    assert output.mention_loss > 0


def test_of_a_document_that_is_partly_annotated_the_known_cells_are_learned() -> None:
    model, tokenizer = made("bert", candidate_ratio=99.0)  # every cell a candidate
    collator = Collator(windower_of(model, tokenizer), model.config.max_width)
    partly = [Example(document, 0, complete=False) for document in (HOUSE, RAIN)]
    assert RAIN.clusters == ()
    losses = []
    for examples in (partly[:1], partly[1:], partly, [partly]):
        model.zero_grad()
        output = model(**collator(examples))
        assert output.mention_loss == 0
        output.loss.backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        losses.append(output.pair_loss)
    (gold, cluster) = zip(*gold_spans(HOUSE, model.config.max_width), strict=True)
    matrix = predict(model, windower_of(model, tokenizer), HOUSE)
    places = [matrix.spans.tolist().index(list(span)) for span in gold]
    pairs = torch.from_numpy(matrix.pair_logits[np.ix_(places, places)])
    torch.testing.assert_close(losses[0], row_loss(pairs, torch.tensor(cluster)))
    assert losses[1] == 0, "nothing is known"
    torch.testing.assert_close(losses[2:], [losses[0] / 2] * 2)


@both_scorers
def test_the_gold_mentions_are_always_candidates(scorer: str) -> None:
    model, tokenizer = made("bert", scorer=scorer, candidate_ratio=0.01)
    tensors = batch(model, tokenizer, HOUSE)
    logits = torch.full((len(HOUSE.words), model.config.max_width), -1.0)
    logits[9, 2] = 1.0  # told him that
    found, cluster = model._training_candidates(
        logits, tensors["sentence_last"][0], tensors["gold"][0], tensors["gold_cluster"][0]
    )
    spans = [(first, last) for first, last in found.tolist()]
    of_span = dict(gold_spans(HOUSE, model.config.max_width))
    assert spans == sorted(set(spans))
    assert {*of_span, (9, 11)} <= set(spans)
    assert cluster.tolist() == [of_span.get(span, -1) for span in spans]


@every_family
def test_every_word_is_read_in_its_own_window(family: str) -> None:
    model, tokenizer = made(family)
    windows = windower_of(model, tokenizer)(HOUSE.tokens)
    ids, mask = torch.from_numpy(windows.input_ids), torch.from_numpy(windows.attention_mask)
    assert len(ids) > 2
    with torch.no_grad():
        vectors = model.encode(ids, mask)
        alone = [model.encode(row[None, : m.sum()], m[None, : m.sum()]) for row, m in zip(ids, mask, strict=True)]
    assert vectors.dtype == torch.float32
    rows, places = np.divmod(windows.first, ids.shape[1])
    for word, (row, place) in enumerate(zip(rows, places, strict=True)):
        torch.testing.assert_close(vectors[windows.first[word]], alone[row][place], atol=1e-5, rtol=1e-4)


@every_family
def test_a_model_is_saved_whole_and_without_pickles(family: str, tmp_path: Path) -> None:
    model, tokenizer = made(family, link_scale=1.5, link_threshold=0.25)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert "model.safetensors" in names
    assert {Path(name).suffix for name in names} <= {".json", ".safetensors", ".txt"}
    loaded = LehrModel.from_pretrained(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path, config=loaded.config)
    assert fields(loaded.config) == fields(model.config)
    before = predict(model, windower_of(model, tokenizer), HOUSE)
    after = predict(loaded, windower_of(loaded, theirs), HOUSE)
    for part in ("spans", "mention_logits", "pair_logits"):
        np.testing.assert_array_equal(getattr(after, part), getattr(before, part))


def test_weights_that_a_file_lacks_begin_as_they_do_in_a_new_model(tmp_path: Path, unset_memory_is_nan: None) -> None:
    model, tokenizer = made("bert")
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(1)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    begin = {
        "mentions.start_logit.bias": -2,
        "mentions.width_logit": 0,
        "mentions.end.2.weight": 1,
        "mentions.end.2.bias": 0,
        "pairs.match_bias": 0,
        "pairs.distance_bias": 0,
        "pairs.bias": -3,
    }
    drawn = ["mentions.product.weight", "pairs.relations.0.out.weight", "pairs.product.bias"]
    save_file(
        {name: weight for name, weight in weights.items() if name not in {*begin, *drawn}}, file, {"format": "pt"}
    )
    found = LehrModel.from_pretrained(tmp_path).state_dict()
    for name, weight in weights.items():
        if name in begin:
            assert found[name].eq(begin[name]).all(), name
        elif name in drawn:
            bound = weights[name.replace("bias", "weight")].shape[-1] ** -0.5
            assert bound / 2 < found[name].abs().max() <= bound, name
        else:
            torch.testing.assert_close(found[name], weight, atol=0, rtol=0)
    with pytest.raises(ValueError, match=r"lacks the weights mentions\.end\.2\.bias, .*another version"):
        resolver_of(tmp_path)


@every_family
def test_an_encoder_is_taken_with_its_weights(family: str, tmp_path: Path) -> None:
    model, _ = made(family)
    model.encoder.save_pretrained(tmp_path)
    fresh = LehrModel.from_encoder(tmp_path, window=64, overlap=12)
    theirs = model.encoder.state_dict()
    for name, weight in fresh.encoder.state_dict().items():
        torch.testing.assert_close(weight, theirs[name], atol=0, rtol=0)
    assert fresh.pairs.bias.item() == -3
    assert fresh.config.encoder.hidden_size == 32
    kernel = AutoModel.from_pretrained(tmp_path).config._attn_implementation
    assert fresh.encoder.config._attn_implementation == kernel is not None
    said = fields(fresh.config.encoder)
    assert {said[name] for name in ("attention_probs_dropout_prob", "attention_dropout") if name in said} == {0.0}


def test_a_scorer_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="scorer is 'best'; it must be 'one-pass' or 'antecedent'"):
        LehrConfig(scorer="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="language is 'German'; it must be an ISO 639 code, such as 'de'"):
        LehrConfig(language="German")


def test_windows_that_the_encoder_cannot_read_are_refused() -> None:
    with pytest.raises(ValueError, match="window is 384 pieces, but the encoder reads 64 at most"):
        LehrConfig(encoder={"model_type": "bert", "max_position_embeddings": 64})
    with pytest.raises(ValueError, match="window is 384 pieces, but the encoder reads 382 at most"):
        LehrConfig(encoder={"model_type": "xlm-roberta", "max_position_embeddings": 384, "pad_token_id": 1})
