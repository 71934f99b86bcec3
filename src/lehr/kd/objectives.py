"""What a student minimises: functions of its logits, a teacher's logits, labels, and how far the stage is.

All share one signature, `f(student, teacher, labels, progress, *, mask=None, items=None, **settings)`:

- `student` and `teacher`: logits (..., C) of one shape. An *item* is one vector of C logits. Computed in float32 or
  better; no gradient reaches the teacher. Objectives that take no teacher, or no labels, ignore what is given.
- `labels` (...): integers are classes, −100 is no label; floats are values to regress on, with C = 1.
- `progress`: the share of the stage done once the unit at hand is over, in [0, 1]; the last unit has 1.
- `mask` bool (...): the items that count. What is masked reaches neither value nor gradient, be it NaN.
- `items`: what sums over items are divided by, so that batches may be cut and their gradients added: give every
  piece the number of items of the whole. Without it a term is the mean over the items it counts: all unmasked ones,
  or, where it needs labels, those of them that have one. A term over no items is 0.

They return a scalar, and raise a ValueError that says in one sentence what does not fit. In the formulas σ is the
softmax, T the temperature, CE the cross-entropy with the labels (`hard_labels`). A soft term has the factor T², which
keeps its gradient on one scale whatever T is; a hard term of weight 0 needs no labels.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .annealing import SHAPES, Shape, phi
from .terms import climb, correlation, divergence, kl, labelled, mean, need_classes, pair, squared_error, z_scores

Objective = Callable[..., Tensor]

NO_LABEL = -100


def hard_labels(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor | None,
    progress: float,
    *,
    mask: Tensor | None = None,
    items: Tensor | float | None = None,
) -> Tensor:
    """Cross-entropy with the labels, or for float labels (z_s − y)²; no teacher. The mean over labelled items."""
    logits, targets = labelled(student, labels, mask)
    if targets.is_floating_point() != (logits.shape[1] == 1):
        raise ValueError(
            f"integer labels go with 2 or more classes and float labels with 1 logit; got {targets.dtype} labels "
            f"with logits of shape {tuple(student.shape)}"
        )
    known = targets != NO_LABEL
    logits, targets = logits[known], targets[known]
    if targets.is_floating_point():
        return mean(squared_error(logits, targets[:, None].to(logits.dtype)), items)
    try:
        return mean(F.cross_entropy(logits, targets.long(), reduction="none"), items)
    except IndexError as error:  # as the CPU says; other devices notice it too late to be told here
        raise ValueError(
            f"labels go from {targets.min()} to {targets.max()}, and classes to {logits.shape[1] - 1}"
        ) from error


def pseudo_labels(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor | None,
    progress: float,
    *,
    mask: Tensor | None = None,
    items: Tensor | float | None = None,
) -> Tensor:
    """`hard_labels` with the teacher's own answers: its most probable class, or for C = 1 its value; no labels."""
    z_s, z_t = pair(student, teacher, mask)
    return hard_labels(z_s, None, z_t[:, 0] if z_t.shape[1] == 1 else z_t.argmax(1), progress, items=items)


def annealed_regression(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor | None,
    progress: float,
    *,
    mask: Tensor | None = None,
    items: Tensor | float | None = None,
    tau_max: int = 7,
    shape: Shape = "staircase",
    centre: float = 0.0,
) -> Tensor:
    """Stage I of Annealing-KD (arXiv:2104.07163): (z_s − Φ·z_t)², the mean over items and classes; no labels.

    With a `centre` c, which is ours, targets are c + Φ·(z_t − c): for a regression whose values have a mean far from 0.

    A mask of the logits' own shape (..., C) makes every logit an item by itself: the mean is over unmasked logits, and
    `items` counts logits.
    """
    z_s, z_t = pair(student, teacher, mask, single_logits=True)
    return mean(squared_error(z_s, centre + phi(progress, tau_max, shape) * (z_t - centre)), items)


