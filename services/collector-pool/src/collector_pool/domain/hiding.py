"""Takes the account's key, and passwords of workers, out of what is told."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "***"
_OPTION_KEY: Final = re.compile(r"((?:^|[,;\s\"])k=)[^,;\s\"\\]+")

Hide = Callable[[str], str]


def hider(key: str | None) -> Hide:
    """What blots a key out of any text: plain, and as an address spells it.

    The option ``k=`` of a worker's password, which names a key too, is blotted out in any case.

    Args:
        key: None: there is none.
    """
    spellings = sorted({key, quote(key, ""), quote_plus(key)}, key=len) if key else []

    def hide(text: str) -> str:
        for spelling in reversed(spellings):
            text = text.replace(spelling, MASK)
        return _OPTION_KEY.sub(rf"\1{MASK}", text)

    return hide
