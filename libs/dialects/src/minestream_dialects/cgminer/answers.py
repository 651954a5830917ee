"""CGMiner-shaped answers: their sections, their refusals, their numbers that are texts.

Knows the shape that every descendant of CGMiner shares, no maker's keys.

Source: CGMiner's API-README, and the captures in ``tests/fixtures/cgminer``.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import MAX_TEXT, SANE, count, entry, text
from minestream_dialects.measure import Measure
from minestream_schemas.telemetry import MinerStatus, QualityFlag

Row = dict[str, Any]

MAX_ROWS: Final = 64
"""Of a section: devices, pools, statistics. The largest known miner lists 20."""
_NUMBER: Final = re.compile(r"[+-]?\d+(?P<broken>\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_DENIED: Final = "access denied"
_REFUSED: Final = frozenset({"E", "F"})
_UNITS: Final = ("GHS", "MHS", "KHS", "THS", "HS")
_NOW: Final = ("5s", "20s", "30s", "1m", "av")


def unquoted(value: object) -> object:
    """A number that came as a text (``"504.56"``, ``' 41.0000'``, ``"13,582.67"``) as a number.

    A blank text is None: this is how firmware says that it has nothing to say. Any other value
    is returned as it is, so that whoever reads it finds it invalid.
    """
    if type(value) is not str:
        return value
    said = value[:MAX_TEXT].strip()
    if not said:
        return None
    if _GROUPED.fullmatch(said):
        said = said.replace(",", "")
    found = _NUMBER.fullmatch(said)
    if found is None:
        return value
    number = float(said)
    return int(number) if found["broken"] is None and number.is_integer() else number


def said(row: Row, *keys: str) -> object:
    """What the first of ``keys`` that says something says, numbers unquoted; None: none does."""
    for key in keys:
        value = unquoted(row.get(key))
        if value is not None:
            return value
    return None


def word(row: Row, *keys: str) -> str | None:
    """The first of ``keys`` that holds a text, as one line."""
    for key in keys:
        found = text(row.get(key))
        if found is not None:
            return found
    return None


def positive(value: object) -> float:
    """A number over 0 of sane size, unquoted; 0.0 for anything else."""
    if value is None:
        return 0.0
    value = unquoted(value)
    if type(value) is not int and type(value) is not float:
        return 0.0
    return float(value) if 0 < value < SANE else 0.0


def at_work(value: object, *, hashing: bool) -> object:
    """A clock or a power as it is said; None where a board that hashes says 0: it tells none."""
    return None if hashing and value == 0 and value is not False else value


def refusal(body: object) -> str | None:
    """Why a command was refused, in the miner's words; None when it was not.

    ``STATUS`` is a list of objects, one object, or a letter beside ``Msg``.
    """
    status = entry(body, "STATUS")
    if isinstance(status, list):
        status = status[0] if status else None
    letter, words = (
        (status, entry(body, "Msg"))
        if isinstance(status, str)
        else (entry(status, "STATUS"), entry(status, "Msg"))
    )
    refused = isinstance(letter, str) and letter in _REFUSED
    return (text(words) or "refused") if refused else None


def rows(payloads: Payloads, endpoint: str, section: str) -> list[Row] | None:
    """The objects in a section of an answer.

    Returns:
        None when the endpoint did not answer, refused, or has no such section.
    """
    body = payloads.mapping(endpoint)
    if body is None or refusal(body) is not None:
        return None
    listed = body.get(section)
    if isinstance(listed, dict):
        return [listed]
    if not isinstance(listed, list):
        return None
    return [row for row in listed[:MAX_ROWS] if isinstance(row, dict)]


def row(payloads: Payloads, endpoint: str, section: str) -> Row:
    """The first object in a section; empty when there is none."""
    return next(iter(rows(payloads, endpoint, section) or ()), {})


def note_refusals(payloads: Payloads, endpoints: Iterable[str], draft: Draft) -> None:
    """Flag the endpoints that answered, but with nothing than a refusal."""
    for endpoint in endpoints:
        if refusal(payloads.bodies.get(endpoint)) is not None:
            draft.flags.add(QualityFlag.ENDPOINT_MISSING, endpoint)


def note_silence(payloads: Payloads, sections: Mapping[str, str], draft: Draft) -> bool:
    """Flag the endpoints that answered, but without their section or with a refusal.

    Args:
        payloads: what the miner answered.
        sections: by endpoint; the first is the one without which there is no reading.
        draft: receives flags and, where a command is denied, the status and the words; a
            ``problem`` when not one section was told.

    Returns:
        was anything told?
    """
    told, why = False, None
    for endpoint, section in sections.items():
        if endpoint not in payloads.bodies:
            continue
        if rows(payloads, endpoint, section):
            told = True
            continue
        draft.flags.add(QualityFlag.ENDPOINT_MISSING, endpoint)
        words = refusal(payloads.bodies[endpoint])
        if words is not None and _DENIED in words.casefold():
            draft.status = MinerStatus.UNAUTHORISED
            draft.error = f"{endpoint}: {words}"
        why = why or f"{endpoint}: {words or f'no {section} in it'}"
    if not told and why is not None and draft.status is not MinerStatus.UNAUTHORISED:
        draft.problem = why
    return told


class Rates(NamedTuple):
    """Hashrates of a row under CGMiner's names.

    Args:
        unit: as the keys name it (``GHS``); None when the row has no such key.
        now: the shortest mean that is said.
        key: where it stands.
        average: since the start.
        average_key: where it stands.
    """

    unit: str | None = None
    now: object = None
    key: str | None = None
    average: object = None
    average_key: str | None = None


def rates(row: Row) -> Rates:
    """Find ``GHS 5s``, ``MHS av`` and their like."""
    for unit in _UNITS:
        average_key = f"{unit} av"
        for window in _NOW:
            key = f"{unit} {window}"
            now = said(row, key)
            if now is not None:
                return Rates(unit, now, key, said(row, average_key), average_key)
    return Rates()


def read_now(found: Rates, source: str, unit: Measure, draft: Draft) -> None:
    """The miner's hashrates now and on average; that it does something says that it mines.

    Args:
        found: as the payload says them.
        source: the endpoint that says them, for the evidence.
        unit: theirs.
        draft: receives both, their evidence and the status.
    """
    flags = draft.flags
    draft.hashrate_hs = unit.read(found.now, name="hashrate_hs", flags=flags)
    draft.hashrate_avg_hs = unit.read(found.average, name="hashrate_avg_hs", flags=flags)
    if draft.hashrate_hs is not None:
        draft.evidence["hashrate"] = f"{source}.{found.key}"
    if draft.hashrate_avg_hs is not None:
        draft.evidence["hashrate_avg"] = f"{source}.{found.average_key}"
    if positive(found.now):
        draft.status = MinerStatus.MINING


def read_uptime(elapsed: object, source: str, draft: Draft) -> None:
    """Seconds since the mining program's start.

    Args:
        elapsed: as the payload says them.
        source: where, for the evidence.
        draft: receives both.
    """
    seconds = count(elapsed, name="uptime_s", flags=draft.flags)
    if seconds is not None:
        draft.uptime_s = float(seconds)
        draft.evidence["uptime"] = source
