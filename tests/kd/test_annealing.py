from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.kd.annealing import SHAPES, phi, temperature


def over_epochs(epochs: int, tau_max: int) -> list[float]:
    return [phi((epoch + 1) / epochs, tau_max) for epoch in range(epochs)]


def test_the_staircase_is_the_papers() -> None:
    assert over_epochs(14, 7) == [t / 7 for t in (1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7)]
    assert over_epochs(200, 10) == [(epoch // 20 + 1) / 10 for epoch in range(200)]


def test_epochs_that_the_temperatures_do_not_divide_end_at_one_and_not_beyond() -> None:
    # The authors' own code stands at 8/7 for the last two of 30 epochs with seven temperatures.
    assert over_epochs(30, 7) == [t / 7 for t in [1] * 4 + [2] * 4 + [3] * 4 + [4] * 5 + [5] * 4 + [6] * 4 + [7] * 5]
    assert over_epochs(3, 10) == [0.4, 0.7, 1.0]
    assert over_epochs(1, 7) == [1.0]


@given(epochs=st.integers(1, 400), tau_max=st.integers(1, 60))
def test_the_staircase_by_whole_numbers(epochs: int, tau_max: int) -> None:
    assert over_epochs(epochs, tau_max) == [-(-(e + 1) * tau_max // epochs) / tau_max for e in range(epochs)]


def test_linear_and_cosine_by_hand() -> None:
    assert phi(0, 5, "linear") == pytest.approx(0.2)
    assert phi(0.5, 5, "linear") == pytest.approx(0.6)
    assert phi(0.25, 4, "cosine") == pytest.approx(0.25 + 0.75 * (1 - 0.5**0.5) / 2)
    assert phi(0.5, 4, "cosine") == pytest.approx(0.625)


@given(
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    tau_max=st.integers(1, 100),
    shape=st.sampled_from(SHAPES),
)
def test_every_shape_climbs_from_the_softest_to_exactly_one(ends: tuple[float, float], tau_max: int, shape) -> None:
    low, high = (phi(end, tau_max, shape) for end in sorted(ends))
    assert 1 / tau_max - 1e-12 <= low <= high <= 1
    assert phi(1, tau_max, shape) == 1
    assert phi(0, tau_max, shape) == pytest.approx(1 / tau_max)


def test_the_temperature_of_each_step() -> None:
    assert [round(temperature(t / 7, 7), 9) for t in range(1, 8)] == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.01,), "progress is a share of the stage, from 0 to 1; got 1.01"),
        ((0.5, 0), "tau_max is a number of temperatures, 1 or more; got 0"),
        ((0.5, 7, "steps"), "unknown annealing shape 'steps'; known are staircase, linear, cosine"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        phi(*arguments)
