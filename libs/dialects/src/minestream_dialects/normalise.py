"""From one poll to events: decodes bodies, has a dialect read them, assembles the reading.

Knows the failure table (which fault becomes which row), no firmware. Pure and total: the same
poll gives the same events, and no bytes make it raise.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from operator import attrgetter
from typing import Final

from msgspec.structs import asdict

from minestream_dialects import registry
from minestream_dialects.bodies import decode
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import PLAIN_FIELDS, Draft, quality
from minestream_dialects.fields import text
from minestream_dialects.totals import HEALTHY_CHIPS_RATIO, judge
from minestream_schemas.ids import derived_id
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import (
    MinerChips,
    MinerStatus,
    MinerTelemetry,
    QualityFlag,
)

CLOCK_TOLERANCE: Final = timedelta(seconds=60)
STALE_AFTER: Final = timedelta(hours=2)
"""Twice the longest cadence (``info``, hourly): one missed fetch is no news, two are."""

_SILENT: Final = {
    PollStatus.TIMEOUT: MinerStatus.OFFLINE,
    PollStatus.REFUSED: MinerStatus.OFFLINE,
    PollStatus.GARBAGE: MinerStatus.GARBAGE,
}
"""Polls that give a row without numbers."""

_STANDING: Final = frozenset(
    {
        MinerStatus.INITIALIZING,
        MinerStatus.STARTING,
        MinerStatus.RESTARTING,
        MinerStatus.STOPPING,
        MinerStatus.STOPPED,
        MinerStatus.FAILURE,
    }
)
"""States in which the firmware's hashrate may be a left-over: no efficiency is derived from it."""


_plain_values: Final = attrgetter(*PLAIN_FIELDS)


@dataclass(frozen=True, slots=True)
class Normalised:
    """What one poll says: always a reading, and chips when the poll brought them."""

    telemetry: MinerTelemetry
    chips: MinerChips | None = None


Make = Callable[[dict[str, object]], MinerTelemetry]
"""Makes a reading of its values, and checks them; raises ``ValueError`` where they are none."""


def normalise(
    raw: RawMiner,
    *,
    make: Make = MinerTelemetry.model_validate,
    healthy_chips_ratio: float = HEALTHY_CHIPS_RATIO,
) -> Normalised:
    """Turn one poll into events.

    A silent or unreadable poll is a row without numbers. A stopped miner's numbers are those that
    its firmware still says (ADR 0003): its ``status`` tells that it does not hash.

    Args:
        raw: one poll, any bodies.
        make: checks the reading's values; another way may be quicker, and must be as strict.
        healthy_chips_ratio: a board with at least this share of its chips is healthy.

    Returns:
        the reading with ``ts`` = ``polled_at``, and the chips.
    """
    payloads, problems, repaired = payloads_of(raw)
    chosen = registry.choose(raw.dialect, payloads)
    dialect = chosen[0] if chosen else _only_hope(raw.dialect)
    draft = _read(raw, dialect, payloads, problems)
    if chosen:
        draft.evidence["dialect"] = chosen[1]
    if detected := text(raw.dialect_evidence):
        draft.evidence["detected"] = detected
    if repaired:
        draft.flags.add(QualityFlag.REPAIRED)
    judge(draft, healthy_chips_ratio)
    _flag_times(raw, draft)
    name = (chosen[0].name if chosen else None) or text(raw.dialect) or registry.AUTO
    never = dialect.never if dialect else frozenset()
    telemetry = make(_values(raw, name, draft, never))
    return Normalised(telemetry, _chips(raw, draft))


def payloads_of(raw: RawMiner) -> tuple[Payloads, dict[str, str], bool]:
    """What a poll brought, decoded; why an endpoint brought nothing; was any body mended?"""
    bodies: dict[str, object] = {}
    ages_s: dict[str, float] = {}
    problems: dict[str, str] = {}
    repaired = False
    for name, endpoint in raw.endpoints.items():
        decoded = decode(endpoint)
        if decoded.problem is None:
            bodies[name] = decoded.value
            ages_s[name] = (raw.polled_at - endpoint.fetched_at).total_seconds()
            repaired = repaired or decoded.repaired
        else:
            problems[name] = decoded.problem
    hints = (raw.firmware, raw.model_hint, raw.algorithm_hint, raw.worker_hint)
    return Payloads(bodies, ages_s, *map(text, hints)), problems, repaired


def _only_hope(name: str) -> Dialect | None:
    """Nothing recognised: the family's newest dialect still knows the model and what is missing."""
    found = registry.candidates(name)
    return found[0] if found and name != registry.AUTO else None


