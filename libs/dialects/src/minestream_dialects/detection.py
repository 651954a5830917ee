"""What to ask an unknown miner, and what an answer says about who gave it.

Knows the questions in their order and the marks of each family; asks nothing itself. Total:
whatever bytes come back, a finding or None.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from minestream_dialects.bodies import decode_bytes
from minestream_dialects.cgminer.chains import slots
from minestream_dialects.cgminer.identity import PROGRAM
from minestream_dialects.fields import entry, text
from minestream_dialects.models import algorithm_of_model
from minestream_schemas.units import Algorithm, algorithm_named

Transport = Literal["http", "tcp"]
Auth = Literal["none", "digest", "basic"]

WEB_PORTS: Final = (80, 443)
CGMINER_PORT: Final = 4028
WHATSMINER_V3_PORT: Final = 4433
OK: Final = 200
UNAUTHORISED: Final = 401

TRANSPORT_OF: Final[Mapping[str, Transport]] = {
    "vnish": "http",
    "vnish-toolkit": "http",
    "vnish-cgi": "http",
    "antminer-web": "http",
    "elphapex": "http",
    "antminer": "tcp",
    "vnish-3": "tcp",
    "whatsminer": "tcp",
    "whatsminer-v3": "tcp",
    "cgminer": "tcp",
}
"""How the miners of each family that can be asked are asked. ``upload`` is none: it is sent."""

REALMS: Final = {"antminer configuration": "antminer-web", "daoge": "elphapex"}
"""What a miner's web server calls itself when it wants a password."""


@dataclass(frozen=True, slots=True)
class Step:
    """One question to an unknown miner.

    Args:
        name: of the step, for logs and for ``recognise``.
        transport: ``http`` (GET) or ``tcp`` (one command a connection).
        ports: where to ask, in this order. 4433 frames its messages by length, 4028 does not.
        question: the path or the command.
        auth: what credentials go with it; a step that wants some is left out where there are none.
    """

    name: str
    transport: Transport
    ports: tuple[int, ...]
    question: str
    auth: Auth = "none"


@dataclass(frozen=True, slots=True)
class Found:
    """Who answered.

    Args:
        family: as in ``RawMiner.dialect``.
        transport: how its miners are asked.
        model: as it names itself; None when this answer does not.
        firmware: likewise.
        algorithm: what it computes, as far as the answer tells.
        evidence: a sentence for people.
        locked: it named itself, but answers only with credentials. Ask on: another door may be
            open, and take this one when none is.
    """

    family: str
    transport: Transport
    model: str | None
    firmware: str | None
    algorithm: Algorithm
    evidence: str
    locked: bool = False


STEPS: Final = (
    Step("vnish-info", "http", WEB_PORTS, "/api/v1/info"),
    Step("toolkit-summary", "http", WEB_PORTS, "/summary"),
    Step("cgi-stats", "http", WEB_PORTS, "/cgi-bin/stats.cgi"),
    Step("cgi-stats-digest", "http", WEB_PORTS, "/cgi-bin/stats.cgi", auth="digest"),
    Step("cgi-stats-basic", "http", WEB_PORTS, "/cgi-bin/stats.cgi", auth="basic"),
    Step("4028-stats", "tcp", (CGMINER_PORT,), "stats"),
    Step("4028-get-version", "tcp", (CGMINER_PORT,), "get_version"),
    Step("4028-version", "tcp", (CGMINER_PORT,), "version"),
    Step("4433-device-info", "tcp", (WHATSMINER_V3_PORT,), "get.device.info"),
)
"""In the order asked. ``stats`` before ``version``: Vnish 1.2 refuses the latter, and old Antminers
tell their type in the former only. ``get_version`` before it too: a Whatsminer is no cgminer."""

_REALM: Final = re.compile(r'\brealm\s*=\s*"([^"]{1,128})"', re.IGNORECASE)
_TYPE: Final = re.compile(r"^(?P<model>[^()]*?)\s*\((?P<name>\w+)\s+(?P<version>[^()]+)\)$")
_OF_VNISH: Final = frozenset({"hr_measure", "platform", "system"})
"""What its ``/info`` tells beside its name, whoever sold it."""
_ROWS: Final = 4
"""Of ``stats``: the one that names the miner, the one with its boards, and what comes with them."""


