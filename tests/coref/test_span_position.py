"""The span position matrix: every cell against the sums that it stands for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lehr.coref.span_position import DISTANCES, MATCHES, RELATIONS, MentionHead, PairHead, band, common

HIDDEN, SIZE, WIDTH, SCHEMES = 8, 6, 5, 2


def wild(module: torch.nn.Module) -> torch.nn.Module:
    """The module with no weight at zero, as some are when they begin, and without dropout."""
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(torch.randn_like(weight) / 2)
    return module.eval()


def candidates(k: int, seed: int = 0) -> dict[str, Tensor]:
    """The arguments of `PairHead.forward` for K spans of a text of few words."""
    made = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, 40, (k,), generator=made).sort().values
    return {
        "first": torch.randn(k, HIDDEN, generator=made),
        "last": torch.randn(k, HIDDEN, generator=made),
        "spans": torch.stack([starts, starts + torch.randint(0, 3, (k,), generator=made)], 1),
        "words": torch.randint(0, 4, (k, 2), generator=made),
        "strings": torch.randint(0, 6, (k,), generator=made),
    }


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("n", [1, 2, 4, 5, 6, 23])
def test_a_band_is_the_products_near_the_diagonal(n: int, width: int) -> None:
    rows, columns = torch.randn(2, n, 3, dtype=torch.float64)
    naive = torch.zeros(n, width, dtype=torch.float64)
    for i in range(n):
        for j in range(i, min(i + width, n)):
            naive[i, j - i] = rows[i] @ columns[j]
    torch.testing.assert_close(band(rows, columns, width), naive)


def test_distances_fall_into_buckets_by_powers_of_two() -> None:
    apart = [0, *(edge for power in range(1, 14) for edge in (2**power - 1, 2**power)), 100_000]
    starts = torch.tensor(apart)
    spans = torch.stack([starts, starts], 1)
    zeros = torch.zeros_like(spans)
    _, distance, relation = common(spans, zeros, zeros[:, 0])
    expected = [min(value.bit_length(), DISTANCES - 1) for value in apart]
    assert distance[0].tolist() == distance[:, 0].tolist() == expected
    assert set(expected) == set(range(DISTANCES))
    later = relation % (2 * DISTANCES) // DISTANCES
    assert later[0].tolist() == [int(value > 0) for value in apart]
    assert not later[:, 0].any()
    torch.testing.assert_close(relation % DISTANCES, distance)


def test_every_match_has_a_number_of_its_own() -> None:
    words = torch.tensor([[1, 2], [1, 3], [4, 2], [1, 2], [1, 2]])
    strings = torch.tensor([0, 1, 2, 3, 0])
    match, _, relation = common(torch.zeros_like(words), words, strings)
    first, last, string = 1, 2, 4
    assert match[0].tolist() == [first + last + string, first, last, first + last, first + last + string]
    torch.testing.assert_close(match, match.T)
    assert match.max() < MATCHES
    torch.testing.assert_close(relation // (2 * DISTANCES), match)
    assert relation.max() < RELATIONS


@pytest.mark.parametrize("n", [1, WIDTH - 1, WIDTH, 23])
def test_mention_logits_are_a_product_and_what_start_end_and_width_say(n: int) -> None:
    head = wild(MentionHead(HIDDEN, SIZE, WIDTH, SCHEMES, 0.3))
    first, last = torch.randn(2, n, HIDDEN)
    logits = head(first, last)
    assert logits.shape == (SCHEMES, n, WIDTH)
    start, end = head.start(first), head.end(last)
    for i in range(n):
        for j in range(i, min(i + WIDTH, n)):
            product = (head.product.weight @ start[i]) @ end[j] / SIZE**0.5
            of_scheme = head.start_logit(start[i]) + head.end_logit(end[j]) + head.width_logit[:, j - i]
            torch.testing.assert_close(logits[:, i, j - i], product + of_scheme, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("k", [1, 2, 17])
def test_pair_logits_are_symmetric(k: int, layers: int) -> None:
    logits = wild(PairHead(HIDDEN, SIZE, layers, 0.3, heads=2))(**candidates(k))
    assert logits.shape == (k, k)
    torch.testing.assert_close(logits, logits.T, atol=0, rtol=0)


def test_pair_logits_are_four_products_distance_and_matches() -> None:
    head = wild(PairHead(HIDDEN, SIZE, 0, 0.3))
    given = candidates(7)
    logits = head(**given)
    match, distance, _ = common(given["spans"], given["words"], given["strings"])
    state = head.normalise(torch.cat([head.start(given["first"]), head.end(given["last"])], 1))
    s, e = state[:, :SIZE], state[:, SIZE:]
    # B_xy takes the y of the query to the x of the cell; the bias does so whatever the query is.
    (b_ss, b_se), (b_es, b_ee) = (rows.split(SIZE, 1) for rows in head.product.weight.split(SIZE))

    def row(query: int, cell: int) -> Tensor:
        products = (
            s[cell] @ b_ss @ s[query]
            + s[cell] @ b_se @ e[query]
            + e[cell] @ b_es @ s[query]
            + e[cell] @ b_ee @ e[query]
        )
        of_pair = head.match_logit(state[query])[match[query, cell]]
        of_pair = of_pair + head.distance_logit(state[query])[distance[query, cell]]
        return (products + state[cell] @ head.product.bias) / (2 * SIZE) ** 0.5 + of_pair

    for a in range(7):
        for b in range(7):
            torch.testing.assert_close(logits[a, b], (row(a, b) + row(b, a)) / 2 + head.bias, atol=1e-4, rtol=1e-5)


def test_relations_see_what_candidates_have_in_common() -> None:
    head = wild(PairHead(HIDDEN, SIZE, 1, 0.3, heads=2))
    given = candidates(6)
    apart = dict(given, spans=given["spans"] + torch.arange(6)[:, None] * 100)
    with torch.no_grad():
        for table in (head.distance_logit, head.match_logit):
            table.weight.zero_()
            table.bias.zero_()
        assert not torch.allclose(head(**given), head(**apart))
        head.distance_bias.zero_()
        torch.testing.assert_close(head(**given), head(**apart))
