"""`lehr score`."""


def score() -> None:
    """Score a response against a key."""
