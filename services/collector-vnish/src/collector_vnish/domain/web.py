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
        alone: endpoints told only with the poll that asked them; of the others each event has the
            latest known.
        configuration: read after each restart; its secrets stay with us.
        paths: of endpoints that stand elsewhere.
        only: endpoints that nobody has but a firmware whose version holds this word.
        older: what a miner is asked that has no ``main``: it is an older one.
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
    paths: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)
    older: "Web | None" = None

    def path_of(self, endpoint: str) -> str:
        """Where an endpoint stands."""
        return self.paths.get(endpoint) or self.path.format(endpoint)

    def wanted(self, firmware: str | None) -> Mapping[str, float]:
        """The cadence of what a firmware is asked beside ``main``, in the order asked."""
        if not self.only:
            return self.cadence_s
        known = (firmware or "").casefold()
        return {
            endpoint: every_s
            for endpoint, every_s in self.cadence_s.items()
            if self.only.get(endpoint, "") in known
        }


ANTMINER_OLDER: Final = Web(
    name="antminer-web",
    path="/cgi-bin/{}.cgi",
    main="get_miner_status",
    shape="devs",
    cadence_s={
        "get_system_info": _IDENTITY_S,
        "get_miner_conf": _CONFIGURATION_S,
        "chip-hr": _SLOW_S,
    },
    login="digest",
    secrets=FACTORY_LOGIN,
    identity=("get_system_info", "file_system_version"),
    alone=frozenset({"chip-hr", "get_miner_conf"}),
    configuration=frozenset({"get_miner_conf"}),
    paths={"chip-hr": "/cgi-bin/chip_hr.json"},
    only={"chip-hr": "vnish"},
)
"""Before the S17: Bitmain's pages of the S9 and L3+, which Vnish 3.x keeps and adds to.

Who sleeps their settings do not tell, as those of later miners do."""
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
    older=ANTMINER_OLDER,
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
        "get_miner_conf": _CONFIGURATION_S,
    },
    login="digest",
    secrets=FACTORY_LOGIN,
    identity=("get_system_info", "system_filesystem_version"),
    configuration=frozenset({"get_miner_conf"}),
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

_ELAPSED: Final = re.compile(rb'"(?:[Ee]lapsed"\s*:\s*"?|uptime"\s*:\s*)(\d[\d,]{0,15})')
_IN_TYPE: Final = re.compile(r"\((vnish [^()]+)\)", re.IGNORECASE)


def elapsed_s(stats: bytes) -> float | None:
    """Seconds since the miner's start, where its answer tells them; they fall at each start."""
    found = _ELAPSED.search(stats)
    return None if found is None else float(found[1].replace(b",", b""))


def told_firmware(content: object, key: str) -> str | None:
    """The version that an answer tells under a key; Vnish on Bitmain's pages tells it in the type.

    ``Antminer S9 (vnish 3.9.0)``: the rest of such pages is still Bitmain's.
    """
    if not isinstance(content, dict):
        return None
    named = content.get("minertype")
    if isinstance(named, str) and (found := _IN_TYPE.search(named)) is not None:
        return found[1]
    said = content.get(key)
    return said if isinstance(said, str) else None
