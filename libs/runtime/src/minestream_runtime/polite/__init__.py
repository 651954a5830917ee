"""Asks web services that limit their callers."""

from minestream_runtime.polite.client import (
    KEPT_OF_FAILURE_BYTES,
    Answer,
    Judge,
    Manners,
    PoliteClient,
    Verdict,
)

__all__ = [
    "KEPT_OF_FAILURE_BYTES",
    "Answer",
    "Judge",
    "Manners",
    "PoliteClient",
    "Verdict",
]
