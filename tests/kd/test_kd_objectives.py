"""Every objective against its formula, written out item by item in NumPy, its gradient by finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from lehr.kd.objectives import LEARNED, OBJECTIVES, hard_labels, kd, objective, standardised

Row = np.ndarray
Formula = Callable[..., float]

RAW = 0.3
"""What CTKD's learnable temperature holds in these tests."""


def softmax(z: Row, t: float = 1.0) -> Row:
    e = np.array([math.exp(x / t) for x in z])
    return e / e.sum()


def kl(p: Row, q: Row) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def average(values: list[float]) -> float:
    return sum(values) / len(values)


def cross_entropy(z_s: Row, y: Row) -> float:
    return average([-math.log(softmax(z)[label]) for z, label in zip(z_s, y, strict=True) if label != -100])


def staircase(progress: float, tau_max: int) -> float:
    return math.ceil(progress * tau_max) / tau_max


def f_hard(z_s: Row, z_t: Row, y: Row, progress: float, start: Row) -> float:
    return cross_entropy(z_s, y)


def f_pseudo(z_s: Row, z_t: Row, y: Row, progress: float, start: Row) -> float:
    return cross_entropy(z_s, np.array([max(range(len(z)), key=z.__getitem__) for z in z_t]))


def f_annealed(z_s: Row, z_t: Row, y: Row, progress: float, start: Row, tau_max: int = 7) -> float:
    return float(np.mean((z_s - staircase(progress, tau_max) * z_t) ** 2))


def f_kd(
    z_s: Row,
    z_t: Row,
    y: Row,
    progress: float,
    start: Row,
    temperature: float = 5.0,
    soft_weight: float = 0.5,
    hard_weight: float = 0.5,
) -> float:
    soft = [kl(softmax(t, temperature), softmax(s, temperature)) for s, t in zip(z_s, z_t, strict=True)]
    return hard_weight * cross_entropy(z_s, y) + soft_weight * temperature**2 * average(soft)


def f_continuation(
    z_s: Row,
    z_t: Row,
    y: Row,
    progress: float,
    start: Row,
    tau_max: int = 10,
    hard_from: float = 0.75,
    margin: float = 0.0,
) -> float:
    psi, phi = min(1, progress / hard_from), staircase(progress, tau_max)
    hinge = [max(0.0, float(np.mean((s - phi * t) ** 2)) - margin * phi) for s, t in zip(z_s, z_t, strict=True)]
    return psi * cross_entropy(z_s, y) + (1 - psi) * average(hinge)


def f_ctkd(
    z_s: Row,
    z_t: Row,
    y: Row,
    progress: float,
    start: Row,
    lowest: float = 1.0,
    span: float = 20.0,
    ramp: float = 1 / 24,
    soft_weight: float = 0.9,
    hard_weight: float = 0.1,
    raw: float = RAW,
) -> float:
    temperature = lowest + span / (1 + math.exp(-raw))
    return f_kd(z_s, z_t, y, progress, start, temperature, soft_weight, hard_weight)


def f_dkd(
    z_s: Row,
    z_t: Row,
    y: Row,
    progress: float,
    start: Row,
    alpha: float = 1.0,
    beta: float = 8.0,
    temperature: float = 4.0,
    hard_weight: float = 1.0,
    warm_up: float = 20 / 240,
) -> float:
    soft = []
    for s, t, label in zip(z_s, z_t, y, strict=True):
        if label == -100:
            continue
        p_s, p_t = softmax(s, temperature), softmax(t, temperature)
        target = kl(np.array([p_t[label], 1 - p_t[label]]), np.array([p_s[label], 1 - p_s[label]]))
        rest_s, rest_t = np.delete(p_s, label), np.delete(p_t, label)
        soft.append(alpha * target + beta * kl(rest_t / rest_t.sum(), rest_s / rest_s.sum()))
    return hard_weight * cross_entropy(z_s, y) + min(1, progress / warm_up) * temperature**2 * average(soft)


