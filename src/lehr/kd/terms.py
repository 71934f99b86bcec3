"""What the objectives are made of: choosing items, and what is measured on them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def mean(values: Tensor, items: Tensor | float | None) -> Tensor:
    """The sum over items (n,) divided by `items`, or by n."""
    return values.sum() / (max(len(values), 1) if items is None else items)


def chosen(logits: Tensor, mask: Tensor | None, single_logits: bool = False) -> Tensor:
    """The unmasked items, (n, C), or single logits, (n, 1)."""
    if mask is None:
        rows = logits.reshape(-1, logits.shape[-1])
    elif mask.dtype == torch.bool and mask.shape == logits.shape[:-1]:
        rows = logits[mask]
    elif mask.dtype == torch.bool and mask.shape == logits.shape and single_logits:
        rows = logits[mask][:, None]
    else:
        raise ValueError(
            f"a mask of {mask.dtype} and shape {tuple(mask.shape)} does not fit logits of shape "
            f"{tuple(logits.shape)}: give a bool for every item"
        )
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def pair(
    student: Tensor, teacher: Tensor | None, mask: Tensor | None, single_logits: bool = False
) -> tuple[Tensor, Tensor]:
    """The unmasked items of both, (n, C)."""
    if teacher is None:
        raise ValueError("this objective needs a teacher's logits, and got none")
    if teacher.shape != student.shape:
        raise ValueError(
            f"a student with logits of shape {tuple(student.shape)} cannot learn from a teacher with logits of shape "
            f"{tuple(teacher.shape)}: do both have the same labels?"
        )
    return chosen(student, mask, single_logits), chosen(teacher.detach(), mask, single_logits)


def labelled(student: Tensor, labels: Tensor | None, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Logits (n, C) and labels (n,) of the unmasked items, those without a label among them."""
    if labels is None:
        raise ValueError("this objective needs labels, and got none")
    if labels.shape != student.shape[:-1]:
        raise ValueError(
            f"labels of shape {tuple(labels.shape)} do not fit logits of shape {tuple(student.shape)}: "
            f"give one per item, {tuple(student.shape[:-1])}"
            + (", as tasks of several labels an item are not known" if labels.shape == student.shape else "")
        )
    return chosen(student, mask), labels.reshape(-1) if mask is None else labels[mask]


def need_classes(name: str, student: Tensor, least: int) -> None:
    if student.shape[-1] < least:
        raise ValueError(f"{name} needs {least} or more classes; got logits of shape {tuple(student.shape)}")


def climb(progress: float, end: float) -> float:
    """From 0 to 1 while progress goes from 0 to `end`, and 1 from there on."""
    if not 0 <= progress <= 1:
        raise ValueError(f"progress is a share of the stage, from 0 to 1; got {progress}")
    return 1.0 if progress >= end else progress / end


def squared_error(z: Tensor, target: Tensor) -> Tensor:
    """The mean over classes, (n,)."""
    return (z - target).square().mean(1)


def kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p ‖ q) of every row, (n,)."""
    return F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(1)


def divergence(z_s: Tensor, z_t: Tensor, temperature: Tensor | float) -> Tensor:
    """T²·KL(σ(z_t/T) ‖ σ(z_s/T)) of every item, (n,)."""
    log_p, log_q = (z_t / temperature).log_softmax(1), (z_s / temperature).log_softmax(1)
    scaled: Tensor = temperature**2 * kl(log_p, log_q)
    return scaled


def correlation(x: Tensor, y: Tensor) -> Tensor:
    """Pearson's r of every row of x with that of y, (rows,); 0, without gradient, where either is constant."""
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    norm: Tensor = torch.linalg.vector_norm(x, dim=1) * torch.linalg.vector_norm(y, dim=1)
    return (x * y).sum(1) / norm.masked_fill(norm < 1e-8, math.inf)


def z_scores(z: Tensor) -> Tensor:
    """Every row less its mean, over its deviation (that of all, not of a sample); 0, without gradient, if constant."""
    z = z - z.mean(1, keepdim=True)
    deviation: Tensor = torch.linalg.vector_norm(z, dim=1, keepdim=True) / math.sqrt(z.shape[1])
    return z / deviation.masked_fill(deviation < 1e-7, math.inf)
