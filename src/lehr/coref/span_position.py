"""The span position matrix and the head that fills it.

The head is our own reading of the abstract of *One-pass coreference with a span position embedding* (arXiv:2007.04301).
A span (i, j) sits in cell [i, j − i] of an n × W matrix. For a query mention q, the row E(q) is 1 at the cells of all
mentions of q's cluster; with no query, E(∅) is 1 at every mention. E(∅) decides which K cells are candidates; the rows
of all queries, restricted to those, are one symmetric K × K matrix. Words meet only in bilinear products of start and
end representations (Kirstain et al. 2021, arXiv:2101.00434), so that memory stays O(n·d + n·W + K²).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DISTANCES = 14
"""Buckets of the distance between two spans' first words: 0, 1, 2–3, 4–7, …, 4096 and more."""
MATCHES = 8
"""Every subset of {same first word, same last word, same string}."""
RELATIONS = MATCHES * 2 * DISTANCES
"""Every match with every distance, to either side."""


def common(spans: Tensor, words: Tensor, strings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the pairs of K spans have in common, apart from what the encoder says of them.

    Args:
        spans: int64 (K, 2), first and last word of each span.
        words: int64 (K, 2), numbers of their first and last word, the same for words that differ in case only.
        strings: int64 (K,), numbers of their strings, likewise.

    Returns:
        `match` below `MATCHES`, `distance` below `DISTANCES`, and `relation` below `RELATIONS`, which tells both and
        whether the column begins after the row; int64 (K, K) each.
    """
    match = _equal(words[:, 0]) + 2 * _equal(words[:, 1]) + 4 * _equal(strings)
    start = spans[:, 0].float()  # numbers are small enough, and runtimes reckon faster in them
    apart = start[None] - start[:, None]
    # Half a word keeps powers of two off the edge of their bucket, whatever a runtime's logarithm rounds to.
    distance = ((apart.abs() + 0.5).log2().floor() + 1).clamp(max=DISTANCES - 1)
    relation = (match * 2 + (apart > 0).float()) * DISTANCES + distance
    return match.long(), distance.long(), relation.long()


def _equal(values: Tensor) -> Tensor:
    return (values[:, None] == values[None, :]).float()


class Relations(nn.Module):
    """One self-attention layer over K candidates, pre-norm, biased by what two candidates have in common.

    Head by head, so that a runtime keeps each K × K in its cache.

    Shapes: state (K, size), biases (heads, RELATIONS), int64 relation (K, K) to (K, size); attention costs O(K²).
    """

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.normalise = nn.LayerNorm(size)
        self.query_key_value = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(size), nn.Linear(size, 2 * size), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * size, size)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, state: Tensor, biases: Tensor, relation: Tensor) -> Tensor:
        parts = self.query_key_value(self.normalise(state)).chunk(3 * self.heads, -1)
        attended = []
        for head in range(self.heads):
            query, key, value = parts[head :: self.heads]  # (K, size / heads) each
            bias = biases[head : head + 1].gather(1, relation.view(1, -1)).view_as(relation)
            weights = torch.addmm(bias, query, key.T, alpha=query.shape[-1] ** -0.5)
            attended.append(weights.softmax(-1) @ value)
        state = state + self.dropout(self.out(torch.cat(attended, -1)))
        state = state + self.dropout(self.feed_forward(state))
        return state


class MentionHead(nn.Module):
    """E(∅): a logit for every cell of the n × W matrix and every annotation scheme."""

    def __init__(self, hidden: int, size: int, width: int, schemes: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.start = _representation(hidden, size, dropout)
        self.end = _representation(hidden, size, dropout)
        self.product = nn.Linear(size, size, bias=False)
        self.start_logit = nn.Linear(size, schemes)
        self.end_logit = nn.Linear(size, schemes)
        self.width_logit = nn.Parameter(torch.empty(schemes, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin with few mentions, whatever their width."""
        nn.init.zeros_(self.width_logit)
        nn.init.constant_(self.start_logit.bias, -2.0)

    def forward(self, first: Tensor, last: Tensor) -> Tensor:
        """Logits (schemes, n, W) from the vectors (n, hidden) of each word's first and last piece.

        Cells beyond the last word hold whatever padding gives: the caller masks them.
        """
        start, end = self.start(first), self.end(last)
        products = band(self.product(start), end, self.width) / start.shape[-1] ** 0.5
        ends = F.pad(self.end_logit(end), (0, 0, 0, self.width))  # (n + W, schemes)
        n = torch.arange(first.shape[0], device=first.device)
        ends = ends[n[:, None] + torch.arange(self.width, device=first.device)]  # (n, W, schemes)
        unary = self.start_logit(start)[:, None] + ends
        logits: Tensor = products + unary.permute(2, 0, 1) + self.width_logit[:, None]
        return logits


def band(rows: Tensor, columns: Tensor, width: int) -> Tensor:
    """Dot products of row i with columns i … i + width − 1, in blocks, so that nothing n × n or n × W × d is built.

    Shapes: rows and columns (n, d) to (n, width); columns beyond the last count as zero.
    """
    n, d = rows.shape
    blocks = (n + width - 1) // width
    left = F.pad(rows, (0, 0, 0, blocks * width - n)).reshape(blocks, width, d)
    right = F.pad(columns, (0, 0, 0, (blocks + 1) * width - n)).reshape(blocks + 1, width, d)
    products = [left @ half.transpose(1, 2) for half in (right[:-1], right[1:])]  # (blocks, width, width) each
    offset = torch.arange(width, device=rows.device)
    skew = (offset[:, None] + offset[None]).expand(blocks, -1, -1)
    return torch.cat(products, 2).gather(2, skew).reshape(blocks * width, width)[:n]


class PairHead(nn.Module):
    """The rows E(q) of K queries over K candidates: one symmetric K × K matrix of logits.

    The logit of cell (i, j) for query (a, b) sums the products s_a·s_i, s_a·e_j, e_b·s_i and e_b·e_j, each with its own
    matrix, and what the query's representation makes of the two spans' distance and matching words.
    """

    def __init__(self, hidden: int, size: int, layers: int, dropout: float, heads: int = 6) -> None:
        super().__init__()
        self.start = _representation(hidden, size, dropout)
        self.end = _representation(hidden, size, dropout)
        self.heads = heads
        self.match_bias = nn.Parameter(torch.empty(MATCHES, 1, layers * heads))
        self.distance_bias = nn.Parameter(torch.empty(1, 2 * DISTANCES, layers * heads))
        self.relations = nn.ModuleList(Relations(2 * size, heads, dropout) for _ in range(layers))
        self.normalise = nn.LayerNorm(2 * size)
        self.dropout = nn.Dropout(dropout)
        self.product = nn.Linear(2 * size, 2 * size)
        self.match_logit = nn.Linear(2 * size, MATCHES)
        self.distance_logit = nn.Linear(2 * size, DISTANCES)
        self.bias = nn.Parameter(torch.empty(()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin with few links, and attention that looks everywhere alike."""
        nn.init.zeros_(self.match_bias)
        nn.init.zeros_(self.distance_bias)
        nn.init.constant_(self.bias, -3.0)

    def forward(self, first: Tensor, last: Tensor, spans: Tensor, words: Tensor, strings: Tensor) -> Tensor:
        """Logits (K, K), symmetric; the diagonal means nothing.

        Args:
            first: (K, hidden), vectors of the first piece of each candidate's first word.
            last: (K, hidden), vectors of the last piece of each candidate's last word.
            spans, words, strings: as in `common`.
        """
        match, distance, relation = common(spans, words, strings)
        biases = (self.match_bias + self.distance_bias).flatten(0, 1).T  # (layers · heads, RELATIONS)
        state = torch.cat([self.start(first), self.end(last)], -1)  # (K, 2 · size)
        for number, layer in enumerate(self.relations):
            state = layer(state, biases[number * self.heads : (number + 1) * self.heads], relation)
        state = self.dropout(self.normalise(state))
        logits: Tensor = self.product(state) @ state.T / state.shape[-1] ** 0.5
        logits = logits + self.match_logit(state).gather(1, match) + self.distance_logit(state).gather(1, distance)
        return (logits + logits.T) / 2 + self.bias


def _representation(hidden: int, size: int, dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(hidden, size), nn.GELU(), nn.LayerNorm(size), nn.Dropout(dropout))