def f_dist(
    z_s: Row,
    z_t: Row,
    y: Row,
    progress: float,
    start: Row,
    beta: float = 2.0,
    gamma: float = 2.0,
    temperature: float = 4.0,
    hard_weight: float = 1.0,
) -> float:
    p_s = np.array([softmax(z, temperature) for z in z_s])
    p_t = np.array([softmax(z, temperature) for z in z_t])
    inter = average([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(p_s, p_t, strict=True)])
    intra = average([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(p_s.T, p_t.T, strict=True)])
    return hard_weight * cross_entropy(z_s, y) + temperature**2 * (beta * inter + gamma * intra)


def f_taid(
    z_s: Row,
    z_t: Row,
    y: Row,
    progress: float,
    start: Row,
    t_start: float = 0.4,
    t_end: float = 1.0,
    temperature: float = 1.0,
    hard_weight: float = 0.0,
) -> float:
    t = t_start * (1 - progress) + t_end * progress
    targets = (1 - t) * start + t * z_t  # `start`: the student without gradient
    soft = [kl(softmax(p, temperature), softmax(s, temperature)) for s, p in zip(z_s, targets, strict=True)]
    return hard_weight * cross_entropy(z_s, y) + temperature**2 * average(soft)


def on_z_scores(formula: Formula) -> Formula:
    def z(rows: Row) -> Row:
        return np.array([(row - row.mean()) / math.sqrt(((row - row.mean()) ** 2).mean()) for row in rows])

    def wrapped(z_s: Row, z_t: Row, y: Row, progress: float, start: Row, hard_weight: float, **own: Any) -> float:
        soft = formula(z(z_s), z(z_t), y, progress, z(start), hard_weight=0.0, **own)
        return soft + hard_weight * cross_entropy(z_s, y)

    return wrapped


FORMULAS: dict[str, Formula] = {
    "hard-labels": f_hard,
    "pseudo-labels": f_pseudo,
    "annealed-regression": f_annealed,
    "kd": f_kd,
    "continuation-kd": f_continuation,
    "ctkd": f_ctkd,
    "dkd": f_dkd,
    "dist": f_dist,
    "taid": f_taid,
}

OTHERS: dict[str, dict[str, Any]] = {
    "hard-labels": {},
    "pseudo-labels": {},
    "annealed-regression": {"tau_max": 3},
    "kd": {"temperature": 2.0, "soft_weight": 0.7, "hard_weight": 0.2},
    "continuation-kd": {"tau_max": 3, "hard_from": 0.9, "margin": 1.5},
    "ctkd": {"lowest": 0.5, "span": 3.0, "ramp": 0.7, "soft_weight": 0.6, "hard_weight": 0.3},
    "dkd": {"alpha": 0.6, "beta": 1.4, "temperature": 2.0, "hard_weight": 0.3, "warm_up": 0.8},
    "dist": {"beta": 0.6, "gamma": 1.4, "temperature": 1.5, "hard_weight": 0.3},
    "taid": {"t_start": 0.1, "t_end": 0.8, "temperature": 2.0, "hard_weight": 0.3},
}
"""Settings that are not the defaults, for every objective."""

COMPOSITE = ["kd", "ctkd", "dkd", "dist", "taid"]

CASES: dict[str, tuple[str, dict[str, Any], Formula]] = {
    **{f"{name}, defaults": (name, {}, formula) for name, formula in FORMULAS.items()},
    **{f"{name}, others": (name, OTHERS[name], formula) for name, formula in FORMULAS.items()},
    **{
        f"{name}, standardised": (name, {**OTHERS[name], "standardise": True}, on_z_scores(FORMULAS[name]))
        for name in COMPOSITE
    },
}

every_case = pytest.mark.parametrize(("name", "own", "formula"), CASES.values(), ids=CASES.keys())
every_objective = pytest.mark.parametrize("name", OBJECTIVES)


