"""Resolvers distilled: what a teacher's logits are, what they cost, and recipes from end to end."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import tiny_model
import torch
from made_encoders import made, windower_of
from safetensors.torch import load_file
from tiny_documents import GARDEN, HOUSE, LETTER, RAIN, SHIP
from transformers import BertConfig, BertModel, TrainingArguments, get_polynomial_decay_schedule_with_warmup

from lehr.coref.data import Collator, Example
from lehr.coref.network import READS_ENCODER, Ensemble, LehrModel, Lesson
from lehr.coref.objectives import taught_mentions, taught_pairs
from lehr.coref.prediction import predict
from lehr.coref.problem import CorefProblem
from lehr.coref.trainer import optimizer
from lehr.coref.unlabelled import Unlabelled
from lehr.document import Document
from lehr.experiments.recipe import Recipe, carry_out
from lehr.formats import write
from lehr.kd.objectives import objective
from lehr.kd.teacher import fingerprint_of_model
from lehr.kinds import count

WORDS = ["Tom", "saw", "her", ".", "She", "told", "the", "captain", "of", "it", "."]


def asked(model: LehrModel, document: Document, **fields: Any) -> dict[str, torch.Tensor]:
    _, tokenizer = made("bert")
    return Collator(windower_of(model, tokenizer), model.config.max_width, **fields)([Example(document, 0)])


@torch.no_grad()
def logits(model: torch.nn.Module, document: Document) -> torch.Tensor:
    member = model.members[0] if isinstance(model, Ensemble) else model
    found: torch.Tensor = model(**asked(member, document, to_learn=False)).logits
    return found


def test_logits_are_those_of_the_matrices() -> None:
    by_kind = np.random.default_rng(2).normal(size=(count("en"),) * 2)
    by_kind += by_kind.T
    model, tokenizer = made("bert", link_scale=1.5, link_shift=0.5, kind_shift=by_kind.tolist())
    (found,) = logits(model, HOUSE)
    cells = len(tiny_model.SCHEMES) * len(HOUSE.words) * model.config.max_width
    matrix = predict(model, windower_of(model, tokenizer), HOUSE)
    mentions = found[:cells].view(len(tiny_model.SCHEMES), len(HOUSE.words), -1).numpy()
    first, last = matrix.spans.T
    np.testing.assert_allclose(mentions[:, first, last - first], matrix.mention_logits, atol=1e-5)
    above = np.triu_indices(len(matrix.spans), 1)
    pairs = 1.5 * matrix.pair_logits + 0.5 + by_kind[matrix.kinds[:, None], matrix.kinds]
    np.testing.assert_allclose(found[cells:].numpy(), pairs[above], atol=1e-5)


@pytest.mark.parametrize("alone", [True, False])
def test_a_teacher_with_other_kinds_of_words_is_another(monkeypatch: pytest.MonkeyPatch, alone: bool) -> None:
    def teacher(**fields: Any) -> torch.nn.Module:
        model, _ = made("bert", **fields)
        return model if alone else Ensemble([model])

    plain, by_kind = teacher(), teacher(kind_shift=np.zeros((count("en"),) * 2).tolist())
    before = [fingerprint_of_model(model) for model in (plain, by_kind)]
    monkeypatch.setattr("lehr.kinds._definite", lambda code: frozenset(["yonder"]))
    after = [fingerprint_of_model(model) for model in (plain, by_kind)]
    assert after[0] == before[0]
    assert after[1] != before[1], "its logits have the kinds in them"


def test_a_student_that_is_its_teacher_has_nothing_to_learn() -> None:
    model, _ = made("bert")
    batch = asked(model, HOUSE, to_learn=False)
    taught = logits(model, HOUSE)
    nothing = torch.zeros(1, 0, 2, dtype=torch.int64), torch.zeros(1, 0, dtype=torch.int64)
    known = {"scheme": torch.zeros(1, dtype=torch.int64), "gold": nothing[0], "gold_cluster": nothing[1]}
    for phi, costs in ((1.0, False), (0.5, True)):
        lesson = Lesson(objective("annealed-regression", tau_max=2), 0.0, phi)
        output = model(**batch, **known, teacher_logits=taught, lesson=lesson)
        assert (output.loss.item() > 1e-3) == costs
        assert output.loss.item() >= 0


def test_what_a_teacher_costs_by_hand() -> None:
    regress = objective("annealed-regression", tau_max=1)
    student = torch.zeros(1, 2, 3)
    teacher = torch.tensor([[[2.0, -1.0, -3.0], [4.0, -5.0, 9.0]]])
    candidate = torch.tensor([[True, True, False], [True, False, False]])
    valid = torch.tensor([[True, True, True], [True, True, False]])
    # Every cell is two classes, one of which is 0 for both: mentions 2² and 4², a candidate 1², the rest 3² and 5².
    expected = (4 + 16) / 2 / 2 + 1 / 2 + (9 + 25) / 2 / 2
    assert taught_mentions(regress, student, teacher, 1.0, candidate, valid).item() == pytest.approx(expected)
    of_pairs = taught_pairs(regress, torch.zeros(3), torch.tensor([3.0, -1.0, -2.0]), 1.0)
    assert of_pairs.item() == pytest.approx(9 / 2 + (1 + 4) / 2 / 2)
    no_pair = taught_pairs(regress, torch.zeros(2), torch.tensor([-1.0, -2.0]), 1.0)
    assert no_pair.item() == pytest.approx((1 + 4) / 2 / 2)


def test_two_of_the_same_teach_as_one_and_different_ones_on_the_mean() -> None:
    one, _ = made("bert")
    torch.manual_seed(5)
    other = LehrModel(one.config).eval()
    torch.testing.assert_close(logits(Ensemble([one, one]), HOUSE), logits(one, HOUSE))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(logits(Ensemble([one, one]), HOUSE), logits(one, HOUSE))
    cells = len(tiny_model.SCHEMES) * len(HOUSE.words) * one.config.max_width
    mean = (logits(one, HOUSE)[:, :cells] + logits(other, HOUSE)[:, :cells]) / 2
    torch.testing.assert_close(logits(Ensemble([one, other]), HOUSE)[:, :cells], mean)
    before = fingerprint_of_model(Ensemble([one, other]))
    other.config = copy.copy(other.config)
    other.config.link_scale = 0.5
    assert fingerprint_of_model(Ensemble([one, other])) != before, "calibrated otherwise, it says something else"
    wider, _ = made("bert", max_width=7)
    with pytest.raises(ValueError, match="other label spaces: max_width is 6 in one resolver and 7 in the other"):
        Ensemble([one, wider])


def test_layers_kept_of_a_resolver() -> None:
    model, _ = made("bert")
    same = model.with_layers([0, 1])
    torch.testing.assert_close(logits(same, HOUSE), logits(model, HOUSE))
    less = model.with_layers([1])
    assert less.config.encoder.num_hidden_layers == 1
    kept = less.state_dict()
    assert torch.equal(
        kept["encoder.encoder.layer.0.output.dense.weight"],
        model.state_dict()["encoder.encoder.layer.1.output.dense.weight"],
    )
    for layers in ([2], 1):
        with pytest.raises(ValueError, match=f"layers are numbers from 0 to 1, .* got {re.escape(str(layers))}"):
            model.with_layers(layers)  # type: ignore[arg-type]


def test_a_head_may_begin_with_a_larger_models() -> None:
    teacher, _ = made("bert")
    narrow = copy.deepcopy(teacher.config)
    narrow.encoder.hidden_size, narrow.encoder.intermediate_size = 16, 32
    student = LehrModel(narrow)
    before = {name: weight.clone() for name, weight in student.named_parameters()}
    student.begin_with_head(teacher)
    given = dict(teacher.named_parameters())
    for name, weight in student.named_parameters():
        if name.startswith("encoder.") or name.endswith(READS_ENCODER):
            assert torch.equal(weight, before[name]), name
        else:
            assert torch.equal(weight, given[name]), name
    twin = LehrModel(teacher.config)
    twin.begin_with_head(teacher)
    assert torch.equal(twin.pairs.start[0].weight, teacher.pairs.start[0].weight), "as wide, so copied too"
    other, _ = made("bert", relation_layers=1)
    with pytest.raises(ValueError, match="only if both have the same sizes, layers and schemes"):
        student.begin_with_head(other)


def test_a_schedule_may_end_at_a_rate_of_its_own(tmp_path: Path) -> None:
    model, _ = made("bert")
    rates = optimizer(model, TrainingArguments(str(tmp_path), learning_rate=1e-3, use_cpu=True), 6.0)
    schedule = get_polynomial_decay_schedule_with_warmup(rates, 0, 10, lr_end=2e-4, power=1.0)
    for _ in range(10):
        rates.step()
        schedule.step()
    assert {round(rate, 9) for rate in schedule.get_last_lr()} == {2e-4, 1.2e-3}, "encoder and head"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    for number, name in ((12, "emma"), (7, "nostromo"), (3, "emma_again")):
        paragraph = " ".join(WORDS)
        (tmp_path / f"{number}_{name}.txt").write_text("\n\n".join([f"{name} {paragraph}"] * 9), encoding="utf-8")
    (tmp_path / "test.ids").write_text("12_emma_brat.tsv\n", encoding="utf-8")
    return tmp_path


def test_texts_are_cut_into_documents_and_some_left_out(texts: Path) -> None:
    def drawn(words: int | None, **fields: Any) -> list[Document]:
        given = {"scheme": "entities", "files": ["*.txt"], "length": 20, "without": ["test.ids"], **fields}
        found = Unlabelled(words=words, **given).examples(texts, 1)
        assert not any(example.labelled for example in found)
        assert {example.scheme for example in found} == {1}
        return [example.document for example in found]

    some, more = drawn(30), drawn(90)
    assert more[: len(some)] == some
    assert 30 <= sum(len(document.words) for document in some) < 30 + 26
    assert {document.id.split("_")[0] for document in more} == {"7", "3"}
    assert {document.id.split("_")[0] for document in drawn(150, without=[])} == {"7", "3", "12"}
    assert [d.id for d in drawn(90, seed=1)] != [d.id for d in more]
    assert sum(len(document.words) for document in drawn(None)) == 192
    assert len(drawn(None, length=1000)) == 2, "a text that is shorter than a document is one"
    (texts / "two.conll").write_text(write([HOUSE, SHIP], "conll"), encoding="utf-8")
    whole = drawn(None, files=["two.conll"], without=[])
    assert sorted(document.id for document in whole) == ["two-0", "two-1"], "documents are not cut"
    assert {document.text for document in whole} == {HOUSE.text, SHIP.text}
    assert not any(document.clusters for document in whole)
    with pytest.raises(ValueError, match=r"\*\.txt have 192 words, and 1,000 are wanted"):
        drawn(1000)
    with pytest.raises(ValueError, match="no file matches"):
        drawn(10, files=["*.md"])
    with pytest.raises(ValueError, match=r"test\.ids leaves nothing out of 7_\*\.txt"):
        drawn(10, files=["7_*.txt"])
    with pytest.raises(ValueError, match=r"test\.ids leaves everything out of 12_\*\.txt"):
        drawn(10, files=["12_*.txt"])


@pytest.fixture
def recipe(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recipe]:
    """A recipe of small documents and encoders; the teacher is a resolver of random weights."""
    monkeypatch.setenv("LEHR_CACHE", str(tmp_path / "cache"))
    tokenizer = tiny_model.tokenizer()
    torch.manual_seed(4)
    sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 64}
    encoder = BertModel(BertConfig(vocab_size=len(tokenizer), num_hidden_layers=2, **sizes))
    encoder.save_pretrained(tmp_path / "encoder")
    tiny_model.model(len(tokenizer), schemes=["entities"], link_threshold=0.5).save_pretrained(tmp_path / "teacher")
    for folder in ("encoder", "teacher"):
        tokenizer.save_pretrained(tmp_path / folder)
    for document in (HOUSE, SHIP, RAIN, LETTER, GARDEN):
        (texts / f"{document.id}.conll").write_text(write([document], "conll"), encoding="utf-8")
    small = {"window": 48, "overlap": 8, "max_width": 6, "mention_size": 16, "pair_size": 12}

    def made_of(**fields: Any) -> Recipe:
        given: dict[str, Any] = {
            "task": "coref/tiny",
            "data": str(texts),
            "documents": {
                "train": [{"scheme": "entities", "files": ["ship.conll", "rain.conll", "letter.conll"]}],
                "dev": [{"scheme": "entities", "files": ["house.conll"]}],
                "test": [{"scheme": "entities", "files": ["garden.conll"]}],
                "unlabelled": {"scheme": "entities", "files": ["*.txt"], "words": 60, "length": 20},
            },
            "models": {
                "teacher": {"from": str(tmp_path / "teacher")},
                "assistant": {"from": str(tmp_path / "encoder"), **small},
                "student": {"from": str(tmp_path / "encoder"), "layers": [0], **small},
            },
            "training": {"learning_rate": 1e-3, "use_cpu": True, "report_to": []},
        }
        return Recipe(**given | fields)

    return made_of


PSEUDO = [
    {"objective": "pseudo-labels", "epochs": 1, "teacher": "teacher"},
    {"objective": "hard-labels", "epochs": 1},
]

AGAIN = [
    {"objective": "hard-labels", "epochs": 1},
    {"objective": "annealed-regression", "epochs": 1, "student": "second", "like": "student", "teacher": "student"},
    {"objective": "hard-labels", "epochs": 1, "student": "second"},
]


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "annealing-kd", "epochs": 3},
        {"method": "takd", "epochs": 1},
        {"method": "scratch", "epochs": 1},
        {"stages": PSEUDO},
        {"stages": AGAIN},
    ],
    ids=["annealing-kd", "takd", "scratch", "pseudo-labels", "born-again"],
)
def test_recipes_from_end_to_end(recipe: Callable[..., Recipe], tmp_path: Path, fields: dict[str, Any]) -> None:
    result = carry_out(recipe(**fields), tmp_path / "out")
    for record in ("result.json", "model/training.json"):
        assert result == json.loads((tmp_path / "out" / record).read_text("utf-8"))
    assert result["metric"] == "conll_f1"
    assert 0 <= result["test"] <= 100
    assert result["test_scores"].keys() == {"conll_f1", "mention_f1", "muc_f1", "b_cubed_f1", "ceaf_e_f1"}
    steps = [stage["log"][-1]["step"] / stage["epochs"] for stage in result["stages"]]
    unlabelled = len(CorefProblem(recipe(**fields).documents, recipe(**fields).data).unlabelled)
    assert unlabelled >= 2
    assert steps == [3 + unlabelled * (stage["title"].find("hard") < 0) for stage in result["stages"]]

    student = LehrModel.from_pretrained(tmp_path / "out/model")
    assert student.config.encoder.num_hidden_layers == 1
    kept = load_file(sorted(tmp_path.glob("out/stage-*/model.safetensors"))[-1])
    assert all(torch.equal(tensor, kept[name]) for name, tensor in student.state_dict().items())
    problem = recipe(**fields).problem()
    scores = problem.test(student, {"from": str(tmp_path / "out/model")})
    assert scores["conll_f1"] == pytest.approx(result["test"] / 100, abs=1e-4), "thresholds are saved with the weights"
    assert carry_out(recipe(**fields), tmp_path / "out", resume=True) == result


def test_what_was_decided_of_an_assistant_is_not_decided_anew(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = carry_out(recipe(method="takd", epochs=1), tmp_path / "out")
    (tmp_path / "out/result.json").unlink()
    monkeypatch.setattr("lehr.coref.problem.tune", lambda *_: pytest.fail("tuned again"))
    assert (
        carry_out(recipe(method="takd", epochs=1), tmp_path / "out", resume=True)["test_scores"]
        == result["test_scores"]
    )


def test_another_teacher_is_noticed_of_a_run_that_is_done(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    carry_out(recipe(method="kd", epochs=1), tmp_path / "out")
    teacher = LehrModel.from_pretrained(tmp_path / "teacher")
    with torch.no_grad():
        teacher.pairs.product.weight.add_(1)
    teacher.save_pretrained(tmp_path / "teacher")
    with pytest.raises(ValueError, match="stage-1 was begun as another stage: teachers was"):
        carry_out(recipe(method="kd", epochs=1), tmp_path / "out", resume=True)


def test_the_last_epoch_may_be_chosen(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    stages = [{"objective": "hard-labels", "epochs": 2, "choose": "last"}]
    assert carry_out(recipe(stages=stages), tmp_path / "out")["stages"][0]["chosen_epoch"] == 2


def test_a_recipes_student_may_begin_with_its_teachers_head(recipe: Callable[..., Recipe]) -> None:
    of_teacher = recipe(method="kd").models["teacher"]
    of_student = {**recipe(method="kd").models["student"], "head": of_teacher["from"]}
    problem = recipe(method="kd").problem()
    teacher, student = problem.model(of_teacher), problem.model(of_student)
    assert isinstance(student, LehrModel)
    assert isinstance(teacher, LehrModel)
    assert student.config.encoder.num_hidden_layers == 1
    assert torch.equal(student.pairs.product.weight, teacher.pairs.product.weight)


def test_what_cannot_be_distilled(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    def refused(message: str, **fields: Any) -> None:
        with pytest.raises(ValueError, match=message):
            carry_out(recipe(**{"method": "kd", "epochs": 1, **fields}), tmp_path / "out")
        assert not list(tmp_path.glob("out/stage-*"))

    models = dict(recipe(method="kd").models)
    wider = {**models, "student": {**models["student"], "max_width": 7}}
    refused("other label spaces: max_width is 7 in one resolver and 6 in the other", models=wider)
    refused("resolvers learn by hard-labels, pseudo-labels", method="dkd")
    two = {"learning_rate": 1e-3, "use_cpu": True, "per_device_train_batch_size": 2}
    refused("with a teacher, a batch is one document", training=two)
    refused("kept logits, not from a teacher online", online=True)
    refused("trained by AdamW; leave out `optim`", training={"optim": "sgd", "use_cpu": True})
    settled = {**models, "student": {"from": str(tmp_path / "teacher"), "max_width": 7}}
    refused("is a resolver already; max_width cannot be chosen anew", models=settled)
    settled = {**models, "student": {"from": str(tmp_path / "teacher"), "head": str(tmp_path / "teacher")}}
    refused("is a resolver already; head cannot be chosen anew", models=settled)
    bare = {**models, "student": {**models["student"], "head": str(tmp_path / "encoder")}}
    refused("`head` is .*encoder, which is no resolver", models=bare)
    wide = {**models, "student": {**models["student"], "pair_size": 24, "head": str(tmp_path / "teacher")}}
    refused("only if both have the same sizes", models=wide)
    refused("no encoder or resolver", models={**models, "teacher": {"from": str(tmp_path / "nowhere")}})
    documents = dict(recipe(method="kd").documents)
    twice = CorefProblem({**documents, "unlabelled": [documents["unlabelled"]] * 2}, recipe(method="kd").data)
    assert len(twice.unlabelled) == 2 * len(CorefProblem(documents, recipe(method="kd").data).unlabelled)
    texts = {"scheme": "x", "files": ["*.txt"], "words": 60}
    refused("unlabelled: scheme 'x' is never trained", documents={**documents, "unlabelled": texts})
    refused("unlabelled: keys and values belong here", documents={**documents, "unlabelled": "novels"})
    files = {"scheme": "entities", "files": "*.txt"}
    refused("documents: unlabelled: `files` is a list", documents={**documents, "unlabelled": files})
    odd = [{"scheme": "x", "files": ["house.conll"]}]
    refused("scheme 'x' is scored but never trained", documents={**documents, "dev": odd})
    chains = {"scheme": "chains", "files": ["ship.conll"]}
    two = {**documents, "train": [*documents["train"], chains], "test": [chains]}
    refused("`test` has no document of 'entities', whose score is the run's", documents=two)
    Path(str(recipe(method="kd").data), "blank.conll").write_text("#begin document (blank);\n#end document\n", "utf-8")
    for part, other, name in (("train", "test", "letter"), ("dev", "test", "house"), ("train", "dev", "rain")):
        seen = [*documents[other], {"scheme": "entities", "files": [f"{name}.conll"]}]
        refused(f"'{name}' is in `{part}` and in `{other}`", documents={**documents, other: seen})
    Path(str(recipe(method="kd").data), "of_test.txt").write_text(GARDEN.text.replace(" ,", ","), "utf-8")
    read = {**documents["unlabelled"], "files": ["of_test.txt"], "words": None}
    refused("`unlabelled` has 'of_test-0', whose text is in `test` too", documents={**documents, "unlabelled": read})
    refused("documents: `train` is a list of keys and values, and not 5", documents={**documents, "train": 5})
    odd = [{"scheme": "entities", "files": [5]}]
    refused(r"documents: train: `files` is a list of strings, and not \[5\]", documents={**documents, "train": odd})
    for key, value in (("window", "wide"), ("language", 5), ("layers", "0"), ("from", 5), ("members", [5])):
        spec = {**models["student"], key: value}
        refused(f"model: `{key}` is a .*, and not {re.escape(repr(value))}", models={**models, "student": spec})
    for key, value in (("max_width", 0), ("relation_layers", -1), ("dropout", 1)):
        spec = {**models["student"], key: value}
        refused(f"{key} .*{value}", models={**models, "student": spec})
    several = {"members": [str(tmp_path / "teacher")]}
    refused("several `members` can teach, but they are no student", models={**models, "student": several})
    blank = [{"scheme": "entities", "files": ["blank.conll"]}]
    refused("`dev` has no document with words", documents={**documents, "dev": blank})
    judge = {**models, "student": {**models["student"], "singleton_scheme": "x"}}
    refused("singleton_scheme is 'x', and the schemes are", models=judge)
    other = copytree(tmp_path / "teacher", tmp_path / "other")
    more = tiny_model.tokenizer()
    more.add_tokens(["extra"])
    more.save_pretrained(other)
    members = {**models, "teacher": {"members": [str(tmp_path / "teacher"), str(other)]}}
    refused("`members` read text in different word pieces", models=members)
    with pytest.raises(ValueError, match="`documents` go with a task coref/NAME"):
        recipe(method="kd", documents={})