def _read(
    raw: RawMiner, dialect: Dialect | None, payloads: Payloads, problems: dict[str, str]
) -> Draft:
    if dialect is None:
        draft = Draft(status=_SILENT.get(raw.status, MinerStatus.GARBAGE))
        draft.error = text(raw.error or _why_unknown(raw.dialect, problems))
        return draft
    if raw.status in _SILENT:
        return _without_numbers(dialect, payloads, _SILENT[raw.status], raw.error)
    if _unreadable(raw.endpoints.get(dialect.main)) and dialect.main in problems:
        problem = f"{dialect.main}: {problems[dialect.main]}"
        return _without_numbers(dialect, payloads, MinerStatus.GARBAGE, problem)
    refused = raw.status is PollStatus.UNAUTHORISED
    draft = _refused(dialect, payloads) if refused else dialect.read(payloads)
    if draft.problem is not None:
        return _without_numbers(dialect, payloads, MinerStatus.GARBAGE, draft.problem)
    absent = dialect.needed - payloads.bodies.keys()
    if dialect.older_main in payloads.bodies:
        absent -= {dialect.main}
    for name in absent | (dialect.optional & problems.keys()):
        draft.flags.add(QualityFlag.ENDPOINT_MISSING, name)
    if refused:
        draft.status = MinerStatus.UNAUTHORISED
    draft.error = draft.error or text(raw.error)
    return draft


def _refused(dialect: Dialect, payloads: Payloads) -> Draft:
    """What a miner says that refuses us: what rode along from before tells only who it is."""
    now = {name: said for name, said in payloads.bodies.items() if payloads.ages_s[name] <= 0}
    if {dialect.main, dialect.older_main} & now.keys():
        return dialect.read(payloads)
    known = dialect.identify(payloads)
    if not now:
        return known
    draft = dialect.read(
        replace(
            payloads,
            bodies=now,
            model_hint=known.model or payloads.model_hint,
            algorithm_hint=known.algorithm or payloads.algorithm_hint,
        )
    )
    draft.firmware = known.firmware or draft.firmware
    draft.evidence |= known.evidence
    return draft


def _why_unknown(name: str, problems: dict[str, str]) -> str:
    known = registry.candidates(name)
    if not known:
        return f"no dialect is named {name}"
    if problems:
        return "; ".join(f"{endpoint}: {problem}" for endpoint, problem in problems.items())
    return f"nothing in it that {', '.join(dialect.name for dialect in known)} would say"


def _unreadable(main: EndpointBody | None) -> bool:
    """Did the main endpoint answer, but nothing that can be read?"""
    return main is not None and main.status in (PollStatus.OK, PollStatus.GARBAGE)


def _without_numbers(
    dialect: Dialect, payloads: Payloads, status: MinerStatus, error: str | None
) -> Draft:
    draft = dialect.identify(payloads)
    draft.status = status
    draft.error = text(error)
    return draft


def _flag_times(raw: RawMiner, draft: Draft) -> None:
    polled_at = raw.polled_at
    for name, endpoint in raw.endpoints.items():
        fetched_at, server_at = endpoint.fetched_at, endpoint.server_at
        if server_at is not None and abs(server_at - fetched_at) > CLOCK_TOLERANCE:
            draft.flags.add(QualityFlag.CLOCK_SKEW)
        if polled_at - fetched_at > STALE_AFTER and endpoint.status is PollStatus.OK:
            draft.flags.add(QualityFlag.ENDPOINT_STALE, text(name))


def _values(raw: RawMiner, name: str, draft: Draft, never: frozenset[str]) -> dict[str, object]:
    # one validation of the whole: a board on its own would cost one more each
    boards = tuple([asdict(board) for board in draft.boards or ()])
    return dict(zip(PLAIN_FIELDS, _plain_values(draft), strict=True)) | {
        "event_id": derived_id("telemetry", raw.event_id),
        "raw_event_id": raw.event_id,
        "ts": raw.polled_at,
        "miner_id": raw.miner_id,
        "site_id": raw.site_id,
        "rack_id": raw.rack_id,
        "dialect": name,
        "efficiency_j_per_th": _efficiency(draft),
        "fan_rpm": draft.fan_rpm or (),
        "boards": boards,
        "quality_flags": draft.flags.sorted(),
        "quality_score": quality(draft, never),
        "latency_ms": raw.latency_ms,
    }


def _efficiency(draft: Draft) -> float | None:
    """J/TH; never the firmware's own ``power_efficiency``, whose unit changed between releases."""
    if not draft.hashrate_hs or draft.power_w is None or draft.status in _STANDING:
        return None
    terahashes = draft.hashrate_hs / 1e12
    value = draft.power_w / terahashes if terahashes > 0 else float("inf")
    return value if value < float("inf") else None


def _chips(raw: RawMiner, draft: Draft) -> MinerChips | None:
    if not draft.chips:
        return None
    return MinerChips(
        event_id=derived_id("chips", raw.event_id),
        raw_event_id=raw.event_id,
        ts=raw.polled_at,
        miner_id=raw.miner_id,
        site_id=raw.site_id,
        boards=tuple(draft.chips),
        quality_flags=draft.flags.sorted(),
    )