def kd(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor | None,
    progress: float,
    *,
    mask: Tensor | None = None,
    items: Tensor | float | None = None,
    temperature: float = 5.0,
    soft_weight: float = 0.5,
    hard_weight: float = 0.5,
) -> Tensor:
    """Plain KD (Hinton et al. 2015, arXiv:1503.02531): soft_weight·T²·KL(σ(z_t/T) ‖ σ(z_s/T)) + hard_weight·CE.

    With C = 1, regression: soft_weight·(z_s − z_t)² + hard_weight·(z_s − y)², no temperature. The mean over items.
    """
    z_s, z_t = pair(student, teacher, mask)
    soft = squared_error(z_s, z_t) if z_s.shape[1] == 1 else divergence(z_s, z_t, temperature)
    return _with_hard(soft_weight * mean(soft, items), hard_weight, student, labels, progress, mask, items)


def continuation_kd(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor | None,
    progress: float,
    *,
    mask: Tensor | None = None,
    items: Tensor | float | None = None,
    tau_max: int = 10,
    shape: Shape = "staircase",
    hard_from: float = 0.75,
    margin: float = 0.0,
) -> Tensor:
    """Continuation-KD (arXiv:2212.05998): ψ·CE + (1 − ψ)·max(0, ‖z_s − φ·z_t‖² − m·φ).

    ψ = min(1, progress / hard_from): from `hard_from` on, only labels count; the default is the paper's i/150 of 200
    epochs on CIFAR, where it takes 20 temperatures, for 10 on GLUE. Its ψ for GLUE jumps (i/40 to epoch 20 of 30, then
    1) and is not offered. ‖·‖² is the mean over classes, as in Annealing-KD's code, and the hinge is every item's own;
    the mean over items. We found no value of the margin m (0 is none), nor over how many epochs φ climbs: here it is
    the whole stage.
    """
    z_s, z_t = pair(student, teacher, mask)
    hardness, softness = climb(progress, hard_from), phi(progress, tau_max, shape)
    distance = F.relu(squared_error(z_s, softness * z_t) - margin * softness)
    return _with_hard((1 - hardness) * mean(distance, items), hardness, student, labels, progress, mask, items)


def ctkd(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor | None,
    progress: float,
    *,
    mask: Tensor | None = None,
    items: Tensor | float | None = None,
    temperature: Tensor,
    lowest: float = 1.0,
    span: float = 20.0,
    ramp: float = 1 / 24,
    soft_weight: float = 0.9,
    hard_weight: float = 0.1,
) -> Tensor:
    """CTKD with one global temperature (arXiv:2211.16231): `kd`'s loss at T = lowest + span·sigmoid(temperature).

    `temperature` is a learnable scalar, before the sigmoid (`LEARNED`). The student minimises the loss, the temperature
    maximises it: its gradient is multiplied by −λ, λ = (1 − cos(π·min(1, progress / ramp))) / 2, from 0 to 1
    (equation 11), and passes through the factor T² too. `ramp` is the authors' 10 of 240 epochs, counted in steps if
    progress is. The mean over items; two or more classes.
    """
    need_classes("ctkd", student, 2)
    z_s, z_t = pair(student, teacher, mask)
    strength = (1 - math.cos(math.pi * climb(progress, ramp))) / 2
    raw = temperature.reshape(())
    adversary = raw.detach() - strength * (raw - raw.detach())  # the value of raw, −λ times its gradient
    soft = mean(divergence(z_s, z_t, lowest + span * adversary.sigmoid()), items)
    return _with_hard(soft_weight * soft, hard_weight, student, labels, progress, mask, items)


