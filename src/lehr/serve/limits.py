"""How much of what the service takes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for, and all of them together.

    Args:
        megabytes: of one request.
        requests: that are worked on or wait, all of them together.
        held: megabytes of all of them together.
        words: of one document; those of all of them together have twice as many.
        seconds: for one request, its waiting among others included.
        patience: seconds that are given to a client to send its request, and again to take each piece of the answer.
        grace: seconds that requests have to end once the service is told to stop.

    Raises:
        ValueError: if one of them is not positive.
    """

    megabytes: float = 8
    requests: int = 32
    held: float = 16
    words: int = 1_000_000
    seconds: float = 600
    patience: float = 30
    grace: float = 10

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}: a limit is more than 0")