def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logits of student and teacher (2, 4, 5), labels, one of which is none, and a mask, one item of which is out."""
    generator = torch.Generator().manual_seed(5)
    student = torch.randn(2, 4, 5, generator=generator, dtype=torch.float64).requires_grad_()
    teacher = 2 * torch.randn(2, 4, 5, generator=generator, dtype=torch.float64)
    labels = torch.tensor([[0, 4, -100, 2], [3, 3, 1, 0]])
    mask = torch.ones(2, 4, dtype=torch.bool)
    mask[1, 2] = False
    return student, teacher, labels, mask


def with_learned(name: str, **own: Any) -> Callable[..., Tensor]:
    function = objective(name, **own)
    learned = {key: torch.tensor(RAW, dtype=torch.float64) for key in LEARNED.get(name, {})}
    return lambda *inputs, **keywords: function(*inputs, **learned, **keywords)


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    return torch.autograd.grad(loss, of)[0]


@pytest.mark.parametrize("progress", [0.4, 1.0])
@every_case
def test_value_and_gradient(name: str, own: dict[str, Any], formula: Formula, progress: float) -> None:
    student, teacher, labels, mask = batch()
    loss = with_learned(name, **own)(student, teacher, labels, progress, mask=mask)
    z_s, z_t, y = student.detach()[mask].numpy(), teacher[mask].numpy(), labels[mask].numpy()
    own = {key: value for key, value in own.items() if key != "standardise"}

    def value(z: Row) -> float:
        return formula(z, z_t, y, progress, z_s, **own)

    assert loss.shape == ()
    assert loss.item() == pytest.approx(value(z_s), rel=1e-9)

    numeric = np.zeros_like(z_s)
    for place in np.ndindex(*z_s.shape):
        step = np.zeros_like(z_s)
        step[place] = 1e-5
        numeric[place] = (value(z_s + step) - value(z_s - step)) / 2e-5
    found = gradient(loss, student)
    assert np.abs(numeric).max() > 1e-3
    np.testing.assert_allclose(found[mask].numpy(), numeric, atol=1e-7)
    assert not found[~mask].any()


@every_case
def test_items_without_a_mask_and_a_single_item(name: str, own: dict[str, Any], formula: Formula) -> None:
    student, teacher, labels, mask = batch()
    function = with_learned(name, **own)
    flat = function(student[mask], teacher[mask], labels[mask], 0.4)
    torch.testing.assert_close(flat, function(student, teacher, labels, 0.4, mask=mask))
    rows = student[mask][:1], teacher[mask][:1], labels[mask][:1]
    torch.testing.assert_close(function(*(row[0] for row in rows), 0.4), function(*rows, 0.4))


@every_case
def test_eight_batches_of_one_are_one_of_eight(name: str, own: dict[str, Any], formula: Formula) -> None:
    own = own | ({"gamma": 0.0} if name == "dist" else {})  # the intra term is the batch's, by definition
    student, teacher, labels, _ = batch()
    labels[labels == -100] = 1
    function = with_learned(name, **own)
    rows = list(zip(student.reshape(8, 1, 5), teacher.reshape(8, 1, 5), labels.reshape(8, 1), strict=True))
    whole = function(student, teacher, labels, 0.4)
    pieces = torch.stack([function(*row, 0.4, items=torch.tensor(8)) for row in rows]).sum()
    torch.testing.assert_close(pieces, whole)
    torch.testing.assert_close(gradient(pieces, student), gradient(whole, student))


def test_items_divide_hard_and_soft_terms_alike() -> None:
    student, teacher, labels, mask = batch()  # 7 unmasked, 6 of them labelled
    soft = kd(student, teacher, labels, 1.0, mask=mask, hard_weight=0.0)
    hard = hard_labels(student, None, labels, 1.0, mask=mask)
    expected = (7 * soft + 6 * 0.5 * hard) / 14
    torch.testing.assert_close(kd(student, teacher, labels, 1.0, mask=mask, items=14), expected)


def test_the_intra_term_of_dist_is_the_batchs() -> None:
    student, teacher, labels, _ = batch()
    function = objective("dist", beta=0.0, hard_weight=0.0)
    halves = [function(student[i], teacher[i], labels[i], 1.0) for i in (0, 1)]
    weighted = [function(student[i], teacher[i], labels[i], 1.0, items=8) for i in (0, 1)]
    torch.testing.assert_close(weighted[0] + weighted[1], (halves[0] + halves[1]) / 2)
    assert abs(sum(weighted) - function(student, teacher, labels, 1.0)) > 0.1
    # One item alone has no correlation over items: r = 0.
    assert function(student[0, :1], teacher[0, :1], labels[0, :1], 1.0).item() == pytest.approx(2 * 4**2)


@every_case
def test_what_is_masked_may_be_anything(name: str, own: dict[str, Any], formula: Formula) -> None:
    student, teacher, labels, mask = batch()
    function = with_learned(name, **own)
    before = function(student, teacher, labels, 0.4, mask=mask)
    spoilt = student.detach().clone().masked_fill(~mask[..., None], math.nan).requires_grad_()
    after = function(
        spoilt, teacher.masked_fill(~mask[..., None], math.inf), labels.masked_fill(~mask, 77), 0.4, mask=mask
    )
    torch.testing.assert_close(after, before)
    torch.testing.assert_close(gradient(after, spoilt), gradient(before, student))


@every_case
def test_nothing_to_learn_from_is_zero(name: str, own: dict[str, Any], formula: Formula) -> None:
    student, teacher, labels, mask = batch()
    loss = with_learned(name, **own)(student, teacher, labels, 0.4, mask=torch.zeros_like(mask))
    assert loss.item() == 0
    assert not gradient(loss, student).any()


@every_case
def test_half_precision_is_computed_in_float32(name: str, own: dict[str, Any], formula: Formula) -> None:
    student, teacher, labels, _ = batch()
    half = student.detach().bfloat16().requires_grad_()
    learned = {key: torch.tensor(RAW) for key in LEARNED.get(name, {})}
    loss = objective(name, **own)(half, teacher.half(), labels, 0.4, **learned)
    exact = objective(name, **own)(half.float(), teacher.half().float(), labels, 0.4, **learned)
    assert loss.dtype == torch.float32
    assert loss.item() == exact.item()


@every_objective
def test_no_gradient_reaches_the_teacher(name: str) -> None:
    student, teacher, labels, _ = batch()
    loss = with_learned(name)(student, teacher.requires_grad_(), labels, 0.4)
    assert torch.autograd.grad(loss, teacher, allow_unused=True)[0] is None


def test_numbers_that_are_no_label_have_no_part_either() -> None:
    student, labels = torch.tensor([[1.0], [5.0], [2.0]]), torch.tensor([3.0, -100.0, 2.5])
    assert float(hard_labels(student, None, labels, 1.0)) == pytest.approx((4 + 0.25) / 2)


def test_unlabelled_items_have_no_part_in_the_hard_labels() -> None:
    student, _, labels, _ = batch()
    known = labels != -100
    loss = hard_labels(student, None, labels, 1.0)
    torch.testing.assert_close(loss, hard_labels(student[known], None, labels[known], 1.0))
    assert not gradient(loss, student)[~known].any()


@pytest.mark.parametrize("name", ["kd", "ctkd", "dist", "taid", "annealed-regression"])
def test_unlabelled_text_will_do(name: str) -> None:
    student, teacher, _, _ = batch()
    own = {"hard_weight": 0.0} if name in COMPOSITE else {}
    assert with_learned(name, **own)(student, teacher, None, 0.4).item() > 0


def test_continuation_goes_from_the_teacher_to_the_labels() -> None:
    student, teacher, labels, _ = batch()
    function = objective("continuation-kd", tau_max=4, hard_from=0.5)
    other = labels.roll(1, 0)
    assert function(student, teacher, labels, 0.0) == function(student, teacher, other, 0.0)
    assert function(student, teacher, labels, 0.25) != function(student, teacher, other, 0.25)
    for progress in (0.5, 0.8, 1.0):
        assert function(student, teacher, labels, progress) == hard_labels(student, None, labels, progress)


def test_a_margin_forgives_what_is_near() -> None:
    teacher = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    student = torch.tensor([[1.5, 0.0, 0.0], [4.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 0])
    function = objective("continuation-kd", tau_max=1, margin=1.0)
    loss = function(student, teacher, labels, 0.0)
    assert loss.item() == pytest.approx((0 + (9 / 3 - 1)) / 2)
    np.testing.assert_allclose(gradient(loss, student), [[0, 0, 0], [2 * 3 / 3 / 2, 0, 0]])


@pytest.mark.parametrize(("progress", "strength"), [(0, 0), (0.15, 0.5), (0.1, 0.25), (0.3, 1), (0.7, 1), (1, 1)])
def test_the_temperature_of_ctkd_goes_against_the_student(progress: float, strength: float) -> None:
    student, teacher, labels, _ = batch()
    raw = torch.full((1,), RAW, dtype=torch.float64, requires_grad=True)
    loss = objective("ctkd", ramp=0.3)(student, teacher, labels, progress, temperature=raw)
    z_s, z_t, y = student.detach().reshape(8, 5).numpy(), teacher.reshape(8, 5).numpy(), labels.flatten().numpy()
    up, down = (f_ctkd(z_s, z_t, y, progress, z_s, raw=RAW + step) for step in (1e-5, -1e-5))
    assert abs(up - down) > 1e-8
    assert loss.item() == pytest.approx(f_ctkd(z_s, z_t, y, progress, z_s))
    assert gradient(loss, raw).item() == pytest.approx(-strength * (up - down) / 2e-5, rel=1e-5)


def test_what_is_learned_is_an_argument() -> None:
    student, teacher, labels, _ = batch()
    for name, arguments in LEARNED.items():
        start = {key: torch.tensor(value, requires_grad=True) for key, value in arguments.items()}
        OBJECTIVES[name](student, teacher, labels, 1.0, **start).backward()
        assert all(value.grad is not None and value.grad.item() != 0 for value in start.values())
    assert list(LEARNED) == ["ctkd"]


@pytest.mark.parametrize("items", [None, 16])
def test_regression(items: int | None) -> None:
    scores, values, truth = [0.5, -1.0, 2.0, 0.0], [1.0, -3.0, 2.5, 7.0], [0.2, 4.0, -1.0, math.nan]
    student = torch.tensor(scores, dtype=torch.float64)[:, None].requires_grad_()
    teacher, labels = torch.tensor(values, dtype=torch.float64)[:, None], torch.tensor(truth)
    mask = torch.tensor([True, True, True, False])
    hard = sum((s - y) ** 2 for s, y in zip(scores[:3], truth[:3], strict=True)) / (items or 3)
    soft = sum((s - t) ** 2 for s, t in zip(scores[:3], values[:3], strict=True)) / (items or 3)
    loss = hard_labels(student, None, labels, 1.0, mask=mask, items=items)
    assert loss.item() == pytest.approx(hard, rel=1e-6)
    slopes = [2 * (s - y) / (items or 3) for s, y in zip(scores[:3], truth[:3], strict=True)]
    assert gradient(loss, student).flatten().tolist() == pytest.approx([*slopes, 0.0], rel=1e-6)
    both = kd(student, teacher, labels, 1.0, mask=mask, items=items, soft_weight=0.3, hard_weight=0.9)
    assert both.item() == pytest.approx(0.3 * soft + 0.9 * hard, rel=1e-6)


def test_annealed_regression_on_single_logits() -> None:
    student, teacher, _, _ = batch()
    cells = torch.rand(student.shape, generator=torch.Generator().manual_seed(1)) < 0.4
    cells[0, 0] = False
    function = objective("annealed-regression", tau_max=2)
    pairs = list(zip(student[cells].tolist(), teacher[cells].tolist(), strict=True))
    total = sum((s - 0.5 * t) ** 2 for s, t in pairs)
    loss = function(student, teacher, None, 0.5, mask=cells)
    assert loss.item() == pytest.approx(total / len(pairs))
    assert function(student, teacher, None, 0.5, mask=cells, items=100).item() == pytest.approx(total / 100)
    expected = torch.where(cells, 2 * (student - 0.5 * teacher) / len(pairs), 0)
    torch.testing.assert_close(gradient(loss, student), expected.detach())
    assert function(student, teacher, None, 1.0).item() == pytest.approx(((student - teacher) ** 2).mean().item())


def test_annealing_towards_another_centre() -> None:
    scores, taught = torch.tensor([[2.0], [3.0]]), torch.tensor([[4.7], [0.7]])
    function = objective("annealed-regression", tau_max=2, centre=2.7)
    # Half of the way from 2.7: 3.7 and 1.7.
    assert function(scores, taught, None, 0.5).item() == pytest.approx((1.7**2 + 1.3**2) / 2)
    assert function(scores, taught, None, 1.0).item() == pytest.approx((2.7**2 + 2.3**2) / 2)


@pytest.mark.parametrize("name", ["dist", "kd"])
def test_a_head_of_zeros_has_a_finite_gradient(name: str) -> None:
    _, teacher, labels, _ = batch()
    student = torch.zeros_like(teacher).requires_grad_()
    loss = objective(name, standardise=name == "kd")(student, teacher, labels, 1.0)
    weight = 1.0 if name == "dist" else 0.5
    torch.testing.assert_close(
        gradient(loss, student), weight * gradient(hard_labels(student, None, labels, 1.0), student)
    )


logits = arrays(np.float64, (3, 4), elements=st.floats(-8, 8, width=16))


def tensors(*values: Row) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(value) for value in values)


@settings(deadline=None, max_examples=40)
@given(z=logits, other=logits, temperature=st.floats(0.5, 20))
def test_a_student_like_its_teacher_has_nothing_left_to_learn(z: Row, other: Row, temperature: float) -> None:
    student, teacher = tensors(z, other)
    own = {"temperature": temperature, "hard_weight": 0.0}
    labels = torch.tensor([0, 1, 2])
    for name in ("kd", "dkd", "taid"):
        function = objective(name, **own)
        assert function(student, student + 1.5, labels, 1.0).item() == pytest.approx(0, abs=1e-9)
        assert function(student, teacher, labels, 1.0).item() > -1e-9
    assert objective("annealed-regression", tau_max=4)(0.25 * teacher, teacher, None, 0.1).item() == 0


@settings(deadline=None, max_examples=40)
@given(z=logits, other=logits, scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_standardised_logits_know_no_scale_and_no_shift(z: Row, other: Row, scale: float, shift: float) -> None:
    assume(z.std(1).min() > 1e-2 and other.std(1).min() > 1e-2)
    student, teacher = tensors(z, other)
    labels = torch.tensor([3, 0, 1])
    for name in COMPOSITE:
        function = with_learned(name, standardise=True, hard_weight=0.0)
        expected = function(student, teacher, labels, 0.7)
        torch.testing.assert_close(function(scale * student + shift, teacher, labels, 0.7), expected)
        torch.testing.assert_close(function(student, scale * teacher + shift, labels, 0.7), expected)
        assert with_learned(name, hard_weight=0.0)(student, teacher, labels, 0.7).isfinite()


@settings(deadline=None, max_examples=40)
@given(z=logits, other=logits, masked=st.lists(st.booleans(), min_size=3, max_size=3))
def test_masked_items_do_not_matter(z: Row, other: Row, masked: list[bool]) -> None:
    student, elsewhere = tensors(z, other)
    mask = ~torch.tensor(masked)
    labels = torch.tensor([2, 0, 3])
    mixed = torch.where(mask[:, None], student, elsewhere)
    assert hard_labels(mixed, None, labels, 1.0, mask=mask) == hard_labels(student, None, labels, 1.0, mask=mask)


def test_standardise_from_a_recipe() -> None:
    student, teacher, labels, _ = batch()
    wrapped = standardised(kd)(student, teacher, labels, 1.0, temperature=2.0, soft_weight=9.0, hard_weight=0.1)
    assert objective("kd", standardise=2, soft_weight=9, hard_weight=0.1)(student, teacher, labels, 1.0) == wrapped
    own = {"temperature": 2.0, "soft_weight": 9.0, "hard_weight": 0.1}
    assert objective("kd", standardise=True, **own)(student, teacher, labels, 1.0) == wrapped
    plain = objective("kd", standardise=False, **own)(student, teacher, labels, 1.0)
    assert plain == kd(student, teacher, labels, 1.0, **own) != wrapped
    # Unless it is set, the weight of the raw hard term is the objective's own.
    by_default = standardised(kd)(student, teacher, labels, 1.0)
    assert by_default == standardised(kd)(student, teacher, labels, 1.0, hard_weight=0.5)


@pytest.mark.parametrize(
    ("name", "own", "message"),
    [
        ("annealing", {}, r"unknown objective 'annealing'; known are hard-labels, .*annealed-regression, kd, cont"),
        ("kd", {"tau": 3}, "kd has no setting 'tau'; known are temperature, soft_weight, hard_weight$"),
        ("kd", {"mask": None}, "kd has no setting 'mask'"),
        ("ctkd", {"temperature": 4.0}, "ctkd has no setting 'temperature'; known are lowest, "),
        ("ctkd", {"standardise": 2.0}, "ctkd has no setting 'temperature'"),
        ("hard-labels", {"temperature": 4.0}, "hard-labels has no setting 'temperature'; known are none"),
        ("kd", {"temperature": 0}, "temperature of kd must be a number above 0; got 0"),
        ("kd", {"temperature": "5"}, "temperature of kd must be a number above 0; got '5'"),
        ("kd", {"standardise": -1}, "temperature of kd must be a number above 0; got -1"),
        ("kd", {"temperature": 2, "standardise": 2}, "give kd one temperature"),
        ("kd", {"hard_weight": -0.1}, "hard_weight of kd must be a number, 0 or more; got -0.1"),
        ("kd", {"soft_weight": math.nan}, "soft_weight of kd must be a number, 0 or more; got nan"),
        ("kd", {"soft_weight": True}, "soft_weight of kd must be a number, 0 or more; got True"),
        ("dkd", {"beta": math.inf}, "beta of dkd must be a number, 0 or more; got inf"),
        ("dkd", {"warm_up": 20}, "warm_up of dkd must be a share, from 0 to 1; got 20"),
        ("taid", {"t_start": -0.1}, "t_start of taid must be a share"),
        ("continuation-kd", {"hard_from": 150}, "hard_from of continuation-kd must be a share"),
        ("continuation-kd", {"margin": -1}, "margin of continuation-kd must be a number, 0 or more"),
        ("ctkd", {"lowest": 0}, "lowest of ctkd must be a number above 0"),
        ("annealed-regression", {"tau_max": 0}, "tau_max of annealed-regression must be a whole number, 1 or more"),
        ("annealed-regression", {"centre": "mean"}, "centre of annealed-regression must be a number; got 'mean'"),
        ("annealed-regression", {"tau_max": 7.5}, "tau_max of annealed-regression must be a whole number"),
        (
            "annealed-regression",
            {"shape": "steps"},
            "shape of .* must be one of staircase, linear, cosine; got 'steps'",
        ),
        ("annealed-regression", {"standardise": True}, "annealed_regression has no hard_weight"),
        ("continuation-kd", {"standardise": True}, "continuation_kd has no hard_weight"),
    ],
)
def test_a_recipes_mistakes_are_told_before_training(name: str, own: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        objective(name, **own)


def test_settings_at_the_edge_of_their_range() -> None:
    student, teacher, labels, _ = batch()
    at_once = objective("dkd", warm_up=0, hard_weight=0)
    assert at_once(student, teacher, labels, 0.0) == at_once(student, teacher, labels, 1.0)
    only_labels = objective("continuation-kd", hard_from=0, tau_max=1, shape="cosine")
    assert only_labels(student, teacher, labels, 0.0) == hard_labels(student, None, labels, 0.0)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "hard-labels"])
def test_teachers_that_do_not_fit(name: str) -> None:
    student, teacher, labels, _ = batch()
    with pytest.raises(ValueError, match="needs a teacher's logits"):
        with_learned(name)(student, None, labels, 1.0)
    for other in (teacher[..., :4], teacher[:1], teacher[..., None]):
        with pytest.raises(ValueError, match=r"shape \(2, 4, 5\).*teacher with logits of shape \("):
            with_learned(name)(student, other, labels, 1.0)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name not in ("annealed-regression", "pseudo-labels")])
def test_labels_that_do_not_fit(name: str) -> None:
    student, teacher, labels, _ = batch()
    function = with_learned(name, **({"hard_weight": 1.0} if name in COMPOSITE else {}))
    with pytest.raises(ValueError, match="needs labels"):
        function(student, teacher, None, 1.0)
    for other in (labels[:1], labels[..., None], labels.T):
        with pytest.raises(ValueError, match=r"labels of shape .* do not fit logits of shape \(2, 4, 5\)"):
            function(student, teacher, other, 1.0)
    with pytest.raises(ValueError, match="integer labels"):
        function(student, teacher, labels.double(), 1.0)


@pytest.mark.parametrize("name", ["hard-labels", "kd", "continuation-kd"])
def test_regression_never_broadcasts(name: str) -> None:
    student, teacher = torch.zeros(3, 1), torch.zeros(3, 1)
    function = objective(name)
    with pytest.raises(ValueError, match=r"give one per item, \(3,\)"):
        function(student, teacher, torch.zeros(3, 1), 1.0)
    with pytest.raises(ValueError, match=r"give one per item, \(\)"):
        function(student[:, 0], teacher[:, 0], torch.zeros(3), 1.0)
    with pytest.raises(ValueError, match="float labels with 1 logit"):
        function(student, teacher, torch.zeros(3, dtype=torch.int64), 1.0)


@every_objective
def test_masks_that_do_not_fit(name: str) -> None:
    student, teacher, labels, mask = batch()
    wrong = [mask[:1], mask.long(), mask[..., None], mask.T]
    if name != "annealed-regression":
        wrong.append(torch.ones(2, 4, 5, dtype=torch.bool))
    for other in wrong:
        with pytest.raises(ValueError, match=r"a mask of torch\.\w+ and shape .* does not fit logits of shape"):
            with_learned(name)(student, teacher, labels, 1.0, mask=other)


@pytest.mark.parametrize(("name", "classes"), [("ctkd", 1), ("dkd", 1), ("dist", 1), ("taid", 1), ("kd", 2)])
def test_too_few_classes(name: str, classes: int) -> None:
    student = torch.zeros(3, classes)
    labels = torch.zeros(3) if classes == 1 else torch.zeros(3, dtype=torch.int64)
    with pytest.raises(ValueError, match=f"{name} needs {classes + 1} or more classes"):
        with_learned(name, standardise=classes == 2)(student, student, labels, 1.0)


@pytest.mark.parametrize("name", ["annealed-regression", "continuation-kd", "ctkd", "dkd", "taid"])
def test_progress_is_a_share(name: str) -> None:
    student, teacher, labels, _ = batch()
    for progress in (-0.1, 1.01):
        with pytest.raises(ValueError, match="progress is a share of the stage"):
            with_learned(name)(student, teacher, labels, progress)
