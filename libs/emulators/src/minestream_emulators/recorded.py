"""Recorded bodies of every firmware, read once: the shapes that our numbers are written into."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

_PAYLOADS = files("minestream_emulators") / "payloads"

encode = msgspec.json.Encoder().encode


@cache
def recorded(name: str) -> Any:
    """A body as it was recorded.

    Args:
        name: the file's in ``payloads``, without ``.json``. The body is shared: never write to it.
    """
    return json.loads((_PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


def like(sample: Any, value: float) -> Any:
    """A number as the recorded one stands there: whole, with three digits, or as text."""
    if isinstance(sample, str):
        return f"{value:.2f}" if "." in sample else str(round(value))
    return round(value) if isinstance(sample, int) else round(value, 3)


def filled(sample: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """A copy of a recorded object with our values for the keys that it has.

    Args:
        sample: as recorded.
        values: a number is written as the recorded one is; text and None as they are. Keys that
            were not recorded are left out.
    """
    out = dict(sample)
    for key in values.keys() & sample.keys():
        value = values[key]
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        out[key] = like(sample[key], value) if plain else value
    return out
