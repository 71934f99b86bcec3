"""The losses against their formulas, written out with loops in float64."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from torch import Tensor

from lehr.coref.objectives import antecedent_loss, antecedent_scores, mention_loss, row_loss

CLUSTERS = {
    "two entities and two strangers": [0, 1, -1, 0, 1, 0, -1],
    "one alone": [0],
    "singletons": [0, 1, 2, 3],
    "no gold": [-1, -1, -1],
    "one entity": [4, 4, 4],
}

every_clustering = pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=CLUSTERS.keys())


def softplus(x: float) -> float:
    return log(1 + exp(x))


def pairs(k: int) -> tuple[Tensor, Tensor]:
    """Symmetric pair logits (K, K) and mention logits (K,)."""
    torch.manual_seed(k)
    logits = torch.randn(k, k, dtype=torch.float64) * 3
    return ((logits + logits.T) / 2).requires_grad_(), torch.randn(k, dtype=torch.float64).requires_grad_()


def weighted_mean(rows: list[float], cluster: list[int]) -> float:
    weights = [1.0 if c >= 0 else 0.3 for c in cluster]
    return sum(r * w for r, w in zip(rows, weights, strict=True)) / sum(weights)


def assert_finite_gradients(loss: Tensor, *inputs: Tensor) -> None:
    for gradient in torch.autograd.grad(loss, inputs, allow_unused=True):
        assert gradient is None or gradient.isfinite().all()


def test_mention_loss() -> None:
    torch.manual_seed(0)
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    target = torch.rand(5, 3) < 0.3
    valid = torch.rand(5, 3) < 0.8
    target &= valid
    total = sum(
        softplus(-x if gold else x)
        for x, gold, counts in zip(
            logits.flatten().tolist(), target.flatten().tolist(), valid.flatten().tolist(), strict=True
        )
        if counts
    )
    loss = mention_loss(logits, target, valid)
    assert loss.item() == pytest.approx(total / (1 + int(target.sum())))
    assert_finite_gradients(loss, logits)


@every_clustering
def test_row_loss(cluster: list[int]) -> None:
    k = len(cluster)
    logits, _ = pairs(k)
    rows = []
    for q in range(k):
        same = [c for c in range(k) if c != q and cluster[c] == cluster[q] >= 0]
        other = [c for c in range(k) if c != q and c not in same]
        positive = sum(softplus(-logits[q, c].item()) for c in same) / max(len(same), 1)
        rows.append(positive + log(1 + sum(exp(logits[q, c].item()) for c in other)))
    loss = row_loss(logits, torch.tensor(cluster))
    assert loss.item() == pytest.approx(weighted_mean(rows, cluster))
    assert_finite_gradients(loss, logits)


@every_clustering
def test_antecedent_loss(cluster: list[int]) -> None:
    k = len(cluster)
    logits, mentions = pairs(k)
    rows = []
    for m in range(k):
        score = {a: exp((logits[m, a] + mentions[m] + mentions[a]).item()) for a in range(m)}
        gold = [score[a] for a in range(m) if cluster[a] == cluster[m] >= 0]
        rows.append(log(1 + sum(score.values())) - log(sum(gold) if gold else 1))
    loss = antecedent_loss(logits, mentions, torch.tensor(cluster))
    assert loss.item() == pytest.approx(weighted_mean(rows, cluster))
    assert_finite_gradients(loss, logits, mentions)


def test_antecedents_come_earlier_and_the_dummy_last() -> None:
    logits, mentions = pairs(4)
    scores = antecedent_scores(logits, mentions)
    assert scores.shape == (4, 5)
    assert scores[:, 4].tolist() == [0] * 4
    probabilities = scores.softmax(1)
    assert probabilities[0].tolist() == [0, 0, 0, 0, 1]
    for m in range(4):
        assert probabilities[m, m:4].tolist() == [0] * (4 - m)
        torch.testing.assert_close(scores[m, :m], logits[m, :m] + mentions[m] + mentions[:m])


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_logits_of_any_size_give_finite_losses(scale: float) -> None:
    cluster = torch.tensor([0, 0, -1, 1])
    logits = (torch.randn(4, 4) * scale).requires_grad_()
    mentions = (torch.randn(4) * scale).requires_grad_()
    for loss in (row_loss(logits, cluster), antecedent_loss(logits, mentions, cluster)):
        assert loss.isfinite()
        assert_finite_gradients(loss, logits, mentions)
