"""Whatsminer API 2 on port 4028: error codes by a command of their own, with their times."""

from typing import Final

from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.whatsminer import firmware, reading

_OF_API: Final = 2


def recognise(payloads: Payloads) -> str | None:
    """By the version of the API, 2 or later; else by what only a Whatsminer's summary says."""
    found = firmware.api(payloads)
    return found[1] if found is not None and found[0] >= _OF_API else None


DIALECT: Final = Dialect(
    name="whatsminer-v2",
    family="whatsminer",
    main=reading.MAIN,
    needed=reading.NEEDED,
    optional=reading.OPTIONAL,
    recognise=recognise,
    identify=firmware.identify,
    read=reading.read,
    never=reading.NEVER,
)
