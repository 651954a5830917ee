"""Whatsminer API 3 on port 4433: its own names, hashrates in TH/s by the maker's document.

Shares and errors of the hardware are not told.

Source: the captures ``v3_*`` in ``tests/fixtures/whatsminer``.
"""

from typing import Final

from minestream_dialects.cgminer.answers import Row, positive, said, word
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import (
    CELSIUS,
    MEGAHERTZ,
    WATTS,
    celsius,
    count,
    entry,
    number,
    text,
)
from minestream_dialects.measure import Clues, Measure, measure
from minestream_dialects.slots import MAX_BOARDS
from minestream_dialects.totals import HASHING, read_totals
from minestream_dialects.whatsminer import boards, firmware
from minestream_dialects.whatsminer.errors import read_errors, read_refused
from minestream_dialects.whatsminer.reading import SETTLED_S, read_fans
from minestream_schemas.telemetry import MinerStatus

DEVICE: Final = "get.device.info"
SUMMARY: Final = "get.miner.status:summary"
POOLS: Final = "get.miner.status:pools"
BOARDS: Final = "get.miner.status:edevs"

_MAX_POOLS: Final = 64
_NOW: Final = ("hash-realtime", "hash-1min", "hash-15min", "hash-average")
_FANS: Final = ("fan-speed-in", "fan-speed-out")
_MODES: Final = {"0": "Low", "1": "Normal", "2": "High"}
_NAMES: Final = boards.Names(
    slot="id",
    status="status",
    rate=("hash-realtime", "hash-average"),
    nominal="factory-hash",
    nominal_times=1.0,
    chips="effective-chips",
    chip_max="chip-temp-max",
    chip_min="chip-temp-min",
    pcb="board-temperature",
    frequency=("freq",),
)


def _summary(payloads: Payloads) -> Row | None:
    found = entry(payloads.bodies.get(SUMMARY), "msg", "summary")
    return found if isinstance(found, dict) else None


def recognise(payloads: Payloads) -> str | None:
    """By the version that the device's information names; else by the shape of the summary."""
    api = text(entry(payloads.bodies.get(DEVICE), "msg", "system", "api"))
    if api is not None and api.startswith("3."):
        return f"{DEVICE}: system.api"
    return f"{SUMMARY}: msg.summary" if _summary(payloads) is not None else None


def identify(payloads: Payloads) -> Draft:
    """A draft that knows model, firmware and worker."""
    told = entry(payloads.bodies.get(DEVICE), "msg")
    models = (entry(told, "miner", "type"), payloads.model_hint)
    versions = (entry(told, "system", "fwversion"), payloads.firmware)
    return firmware.identified(payloads, models, versions)


def read(payloads: Payloads) -> Draft:
    """Read everything that the commands give."""
    draft = identify(payloads)
    told = entry(payloads.bodies.get(DEVICE), "msg")
    read_errors({}, entry(told, "error-code"), draft)
    mode = text(entry(told, "power", "mode"))
    draft.preset = _MODES.get(mode, mode) if mode else None
    summary = _summary(payloads)
    if summary is not None:
        _read(summary, payloads, draft)
    if entry(told, "miner", "working") in ("false", False):
        draft.status = MinerStatus.STOPPED
    if summary is None and SUMMARY in payloads.bodies:
        read_refused(SUMMARY, _refusal(payloads), "summary", draft)
    return draft


def _refusal(payloads: Payloads) -> str | None:
    """The words of an answer whose code is not 0."""
    code = entry(payloads.bodies.get(SUMMARY), "code")
    words = text(entry(payloads.bodies.get(SUMMARY), "msg"))
    return words if words and code not in (0, None) else None


def _read(summary: Row, payloads: Payloads, draft: Draft) -> None:
    flags, rows = draft.flags, _rows(payloads, BOARDS, "edevs")
    unit = _unit(summary, rows or [], draft)
    if rows is not None:
        draft.boards = boards.read_boards(_with_heat(rows, summary), _NAMES, unit, flags)
    for name, keys in (("hashrate", _NOW), ("hashrate_avg", ("hash-average",))):
        key = next((key for key in keys if said(summary, key) is not None), keys[0])
        value = unit.read(said(summary, key), name=f"{name}_hs", flags=flags)
        setattr(draft, f"{name}_hs", value)
        if value is not None:
            draft.evidence[name] = f"summary.{key}"
    nominal, name = said(summary, "factory-hash"), "hashrate_expected_hs"
    draft.hashrate_expected_hs = unit.read(nominal, name=name, flags=flags)
    _read_state(summary, draft)
    _read_power_and_heat(summary, draft)
    read_fans(summary, _FANS, draft)
    _read_pool(payloads, draft)
    seconds = count(said(summary, "elapsed"), name="uptime_s", flags=flags)
    if seconds is not None:
        draft.uptime_s = float(seconds)
        draft.evidence["uptime"] = "summary.elapsed"
    if rows is not None or draft.status in HASHING:
        read_totals(draft)