def dkd(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor | None,
    progress: float,
    *,
    mask: Tensor | None = None,
    items: Tensor | float | None = None,
    alpha: float = 1.0,
    beta: float = 8.0,
    temperature: float = 4.0,
    hard_weight: float = 1.0,
    warm_up: float = 1 / 12,
) -> Tensor:
    """Decoupled KD (arXiv:2203.08679, equation 7): hard_weight·CE + w·T²·(α·KL(b_t ‖ b_s) + β·KL(p̂_t ‖ p̂_s)).

    b = (p_y, 1 − p_y) is the label's probability against all others' at T, p̂ the distribution over the others.
    w = min(1, progress / warm_up): the authors' 20 of 240 epochs. Their β goes from 1 to 8 with the pair of networks
    (2 for ResNet-110 to ResNet-32). The mean over labelled items; two or more classes. It needs labels at any weight.
    """
    need_classes("dkd", student, 2)
    z_s, targets = labelled(student, labels, mask)
    z_t = pair(student, teacher, mask)[1]
    if targets.is_floating_point():
        raise ValueError(f"dkd needs integer labels; got {targets.dtype}")
    known = targets != NO_LABEL
    y = targets[known].long()[:, None]
    others = torch.ones_like(z_s[known], dtype=torch.bool).scatter(1, y, False)

    def decoupled(logits: Tensor) -> tuple[Tensor, Tensor]:
        log_p = (logits[known] / temperature).log_softmax(1)
        rest = log_p[others].view(len(log_p), log_p.shape[1] - 1)
        return torch.cat([log_p.gather(1, y), rest.logsumexp(1, keepdim=True)], 1), rest.log_softmax(1)

    (binary_s, rest_s), (binary_t, rest_t) = decoupled(z_s), decoupled(z_t)
    soft = temperature**2 * (alpha * kl(binary_t, binary_s) + beta * kl(rest_t, rest_s))
    soft_part = climb(progress, warm_up) * mean(soft, items)
    return _with_hard(soft_part, hard_weight, student, labels, progress, mask, items)


def dist(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor | None,
    progress: float,
    *,
    mask: Tensor | None = None,
    items: Tensor | float | None = None,
    beta: float = 2.0,
    gamma: float = 2.0,
    temperature: float = 4.0,
    hard_weight: float = 1.0,
) -> Tensor:
    """DIST (arXiv:2205.10536): hard_weight·CE + T²·(β·(1 − r over classes) + γ·(1 − r over items)).

    r is Pearson's correlation of σ(z_s/T) and σ(z_t/T): for every item over its classes (inter), the mean over items,
    and for every class over the items of the batch (intra), the mean over classes. The intra term is the batch's:
    cut batches give another value, by definition; with `items` it is weighted by the batch's share of them. Where
    either side is constant, as with zero logits or an only item, r counts as 0 and has no gradient. T² is in the
    authors' code, though not in their appendix. Two or more classes.
    """
    need_classes("dist", student, 2)
    z_s, z_t = pair(student, teacher, mask)
    p_s, p_t = (z_s / temperature).softmax(1), (z_t / temperature).softmax(1)
    inter = 1 - correlation(p_s, p_t)
    intra = (1 - correlation(p_s.T, p_t.T)).mean()
    soft = temperature**2 * mean(beta * inter + gamma * intra, items)
    return _with_hard(soft, hard_weight, student, labels, progress, mask, items)


def taid(
    student: Tensor,
    teacher: Tensor | None,
    labels: Tensor | None,
    progress: float,
    *,
    mask: Tensor | None = None,
    items: Tensor | float | None = None,
    t_start: float = 0.4,
    t_end: float = 1.0,
    temperature: float = 1.0,
    hard_weight: float = 0.0,
) -> Tensor:
    """TAID (arXiv:2501.16937): T²·KL(p ‖ σ(z_s/T)) + hard_weight·CE, p = σ(((1 − t)·z_s + t·z_t)/T) without gradient.

    t = t_start + (t_end − t_start)·progress, the paper's linear schedule. Its adaptive update, which runs ahead of the
    line while the loss falls fast, needs the history of losses and is left out. Temperature and hard labels are
    additions, off by default. The mean over items; two or more classes.
    """
    need_classes("taid", student, 2)
    z_s, z_t = pair(student, teacher, mask)
    target = torch.lerp(z_s.detach(), z_t.to(z_s.dtype), t_start + (t_end - t_start) * climb(progress, 1.0))
    soft = mean(divergence(z_s, target, temperature), items)
    return _with_hard(soft, hard_weight, student, labels, progress, mask, items)


