"""The families of miners with a plain web API: their paths, cadences and shapes, as data. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

_POLL_S: Final = 60.0
_SLOW_S: Final = 300.0
_CONFIGURATION_S: Final = 1800.0
_IDENTITY_S: Final = 3600.0
FACTORY_LOGIN: Final[Mapping[str, str]] = MappingProxyType({"username": "root", "password": "root"})
"""With which Bitmain's and Elphapex' miners leave their factory."""


@dataclass(frozen=True, slots=True)
class Web:
    """One family.

    Args:
        name: as events tell it.
        path: of an endpoint, with its name in braces.
        main: read at each poll.
        shape: the key without which ``main``'s answer is another's.
        cadence_s: of the others, in the order asked: who it is first, as another firmware is
            another plan.
        login: ``none``; ``digest``; ``basic``: Basic, and Digest where the miner asks for it.
        secrets: with which such miners are delivered.
        identity: the endpoint that tells the firmware, and under which key.
        alone: endpoints that ride along in the events between.
        configuration: read after each restart; their secrets stay with us.
    """

    name: str
    path: str
    main: str
    shape: str
    cadence_s: Mapping[str, float]
    login: Literal["none", "digest", "basic"] = "none"
    secrets: Mapping[str, str] | None = None
    identity: tuple[str, str] | None = None
    alone: frozenset[str] = frozenset()
    configuration: frozenset[str] = field(default_factory=frozenset)


ANTMINER: Final = Web(
    name="antminer-web",
    path="/cgi-bin/{}.cgi",
    main="stats",
    shape="STATS",
    cadence_s={
        "get_system_info": _IDENTITY_S,
        "summary": _POLL_S,
        "pools": _POLL_S,
        "get_miner_conf": _CONFIGURATION_S,
    },
    login="digest",
    secrets=FACTORY_LOGIN,
    identity=("get_system_info", "system_filesystem_version"),
    configuration=frozenset({"get_miner_conf"}),
)
ELPHAPEX: Final = Web(
    name="elphapex",
    path="/cgi-bin/{}.cgi",
    main="stats",
    shape="STATS",
    cadence_s={
        "get_system_info": _IDENTITY_S,
        "summary": _POLL_S,
        "pools": _POLL_S,
        "get_power": _POLL_S,
    },
    login="digest",
    secrets=FACTORY_LOGIN,
    identity=("get_system_info", "system_filesystem_version"),
)
TOOLKIT: Final = Web(
    name="vnish-toolkit",
    path="/{}",
    main="summary",
    shape="summary",
    cadence_s={"status": _POLL_S, "chains": _POLL_S, "chips": _SLOW_S},
    alone=frozenset({"chips"}),
)
CGI: Final = Web(
    name="vnish-cgi",
    path="/cgi-bin/{}.cgi",
    main="stats",
    shape="data",
    cadence_s={"config": _CONFIGURATION_S},
    login="basic",
    secrets=FACTORY_LOGIN,
    configuration=frozenset({"config"}),
)
FAMILIES: Final = (ANTMINER, ELPHAPEX, TOOLKIT, CGI)

_ELAPSED: Final = re.compile(rb'"(?:[Ee]lapsed|uptime)"\s*:\s*(\d{1,12})\b')


def elapsed_s(stats: bytes) -> float | None:
    """Seconds since the miner's start, where its answer tells them; they fall at each start."""
    found = _ELAPSED.search(stats)
    return None if found is None else float(found[1])


def told_firmware(content: object, key: str) -> str | None:
    """The version that an answer tells under a key."""
    said = content.get(key) if isinstance(content, dict) else None
    return said if isinstance(said, str) else None
