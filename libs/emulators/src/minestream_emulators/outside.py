"""What the parts of the world beyond the farm share: whose miners, and what is wrong."""

from dataclasses import dataclass

from minestream_emulators.fleet import Fleet
from minestream_emulators.troubles import Troubles


@dataclass(frozen=True, slots=True)
class Outside:
    """What its parts share.

    Args:
        fleet: whose miners the pool knows.
        troubles: what is wrong beyond the farm.
        smtp_port: where the inbox takes mail; 0: a free one.
        host: the address that the inbox takes mail at.
    """

    fleet: Fleet
    troubles: Troubles
    smtp_port: int = 0
    host: str = "127.0.0.1"