def _rows(payloads: Payloads, endpoint: str, section: str) -> list[Row] | None:
    listed = entry(payloads.bodies.get(endpoint), "msg", section)
    if not isinstance(listed, list):
        return None
    return [row for row in listed[:_MAX_POOLS] if isinstance(row, dict)]


def _unit(summary: Row, rows: list[Row], draft: Draft) -> Measure:
    """TH/s; no key names it, so what the chips can do has a word in it."""
    settled = positive(said(summary, "elapsed")) >= SETTLED_S
    clues = Clues(
        nominal=None if settled else said(summary, "factory-hash"),
        rates=tuple(said(summary, key) for key in _NOW) if settled else (),
        chips=boards.chips(rows, _NAMES),
        frequency_mhz=positive(said(summary, "freq-avg")) or None,
    )
    return measure(draft, "TH/s", "whatsminer API 3", clues)


def _with_heat(rows: list[Row], summary: Row) -> list[Row]:
    """The boards with their temperatures, which the summary lists in the boards' order."""
    heat = summary.get("board-temperature")
    if not isinstance(heat, list) or len(heat) != len(rows):
        return rows
    return [row | {_NAMES.pcb: value} for row, value in zip(rows, heat, strict=True)]


def _read_state(summary: Row, draft: Draft) -> None:
    tuning = said(summary, "up-freq-finish") == 0
    if any(positive(said(summary, key)) for key in _NOW):
        draft.status = MinerStatus.TUNING if tuning else MinerStatus.MINING
    elif draft.error_codes:
        draft.status = MinerStatus.FAILURE
    elif tuning:
        draft.status = MinerStatus.INITIALIZING


def _read_power_and_heat(summary: Row, draft: Draft) -> None:
    flags, hot = draft.flags, draft.status in HASHING
    draft.power_w = number(said(summary, "power-realtime"), WATTS, name="power_w", flags=flags)
    clock, name = said(summary, "freq-avg"), "frequency_mhz"
    draft.frequency_mhz = number(clock, MEGAHERTZ, name=name, flags=flags)
    chip, name = said(summary, "chip-temp-max"), "chip_temp_max_c"
    draft.chip_temp_max_c = celsius(chip, name=name, flags=flags, required=hot)
    draft.pcb_temp_max_c = _hottest_board(summary, draft, required=hot)
    air, name = said(summary, "environment-temperature"), "ambient_temp_c"
    # 0 is a temperature here: of the air around the miner
    draft.ambient_temp_c = number(air, CELSIUS, name=name, flags=flags, required=False)


def _hottest_board(summary: Row, draft: Draft, *, required: bool) -> float | None:
    flags, name = draft.flags, "pcb_temp_max_c"
    listed = summary.get("board-temperature")
    if listed is not None and not isinstance(listed, list):
        flags.invalid(name)
        return None
    said_of = [celsius(each, name=name, flags=flags) for each in (listed or [])[:MAX_BOARDS]]
    known = [value for value in said_of if value is not None]
    if not known and required:
        flags.missing(name)
    return max(known, default=None)


def _read_pool(payloads: Payloads, draft: Draft) -> None:
    """The pool in use: the connected one, else the first alive, else the first."""
    pools = _rows(payloads, POOLS, "pools") or []

    def order(pool: Row) -> tuple[bool, bool]:
        alive = (word(pool, "status") or "").casefold() == "alive"
        return pool.get("stratum-active") is not True, not alive

    chosen = min(pools, key=order, default={})
    draft.pool_url = word(chosen, "url")
    draft.worker = draft.worker or word(chosen, "account")


DIALECT: Final = Dialect(
    name="whatsminer-v3",
    family="whatsminer-v3",
    main=SUMMARY,
    needed=frozenset({DEVICE, SUMMARY}),
    optional=frozenset({POOLS, BOARDS}),
    recognise=recognise,
    identify=identify,
    read=read,
    never=boards.NEVER
    | {"voltage_v", "fan_duty_ratio", "accepted_total", "rejected_total", "stale_total"}
    | {"hw_errors_total", "boards.hw_errors_total"},
)
