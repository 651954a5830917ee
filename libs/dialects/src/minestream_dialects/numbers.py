"""Numbers that may be written as texts, as web services do."""

import re
from typing import Final

_DECIMAL: Final = re.compile(
    r"\s*[+-]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][+-]?\d{1,3})?\s*", re.ASCII
)


def plain(value: object) -> float | int | None:
    """A number, or a text that is one (``"0.00000003120"``); None: neither."""
    if type(value) is int or type(value) is float:
        return value
    if type(value) is str and _DECIMAL.fullmatch(value):
        return int(value) if value.strip().isdecimal() else float(value)
    return None