def standardised(objective: Objective) -> Objective:
    """The objective on standardised logits (arXiv:2403.01427): z-scores of every item over its classes, both sides.

    Its hard term stays on the raw logits. Its temperature is what the paper calls the base temperature: 2, with
    soft_weight 9 and hard_weight 0.1, is what the authors run on CIFAR-100. The deviation divides by C, as in the
    paper; equal logits become 0, without gradient. Three or more classes: of two, the z-scores are always ±1.

    Raises:
        ValueError: if the objective has no `hard_weight`, by which its hard term could be told apart.
    """
    parameters = inspect.signature(objective).parameters
    if "hard_weight" not in parameters:
        raise ValueError(f"{_name(objective)} has no hard_weight and so cannot see standardised logits")
    default = parameters["hard_weight"].default

    @functools.wraps(objective)
    def on_z_scores(
        student: Tensor,
        teacher: Tensor | None,
        labels: Tensor | None,
        progress: float,
        *,
        mask: Tensor | None = None,
        items: Tensor | float | None = None,
        hard_weight: float = default,
        **settings: Any,
    ) -> Tensor:
        need_classes(f"standardised {_name(objective)}", student, 3)
        z_s, z_t = (z_scores(z) for z in pair(student, teacher, mask))
        chosen = None if labels is None else labelled(student, labels, mask)[1]
        soft = objective(z_s, z_t, chosen, progress, items=items, hard_weight=0.0, **settings)
        return _with_hard(soft, hard_weight, student, labels, progress, mask, items)

    return on_z_scores


OBJECTIVES: dict[str, Objective] = {
    "hard-labels": hard_labels,
    "pseudo-labels": pseudo_labels,
    "annealed-regression": annealed_regression,
    "kd": kd,
    "continuation-kd": continuation_kd,
    "ctkd": ctkd,
    "dkd": dkd,
    "dist": dist,
    "taid": taid,
}
"""Every objective by the name that recipes give it."""

LEARNED: dict[str, dict[str, float]] = {"ctkd": {"temperature": 1.0}}
"""Arguments that are no settings but scalars to learn beside the student, with the values they begin at."""


def objective(name: str, *, standardise: bool | float = False, **settings: Any) -> Objective:
    """The named objective with its settings, all of them checked: what `LEARNED` names is given at every call.

    Args:
        name: one of `OBJECTIVES`.
        standardise: wrap it in `standardised`; a number is its temperature as well.
        settings: keyword arguments of that function, `mask` and `items` apart.

    Raises:
        ValueError: if a name is unknown or a value out of its range.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"unknown objective {name!r}; known are {', '.join(OBJECTIVES)}")
    function = OBJECTIVES[name]
    if not isinstance(standardise, bool):
        if "temperature" in settings:
            raise ValueError(f"give {name} one temperature: {standardise} as standardise, or standardise: true")
        settings["temperature"] = standardise
    of_calls = {"mask", "items", *LEARNED.get(name, ())}
    keywords = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    known = [keyword for keyword in keywords if keyword not in of_calls]
    for setting, value in settings.items():
        if setting not in known:
            raise ValueError(f"{name} has no setting {setting!r}; known are {', '.join(known) or 'none'}")
        holds, wanted = _demand(setting, value)
        if not holds:
            raise ValueError(f"{setting} of {name} must be {wanted}; got {value!r}")
    return functools.partial(standardised(function) if standardise is not False else function, **settings)


def _demand(setting: str, value: Any) -> tuple[bool, str]:
    """Whether a setting may have this value, and what it must be."""
    if setting == "shape":
        return value in SHAPES, f"one of {', '.join(SHAPES)}"
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if setting == "tau_max":
        return number and isinstance(value, int) and value >= 1, "a whole number, 1 or more"
    if setting in ("temperature", "lowest"):
        return number and value > 0, "a number above 0"
    if setting in ("hard_from", "ramp", "warm_up", "t_start", "t_end"):
        return number and 0 <= value <= 1, "a share, from 0 to 1"
    if setting == "centre":
        return number, "a number"
    return number and value >= 0, "a number, 0 or more"


def _with_hard(
    soft: Tensor,
    weight: float,
    student: Tensor,
    labels: Tensor | None,
    progress: float,
    mask: Tensor | None,
    items: Tensor | float | None,
) -> Tensor:
    if weight == 0:
        return soft
    return soft + weight * hard_labels(student, None, labels, progress, mask=mask, items=items)


def _name(objective: Objective) -> str:
    return str(getattr(objective, "__name__", objective))