def recognise(
    step: Step,
    body: bytes,
    *,
    http_status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Found | None:
    """Tell who gave an answer.

    Args:
        step: what was asked.
        body: the answer as it came, without 4433's length in front; empty when there was none.
        http_status: of an HTTP answer.
        headers: of an HTTP answer; the case of their names does not count.

    Returns:
        the finding; None when the answer is nobody's that we know.
    """
    if step.transport == "http":
        if http_status == UNAUTHORISED:
            return _behind_a_lock(headers or {}) if step.auth == "none" else None
        if http_status != OK:
            return None
    said = decode_bytes(body).value
    return _READERS[step.question](said) if isinstance(said, dict) else None


def _found(
    family: str,
    evidence: str,
    *,
    model: object = None,
    firmware: object = None,
    algorithm: Algorithm = Algorithm.UNKNOWN,
    locked: bool = False,
) -> Found:
    named = text(model)
    if algorithm is Algorithm.UNKNOWN:
        algorithm = algorithm_of_model(named)
    transport = TRANSPORT_OF[family]
    return Found(family, transport, named, text(firmware), algorithm, evidence, locked)


def _behind_a_lock(headers: Mapping[str, str]) -> Found | None:
    """By the realm of a 401: miners name themselves there, routers and cameras name others."""
    for name, value in headers.items():
        if name.casefold() != "www-authenticate":
            continue
        for realm in _REALM.findall(value):
            for mark, family in REALMS.items():
                if realm.casefold().startswith(mark):
                    shown = text(realm)
                    return _found(family, f'401 that wants a password for "{shown}"', locked=True)
    return None


def _vnish(said: dict[str, Any]) -> Found | None:
    """``/api/v1/info`` of Vnish 1.x: it names its firmware, which others sell under their names."""
    name, version = text(said.get("fw_name")), text(said.get("fw_version"))
    if name is None:
        return None
    own = name.casefold().startswith(("vnish", "anthill"))
    if not own and not (version and said.keys() >= _OF_VNISH):
        return None
    return _found(
        "vnish",
        f"GET /api/v1/info: fw_name {name}, fw_version {version}",
        model=said.get("miner") or said.get("model"),
        firmware=f"{name} {version}" if version else name,
        algorithm=algorithm_named(text(said.get("algorithm"))),
    )


def _toolkit(said: dict[str, Any]) -> Found | None:
    """``/summary`` of the toolkit: one object ``summary`` with a hashrate in it."""
    if entry(said, "summary", "hashrate") is None:
        return None
    return _found("vnish-toolkit", "GET /summary: summary.hashrate")


def _cgi(said: dict[str, Any]) -> Found | None:
    """``/cgi-bin/stats.cgi``: three firmwares answer it, each in a shape of its own."""
    if entry(said, "data", "hashrate") is not None:
        return _found("vnish-cgi", "GET /cgi-bin/stats.cgi: data.hashrate")
    stats = _first(said.get("STATS"))
    if stats is None or not isinstance(stats.get("chain"), list):
        return None
    info, model = said.get("INFO"), text(entry(said.get("INFO"), "type"))
    firmware = entry(info, "miner_version")
    if _of_elphapex(model, entry(info, "hw_version")):
        evidence = f"GET /cgi-bin/stats.cgi: INFO.type {model}"
        return _found(
            "elphapex", evidence, model=model, firmware=firmware, algorithm=Algorithm.SCRYPT
        )
    evidence = f"GET /cgi-bin/stats.cgi: STATS[0].chain, INFO.type {model}"
    return _found("antminer-web", evidence, model=model, firmware=firmware)


def _of_elphapex(model: str | None, hardware: object) -> bool:
    """Elphapex names its machines DG1+, DG-Home1, and its hardware after them."""
    return any((said or "").upper().startswith("DG") for said in (model, text(hardware)))


def _stats(said: dict[str, Any]) -> Found | None:
    """``stats`` on 4028: Bitmain's and Vnish's firmware tell their ``Type`` in the first entry.

    Others list Bitmain's chains under types of their own: Hammer, MSKminer.
    """
    typed = text(entry(_first(said.get("STATS")), "Type"))
    if found := _typed(typed, "stats") or _btminer(said, "stats"):
        return found
    listed = said.get("STATS")
    rows = listed[:_ROWS] if isinstance(listed, list) else []
    if any(slots(row) for row in rows if isinstance(row, dict)):
        named = f", Type {typed}" if typed else ""
        return _found("antminer", f"4028 stats: chains as Bitmain's{named}", model=typed)
    return None


def _version(said: dict[str, Any]) -> Found | None:
    """``version`` on 4028: the type where there is one, else the program."""
    version = _first(said.get("VERSION"))
    if version is None:
        return _btminer(said, "version")
    if found := _typed(text(version.get("Type")), "version") or _btminer(said, "version"):
        return found
    for key, value in version.items():
        if isinstance(key, str) and PROGRAM.fullmatch(key):
            program = f"{text(key)} {text(value) or ''}".strip()
            evidence = f"4028 version: {program}"
            return _found("cgminer", evidence, model=version.get("Type"), firmware=program)
    return None


def _typed(typed: str | None, command: str) -> Found | None:
    """``Antminer L9 (Vnish 1.2.7)``, ``Antminer S19 Pro``: whose firmware on which model."""
    if typed is None:
        return None
    evidence = f"4028 {command}: Type {typed}"
    apart = _TYPE.match(typed)
    model = apart["model"] if apart else typed
    if apart and apart["name"].casefold() in ("vnish", "anthillos"):
        firmware = f"Vnish {apart['version'].strip()}"
        return _found("vnish-3", evidence, model=model, firmware=firmware)
    if "vnish" in typed.casefold():
        return _found("vnish-3", evidence, model=model)
    if typed.casefold().startswith("antminer"):
        return _found("antminer", evidence, model=model)
    return None


def _btminer(said: dict[str, Any], command: str) -> Found | None:
    """A Whatsminer names its program even when it refuses a command."""
    status = said.get("STATUS")
    told = said if isinstance(status, str) else _first(status)
    described = text(entry(told, "Description")) or ""
    named = {text(key) or "" for key in _first(said.get("VERSION")) or ()}
    for word in (described, *sorted(named)):
        if word.casefold().startswith(("whatsminer", "btminer")):
            return _found("whatsminer", f"4028 {command}: it calls itself {word}")
    return None


def _get_version(said: dict[str, Any]) -> Found | None:
    """``get_version`` on 4028: only Whatsminers know it.

    Whatever version it names, at this port it is asked as one of API 1 or 2: 3 is spoken at 4433.
    """
    api, firmware = text(entry(said, "Msg", "api_ver")), entry(said, "Msg", "fw_ver")
    if api is None:
        return _btminer(said, "get_version")
    evidence = f"4028 get_version: api_ver {api}"
    return _found("whatsminer", evidence, firmware=firmware)


def _device_info(said: dict[str, Any]) -> Found | None:
    """``get.device.info`` on 4433: Whatsminer's API 3."""
    api = text(entry(said, "msg", "system", "api"))
    if said.get("desc") != "get.device.info" or api is None:
        return None
    return _found(
        "whatsminer-v3",
        f"4433 get.device.info: api {api}",
        model=entry(said, "msg", "miner", "type"),
        firmware=entry(said, "msg", "system", "fwversion"),
    )


def _first(items: object) -> dict[str, Any] | None:
    """The first entry of a list of objects, as cgminer sends its sections."""
    first = items[0] if isinstance(items, list) and items else None
    return first if isinstance(first, dict) else None


_READERS: Final[Mapping[str, Callable[[dict[str, Any]], Found | None]]] = {
    "/api/v1/info": _vnish,
    "/summary": _toolkit,
    "/cgi-bin/stats.cgi": _cgi,
    "stats": _stats,
    "get_version": _get_version,
    "version": _version,
    "get.device.info": _device_info,
}
