from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.kd.stages import METHODS, Stage, method, read_stages


def test_annealing_kd_is_the_papers_on_glue() -> None:
    first, second = method("annealing-kd")
    assert (first.name, first.epochs, first.tau_max, first.teachers) == ("annealed-regression", 14, 7, ["teacher"])
    assert (second.name, second.epochs, second.teachers) == ("hard-labels", 4, [])
    assert [first.phi((epoch + 1) / 14) for epoch in (0, 2, 13)] == [1 / 7, 2 / 7, 1]


def test_takd_trains_two_students_one_from_the_other() -> None:
    assert [(s.student, s.teachers) for s in method("takd")] == [
        ("assistant", ["teacher"]),
        ("student", ["assistant"]),
    ]


@given(name=st.sampled_from(sorted(METHODS)), epochs=st.integers(2, 400))
def test_every_method_gives_each_student_the_same_epochs(name: str, epochs: int) -> None:
    stages = method(name, epochs)
    for student in {stage.student for stage in stages}:
        assert sum(stage.epochs for stage in stages if stage.student == student) == epochs


def test_epochs_are_shared_as_the_methods_own() -> None:
    assert [stage.epochs for stage in method("annealing-kd", 9)] == [7, 2]
    assert [stage.epochs for stage in method("annealing-kd", 2)] == [1, 1]


def test_settings_of_an_objective() -> None:
    stage = Stage({"name": "annealed-regression", "tau_max": 10, "shape": "linear"}, 5, teacher=["a", "b"])
    assert stage.tau_max == 10
    assert stage.phi(0.5) == pytest.approx(0.55)
    assert stage.title() == "student, annealed-regression from a + b"
    assert Stage("kd", 1, teacher="a").phi(0.2) == 1
    assert Stage("kd", 1, teacher="a").tau_max is None


def test_what_the_objective_learns() -> None:
    assert list(Stage("ctkd", 1, teacher="t").learned) == ["temperature"]
    assert Stage("kd", 1, teacher="t").learned == {}


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"objective": "kd"}, "stage 1: stage: key 'epochs' is missing"),
        ({"objective": "kd", "epochs": 0}, "stage 1: a stage takes one whole epoch or more; got 0"),
        ({"objective": "kd", "epochs": 2.5}, "stage 1: stage: `epochs` is a whole number, and not 2.5"),
        ({"objective": "kd", "epochs": 1, "training": {"greater_is_better": True}}, "training: leave out `greater_is_"),
        (
            {"objective": "kd", "epochs": 1, "training": {"save_only_model": True}},
            "stage 1: training: leave out `save_only_model`: a checkpoint is kept whole, so that",
        ),
        ({"objective": "annealing", "epochs": 1}, "stage 1: .*'annealing'.*known.*annealed-regression"),
        ({"objective": {"name": "kd", "temprature": 5}, "epochs": 1}, "stage 1: .*'temprature'"),
        ({"objective": "kd", "epochs": 1, "choose": "first"}, "stage 1: unknown choose 'first'; known are last"),
        ({"objective": "kd", "epochs": 1, "per": "day"}, "stage 1: unknown per 'day'"),
        ({"objective": "kd", "epochs": 1, "teacher": "student"}, "stage 1: 'student' is its own teacher"),
        ({"objective": "kd", "epochs": 1, "milestones": [0.5, 1.5]}, "stage 1: milestones are shares"),
        ({"objective": "kd", "epochs": 1, "training": {"lr": 1}}, "stage 1: training: unknown key 'lr'"),
        ({"objective": "kd", "epochs": 1, "teachers": "a"}, "stage 1: stage: unknown key 'teachers'"),
    ],
)
def test_bad_stages_are_refused_in_one_sentence(stage: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_stages([stage])


def test_bad_methods_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown method 'annealing'; known are scratch, kd, takd"):
        method("annealing")
    with pytest.raises(ValueError, match="1 epochs are too few for 2 stages"):
        method("annealing-kd", 1)
    with pytest.raises(ValueError, match="one stage or more"):
        read_stages([])
