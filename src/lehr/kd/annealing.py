"""The annealing function Φ: how much of the teacher's logits the student is asked for (Annealing-KD, section 3)."""

from __future__ import annotations

import math
from typing import Literal, get_args

Shape = Literal["staircase", "linear", "cosine"]

SHAPES: tuple[Shape, ...] = get_args(Shape)


def phi(progress: float, tau_max: int = 7, shape: Shape = "staircase") -> float:
    """Φ at a point of the stage, from 1 / τ_max, the softest, up to exactly 1.

    - `staircase`: Φ(T) = 1 − (T − 1) / τ_max for T = τ_max, …, 1, every temperature for an equal share of the stage
      (Annealing-KD, equation 3). Where τ_max does not divide the number of epochs, shares differ by one epoch; where
      there are fewer epochs than temperatures, some are left out, never the last.
    - `linear`: 1 / τ_max + (1 − 1 / τ_max) · progress.
    - `cosine`: the same with (1 − cos(π · progress)) / 2 for progress: slow at both ends.

    Args:
        progress: the share of the stage done once the epoch or step at hand is over, in [0, 1]: (e + 1) / E in epoch
            e of E, counted from 0. Counted in steps, the staircase's edges need not fall between epochs.
        tau_max: the number of temperatures, 1 or more; 1 is Φ = 1 throughout.
        shape: one of the above.

    Raises:
        ValueError: if an argument is out of its range.
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress is a share of the stage, from 0 to 1; got {progress}")
    if tau_max < 1:
        raise ValueError(f"tau_max is a number of temperatures, 1 or more; got {tau_max}")
    if shape == "staircase":
        # Without the small amount, 3 / 30 of 10 temperatures would be a hair more than one of them, and so the second.
        return max(1, math.ceil(progress * tau_max - 1e-9)) / tau_max
    if shape == "linear":
        eased = progress
    elif shape == "cosine":
        eased = (1 - math.cos(math.pi * progress)) / 2
    else:
        raise ValueError(f"unknown annealing shape {shape!r}; known are {', '.join(SHAPES)}")
    return 1 - (1 - 1 / tau_max) * (1 - eased)


def temperature(phi: float, tau_max: int) -> float:
    """T of which Φ(T) = `phi`: τ_max at the softest, 1 at the end; a whole number on the staircase's steps."""
    return 1 + tau_max * (1 - phi)
