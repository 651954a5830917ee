"""What an answer of a CGMiner-like API says about itself: how it went, since when, on what."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Final, NamedTuple

_UNKNOWN: Final = re.compile(r"(invalid|unknown|unsupported)\s+(cmd|command)", re.IGNORECASE)
_DENIED: Final = re.compile(r"access denied|permission denied", re.IGNORECASE)
_DOWN: Final = re.compile(r"process is down", re.IGNORECASE)
"""How a Whatsminer answers that is asked for numbers while it does not mine."""
_CODE_UNKNOWN: Final = 14
_CODE_DENIED: Final = 45
_TEXT_MOST: Final = 120
_REPLY: Final = re.compile(rb'\s*\{\s*"X-Reply-Id"\s*:\s*"([!#-\[\]-~]{1,64})"')
_SECTIONS: Final = {"summary": "SUMMARY", "stats": "STATS"}
_VNISH: Final = re.compile(r"\(\s*vnish\s+([^()]+)\)", re.IGNORECASE)
_PROGRAMS: Final = ("CGMiner", "BMMiner", "SGMiner", "cgminer", "bmminer", "sgminer")
_AFTER_S: Final = datetime(2001, 1, 1, tzinfo=UTC).timestamp()
_UNTIL_S: Final = datetime(2100, 1, 1, tzinfo=UTC).timestamp()

Content = Mapping[str, object]


class Verdict(Enum):
    """How a question went."""

    OK = "ok"
    MISSING = "missing"
    """This firmware does not know the command."""
    DENIED = "denied"
    """It knows us not: its ``api-allow`` leaves us out."""
    DOWN = "down"
    """Its mining program does not run: no fault, but news."""
    ERROR = "error"
    """It could not answer now."""
    SHAPE = "shape"
    """It is not what this command answers."""


class Told(NamedTuple):
    """How a question went, and why, for people."""

    verdict: Verdict
    why: str | None = None


def told(command: str, content: object) -> Told:
    """How a question went.

    Args:
        command: as it was asked.
        content: the answer, decoded.
    """
    if not isinstance(content, dict):
        return Told(Verdict.SHAPE, "not an object")
    if (fault := _fault(content)) is not None:
        return fault
    section = _SECTIONS.get(command)
    flat = command == "summary" and _totals(content)
    if section is not None and not _rows(content.get(section)) and not flat:
        return Told(Verdict.SHAPE, f"without `{section}`")
    if "." in command and not isinstance(content.get("msg"), dict):
        return Told(Verdict.SHAPE, "without `msg`")
    return Told(Verdict.OK)


def _fault(content: Content) -> Told | None:
    """What STATUS says went wrong: a list, or (Whatsminer) a letter; API 3 has a number."""
    rows = _rows(content.get("STATUS"))
    status = rows[0] if rows else content
    if "STATUS" in status:
        if status["STATUS"] not in ("E", "F"):
            return None
        code, text = status.get("Code"), status.get("Msg")
    elif "STATUS" not in content and isinstance(content.get("code"), int):
        if content["code"] == 0:
            return None
        code, text = None, content.get("msg")
    else:
        return None
    return _judged(code, _plain(text) or "no reason given")


def _judged(code: object, said: str) -> Told:
    """What a refusal means."""
    if _DOWN.search(said):
        return Told(Verdict.DOWN, said)
    if code == _CODE_UNKNOWN or _UNKNOWN.search(said):
        return Told(Verdict.MISSING, said)
    if code == _CODE_DENIED or _DENIED.search(said):
        return Told(Verdict.DENIED, f"{said}: is our address in its api-allow?")
    return Told(Verdict.ERROR, f"it says: {said}")


def reply_id_of(answer: bytes) -> str | None:
    """The answer's own number, its first key where it has one (emulators number theirs).

    Args:
        answer: as it came, however mangled its rest is.
    """
    found = _REPLY.match(answer)
    return found[1].decode() if found else None


def uptime_of(content: object) -> float | None:
    """Seconds since its mining program began; None: not said here."""
    if not isinstance(content, dict):
        return None
    found: list[object] = [
        row.get("Elapsed") for name in ("STATS", "SUMMARY") for row in _rows(content.get(name))
    ]
    found.append(_totals(content).get("Elapsed"))
    message = content.get("msg")
    if isinstance(message, dict) and isinstance(message.get("summary"), dict):
        found.append(message["summary"].get("elapsed"))
    return next((said for each in found if (said := _number(each)) is not None), None)


def state_of(content: object) -> str | None:
    """The miner's word for what it does; only Vnish's ``stats`` has one."""
    rows = _rows(content.get("STATS")) if isinstance(content, dict) else ()
    return next((said for row in rows if (said := _plain(row.get("state"))) is not None), None)


def clock_of(content: object) -> datetime | None:
    """What the miner's clock said; None: nothing, or a time before there were such miners."""
    if not isinstance(content, dict):
        return None
    rows = _rows(content.get("STATUS"))
    at_s = _number((rows[0] if rows else content).get("When"))
    if at_s is None:
        at_s = _number(content.get("when"))
    if at_s is None or not _AFTER_S < at_s < _UNTIL_S:
        return None
    return datetime.fromtimestamp(at_s, UTC)


def firmware_of(command: str, content: object) -> str | None:
    """The version of its firmware; None: not said here.

    Args:
        command: as it was asked.
        content: the answer, decoded.
    """
    if not isinstance(content, dict):
        return None
    match command:
        case "get_version":
            return _said(content, "Msg", "fw_ver")
        case "get.device.info":
            return _said(content, "msg", "system", "fwversion")
        case "version":
            rows = _rows(content.get("VERSION"))
            return _built(rows[0]) if rows else None
        case _:
            return None


def _built(version: Content) -> str | None:
    """Vnish's version; when Bitmain's was built, as it has no other; else the program and its."""
    if (found := _VNISH.search(_plain(version.get("Type")) or "")) is not None:
        return found[1].strip()
    if (built := _plain(version.get("CompileTime"))) is not None:
        return built
    for program in _PROGRAMS:
        if (number := _plain(version.get(program))) is not None:
            return f"{program.lower()} {number}"
    return None


def _totals(content: Content) -> Content:
    """A summary without a ``SUMMARY``, as some Whatsminers answer: its totals are the ``Msg``."""
    told = (each.get("Msg") for each in (content, *_rows(content.get("STATUS"))))
    return next((each for each in told if isinstance(each, dict) and "Elapsed" in each), {})


def _said(content: object, *path: str) -> str | None:
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return _plain(content)


def _rows(section: object) -> Sequence[Content]:
    if not isinstance(section, list):
        return ()
    return [row for row in section if isinstance(row, dict)]


def _plain(value: object) -> str | None:
    """A short printable text; None: it is none, or nothing is in it."""
    if not isinstance(value, str):
        return None
    return "".join(filter(str.isprintable, value)).strip()[:_TEXT_MOST] or None


def _number(value: object) -> float | None:
    """A number, or a text that is one; never negative, never without end."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < float("inf") else None
