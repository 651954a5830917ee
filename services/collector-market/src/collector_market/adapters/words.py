"""What a market says about our asking, beside its figures: errors, limits, and what a call cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from minestream_dialects.fields import text
from minestream_runtime.polite import Judge, Verdict
from minestream_schemas.raw import PollStatus


class Limit(StrEnum):
    """Which limit we have reached."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"
    ADDRESS = "address"
    """Of the address that we ask from."""


@dataclass(frozen=True, slots=True)
class Words:
    """What it says.

    Args:
        error: its number, and what it says; None: all is well, or it says nothing.
        refused: the key, the payment or the plan is not enough: a human has to look.
        limit: that we have reached.
        credits_: what the call cost.
    """

    error: str | None = None
    refused: bool = False
    limit: Limit | None = None
    credits_: int | None = None


Reads = Callable[[bytes], Words]

_REFUSALS: Final = frozenset({"1001", "1002", "1003", "1004", "1005", "1006", "1007"})
"""CoinMarketCap's, of key, payment and plan; with 401, 402, 403 or 200."""
_LIMITS: Final = {
    "1008": Limit.MINUTE,
    "1009": Limit.DAY,
    "1010": Limit.MONTH,
    "1011": Limit.ADDRESS,
}


_GECKO_REFUSALS: Final = frozenset({10002, 10005, 10010, 10011, 10012})
"""CoinGecko's: no key, not in the plan, twice the other plan's address (with 400), too far back."""
_OWN_CODES: Final = 10_000
_MOST_SAID: Final = 160


class _CmcStatus(msgspec.Struct):
    error_code: int | str | None = None
    error_message: str | None = None
    credit_count: int | None = None


class _CmcAnswer(msgspec.Struct):
    status: _CmcStatus


def coinmarketcap(body: bytes) -> Words:
    """Read the ``status`` of an answer, of any HTTP status.

    Source: its table of errors of September 2026; ``credit_count`` is 0 beside an error.
    """
    try:
        said = msgspec.json.decode(body, type=_CmcAnswer).status
    except msgspec.MsgspecError:
        return Words()  # the parser tells what it is
    code = str(said.error_code or 0)
    if code == "0":
        return Words(credits_=said.credit_count)
    error = _worded(code[:8], said.error_message)
    return Words(error, code in _REFUSALS, _LIMITS.get(code), said.credit_count)


class _GeckoStatus(msgspec.Struct):
    error_code: int | None = None
    error_message: str | None = None


class _GeckoError(msgspec.Struct):
    status: _GeckoStatus | None = None


class _GeckoAnswer(msgspec.Struct):
    status: _GeckoStatus | None = None
    error_code: int | None = None
    error: _GeckoError | str | None = None


def coingecko(body: bytes) -> Words:
    """Read an error in any of its three places; a number like HTTP's repeats HTTP's status.

    Source: the official OpenAPI description; errors 10002, 10010, 10011, 10012 as public clients
    met them (``status`` beside the number, around it, and inside ``error``).
    """
    try:
        said = msgspec.json.decode(body, type=_GeckoAnswer)
    except msgspec.MsgspecError:
        return Words()  # figures, or no JSON: the parser tells what it is
    inner = said.error.status if isinstance(said.error, _GeckoError) else None
    places = [place for place in (said.status, inner) if place is not None]
    codes = [said.error_code, *(place.error_code for place in places)]
    code = next((code for code in codes if code is not None and code >= _OWN_CODES), None)
    if code is None:
        return Words()
    message = next((place.error_message for place in places if place.error_message), None)
    return Words(_worded(str(code), message), code in _GECKO_REFUSALS)


def _worded(code: str, message: str | None) -> str:
    said = (text(message) or "")[:_MOST_SAID]
    return f"{code}: {said}" if said else code


READS: Final[Mapping[str, Reads]] = {"coingecko": coingecko, "coinmarketcap": coinmarketcap}
"""By source; of the others the HTTP status tells all."""


def judge_of(reads: Reads) -> Judge:
    """Who knows an error that comes with HTTP 200."""

    def judge(body: bytes) -> Verdict | None:
        words = reads(body)
        if words.error is None:
            return None
        status = PollStatus.UNAUTHORISED if words.refused else PollStatus.ERROR
        return Verdict(status, f"error {words.error}", limited=words.limit is not None)

    return judge
