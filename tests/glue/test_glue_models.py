from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="classifiers are made with torch: pip install 'lehr[train]'")

import torch
from tiny_classifiers import FAMILIES, LAYERS, batch, save_encoder
from torch import nn
from transformers import AlbertConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from lehr.glue.models import ATTENTION_DROPOUT, centre, classifier
from lehr.glue.tasks import MNLI, RTE, SST2, STSB, TASKS
from lehr.kd.layers import keep_layers
from lehr.shelf import encoder_path


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {family: save_encoder(family, tmp_path_factory.mktemp("encoders") / family) for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_chosen_layers_are_the_originals(encoders: dict[str, Path], family: str, tmp_path: Path) -> None:
    whole = AutoModel.from_pretrained(encoders[family])
    student = classifier(encoders[family], MNLI, layers=[0, 2, 3]).eval()
    assert student.config.num_hidden_layers == 3

    name = LAYERS[family]
    theirs = whole.get_submodule(name.removeprefix(whole.base_model_prefix + "."))
    ours = student.get_submodule(name)
    assert len(ours) == 3
    for kept, layer in zip(ours, (0, 2, 3), strict=True):
        state = theirs[layer].state_dict()
        assert kept.state_dict().keys() == state.keys()
        assert all(torch.equal(value, state[key]) for key, value in kept.state_dict().items())
    known = {key: value for key, value in whole.state_dict().items() if not key.startswith(name.split(".", 1)[1])}
    mine = student.base_model.state_dict()
    assert known
    assert all(torch.equal(mine[key], value) for key, value in known.items() if key in mine)

    with torch.no_grad():
        logits = student(**batch()).logits
        assert logits.shape == (3, 3)
        assert logits.dtype == torch.float32
        student.save_pretrained(tmp_path)
        again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
        assert torch.equal(again(**batch()).logits, logits)
        # What was trained stays when it is read for the same task.
        assert torch.equal(classifier(tmp_path, MNLI).eval()(**batch()).logits, logits)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_centred_head_begins_around_the_mean(encoders: dict[str, Path], family: str) -> None:
    model = classifier(encoders[family], STSB).eval()
    with torch.no_grad():
        before = model(**batch()).logits
        centre(model, 2.5)
        torch.testing.assert_close(model(**batch()).logits, before + 2.5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shorter_model_is_the_longer_one_without_those_layers(encoders: dict[str, Path], family: str) -> None:
    """Two paths to the same function: new modules with copied weights, and the old modules in a shorter list."""
    model = classifier(encoders[family], RTE).eval()
    with torch.no_grad():
        kept = keep_layers(model, [0, 1, 3])(**batch()).logits
        holder, _, last = LAYERS[family].rpartition(".")
        layers = model.get_submodule(LAYERS[family])
        setattr(model.get_submodule(holder), last, nn.ModuleList([layers[0], layers[1], layers[3]]))
        model.config.num_hidden_layers = 3
        if family == "modernbert":
            model.config.layer_types = [model.config.layer_types[i] for i in (0, 1, 3)]
        torch.testing.assert_close(model(**batch()).logits, kept)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_heads(encoders: dict[str, Path], task) -> None:
    model = classifier(encoders["bert"], task)
    labels = torch.tensor([0.5, 4, 2]) if task.regression else torch.tensor([0, 1, 1])
    output = model(**batch(), labels=labels)
    assert output.logits.shape == (3, task.num_labels)
    assert list(model.config.id2label.values()) == list(task.labels)
    if task.regression:
        expected = nn.functional.mse_loss(output.logits[:, 0], labels)
    else:
        expected = nn.functional.cross_entropy(output.logits, labels)
    torch.testing.assert_close(output.loss, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_does_not_drop_out_unless_asked(encoders: dict[str, Path], family: str) -> None:
    config = classifier(encoders[family], RTE).config
    names = [name for name in ATTENTION_DROPOUT if hasattr(config, name)]
    assert names
    assert all(getattr(config, name) == 0 for name in names)
    model = classifier(encoders[family], RTE, dropout=0, attention_dropout=0.25)
    assert all(getattr(model.config, name) == 0.25 for name in names)
    dropouts = {module.p for module in model.base_model.modules() if isinstance(module, nn.Dropout)}
    assert dropouts <= {0, 0.25}


def test_another_tasks_head_begins_afresh(encoders: dict[str, Path], tmp_path: Path) -> None:
    classifier(encoders["bert"], MNLI).save_pretrained(tmp_path)
    model = classifier(tmp_path, STSB)
    assert model(**batch()).logits.shape == (3, 1)
    assert model.config.problem_type == "regression"


def test_labels_in_another_order(encoders: dict[str, Path], tmp_path: Path) -> None:
    model = classifier(encoders["bert"], MNLI)
    model.config.id2label = {0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="has the labels contradiction, neutral, entailment, and mnli has entailment"):
        classifier(tmp_path, MNLI)


def test_the_shelf(encoders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEHR_ENCODERS", str(encoders["bert"].parent))
    assert classifier("some/bert", SST2).config.model_type == "bert"
    with pytest.raises(ValueError, match=r"no encoder \./nowhere, neither as a folder"):
        classifier("./nowhere", SST2)


@pytest.mark.parametrize("layers", [[], [0, 0], [2, 1], [0, 4], [-1], [-1, 2]], ids=str)
def test_layers_that_are_not_there(encoders: dict[str, Path], layers: list[int]) -> None:
    with pytest.raises(ValueError, match=r"layers are numbers from 0 to 3, each once, rising; got"):
        classifier(encoders["bert"], RTE, layers=layers)


def test_layers_that_cannot_be_kept(encoders: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match=r"ModernBertForSequenceClassification needs its layer 0 as its first"):
        classifier(encoders["modernbert"], RTE, layers=[1, 2])
    shared = AlbertConfig(
        vocab_size=50, embedding_size=8, hidden_size=8, num_hidden_layers=3, num_attention_heads=1, intermediate_size=8
    )
    with pytest.raises(ValueError, match=r"Albert.*: found 0 lists of 3 layers, expected one"):
        keep_layers(AutoModelForSequenceClassification.from_config(shared), [0])


@pytest.mark.parametrize(("name", "layers"), [("all-MiniLM-L6-v2", [0, 2, 5]), ("all-mpnet-base-v2", [0])])
def test_the_real_encoders(name: str, layers: list[int]) -> None:
    folder = encoder_path(name)
    if not Path(folder).is_dir():
        pytest.skip(f"{name} is not on the shelf of encoders")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    student = classifier(folder, STSB, layers=layers).eval()
    made = tokenizer(["A man plays.", "It rains again."], ["He plays.", "No."], padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = student(**made).logits
    assert logits.shape == (2, 1)
    assert torch.isfinite(logits).all()
    assert len(student.get_submodule(LAYERS[student.config.model_type])) == len(layers)
