"""Whatsminer API 1 on port 4028: error codes stand in the summary, no temperature of the air."""

from typing import Final

from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.whatsminer import firmware, reading


def recognise(payloads: Payloads) -> str | None:
    """By the version of the API, which it names."""
    found = firmware.api(payloads)
    return found[1] if found is not None and found[0] == 1 else None


DIALECT: Final = Dialect(
    name="whatsminer-v1",
    family="whatsminer",
    main=reading.MAIN,
    needed=reading.NEEDED,
    optional=reading.OPTIONAL,
    recognise=recognise,
    identify=firmware.identify,
    read=reading.read,
    never=reading.NEVER | {"boards.hashrate_expected_hs"},
)
