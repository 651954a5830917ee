"""Errors that come with HTTP 200 as ``{"code": …, "<message>": …}``; what the code 0 says is: well.

Few pools tell all their codes, so a refusal is also told by its words; what they quote (a name that
was asked for) is none of them.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from minestream_dialects.fields import text
from minestream_dialects.numbers import plain
from minestream_dialects.pools.port import Refusal
from minestream_dialects.pools.values import short
from minestream_schemas.raw import PollStatus

_LIMITED: Final = re.compile(r"limit|frequen|too many", re.IGNORECASE)
_REFUSED: Final = re.compile(
    r"\bkey\b|auth|token|secret|permission|forbidden|not allowed", re.IGNORECASE
)
_QUOTED: Final = re.compile(r'"[^"]*(?:"|$)')
_MOST_SAID: Final = 120


def refusal_of(
    answer: object, said_in: str, *, must_say: bool = False, of_key: Collection[int] = ()
) -> Refusal | None:
    """What an answer refuses; None: nothing.

    Args:
        answer: decoded.
        said_in: where it words its errors.
        must_say: an answer that is well says so by its code.
        of_key: codes that are known to be of the key, whatever they are worded as.
    """
    if type(answer) is not dict:
        return None
    code = plain(answer.get("code"))
    if code == 0 or (answer.get("code") is None and not must_say):
        return None
    said = (text(answer.get(said_in)) or "")[:_MOST_SAID]
    number = short(answer.get("code")) or "of no kind"
    worded = f"code {number}: {said}" if said else f"code {number}"
    if code in of_key:
        return Refusal(PollStatus.UNAUTHORISED, worded)
    return replace(refusal_in_words(said), text=worded)


def refusal_in_words(said: str) -> Refusal:
    """What an error refuses that is told by its words alone."""
    words = _QUOTED.sub("", said)
    limited = _LIMITED.search(words) is not None
    refused = not limited and _REFUSED.search(words) is not None
    return Refusal(
        PollStatus.UNAUTHORISED if refused else PollStatus.ERROR, said[:_MOST_SAID], limited=limited
    )
