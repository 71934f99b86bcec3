"""What the head learns: every mention, and every cell of every row; from labels, or from a teacher's logits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

STRANGER = 0.3
"""Weight of the row of a candidate that is no mention."""


def mention_loss(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Binary cross-entropy over the valid cells of E(∅), a sum divided by 1 + the number of mentions.

    Shapes: logits (n, W), target and valid bool (n, W); returns a scalar.
    """
    cells = F.binary_cross_entropy_with_logits(logits[valid], target[valid].to(logits.dtype), reduction="sum")
    return cells / (1 + target.sum())


def row_loss(logits: Tensor, cluster: Tensor) -> Tensor:
    """Multi-label loss over whole rows E(q): every cell is decided, and every row counts alike.

    A row's positives cost their mean softplus(−logit); its negatives, of which there are hundreds, cost
    log(1 + Σ exp(logit)), so that the nearest misses weigh most (after the multi-label loss of Su et al. 2022,
    arXiv:2208.02955). Rows of candidates that are no mention count `STRANGER`.

    Shapes: logits (K, K), cluster int64 (K,), −1 for candidates that are no mention; returns a scalar, the mean
    over rows.
    """
    same, self_cell = _same(cluster)
    positive = F.softplus(-logits).masked_fill(~same, 0).sum(1) / same.sum(1).clamp(min=1)
    negative = F.softplus(logits.masked_fill(same | self_cell, -1e4).logsumexp(1))
    weight = torch.where(cluster >= 0, 1.0, STRANGER)
    return ((positive + negative) * weight).sum() / weight.sum().clamp(min=STRANGER)


def antecedent_loss(logits: Tensor, mention_logits: Tensor, cluster: Tensor) -> Tensor:
    """Marginal likelihood of all correct earlier mentions, a dummy of score 0 standing for none (Lee et al. 2017).

    Shapes: logits (K, K) with candidates in the order of the text, mention_logits (K,), cluster int64 (K,); returns
    a scalar, the mean over candidates.
    """
    same, _ = _same(cluster)
    scores = antecedent_scores(logits, mention_logits)  # (K, K + 1), the dummy last
    earlier = same.tril(-1)
    gold = torch.cat([earlier, ~earlier.any(1, keepdim=True)], 1)
    rows = scores.logsumexp(1) - scores.masked_fill(~gold, -1e4).logsumexp(1)
    weight = torch.where(cluster >= 0, 1.0, STRANGER)
    return (rows * weight).sum() / weight.sum()


def antecedent_scores(logits: Tensor, mention_logits: Tensor) -> Tensor:
    """Scores of every earlier mention and of the dummy: pair logit plus both mention logits (s2e, equation 2)."""
    scores = logits + mention_logits[:, None] + mention_logits[None, :]
    later = torch.ones_like(scores, dtype=torch.bool).triu()
    return torch.cat([scores.masked_fill(later, -1e4), scores.new_zeros(len(scores), 1)], 1)


def _same(cluster: Tensor) -> tuple[Tensor, Tensor]:
    """Cells of two different mentions of one cluster, and cells of a candidate with itself; both bool (K, K)."""
    self_cell = torch.eye(len(cluster), dtype=torch.bool, device=cluster.device)
    return (cluster[:, None] == cluster[None]) & (cluster >= 0)[:, None] & ~self_cell, self_cell


def taught_mentions(
    objective: Callable[..., Tensor],
    student: Tensor,
    teacher: Tensor,
    progress: float,
    candidate: Tensor,
    valid: Tensor,
) -> Tensor:
    """An objective of `lehr.kd.objectives` over the cells of E(∅): those that the teacher takes for mentions, its other
    candidates and all the rest, a mean over each, of which there are more and more. A scalar, the sum of the three.

    Shapes: student and teacher (schemes, n, W), candidate and valid bool (n, W).
    """
    yes = teacher > 0
    groups = (yes & valid, ~yes & candidate & valid, ~yes & ~candidate & valid)
    return _over_groups(objective, student, teacher, progress, groups)


def taught_pairs(objective: Callable[..., Tensor], student: Tensor, teacher: Tensor, progress: float) -> Tensor:
    """An objective of `lehr.kd.objectives` over pairs of candidates: the mean over those that the teacher takes for
    coreferent and the mean over the others, of which there are some thirty times more. A scalar, the sum of the two.

    Shapes: student and teacher (pairs,).
    """
    return _over_groups(objective, student, teacher, progress, (teacher > 0, teacher <= 0))


def _over_groups(
    objective: Callable[..., Tensor], student: Tensor, teacher: Tensor, progress: float, groups: tuple[Tensor, ...]
) -> Tensor:
    """The sum of the means over each group. A cell is a choice of two classes: no, whose logit is 0, and yes."""
    of_student, of_teacher = (torch.stack([torch.zeros_like(z), z], -1) for z in (student, teacher))
    means = [objective(of_student, of_teacher, None, progress, mask=group.expand_as(student)) for group in groups]
    return torch.stack(means).sum()
