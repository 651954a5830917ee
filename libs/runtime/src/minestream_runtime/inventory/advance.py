"""How far a long work on the fleet has come, for whoever wants to show it."""

from collections.abc import Callable

Advanced = Callable[[int, int], None]
"""Told how much of how much is done."""


def unshown(_done: int, _all: int) -> None:
    """Nobody wants to see it."""
