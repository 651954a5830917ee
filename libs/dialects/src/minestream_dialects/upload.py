"""The document that an edge collector uploads for each miner: the fourth design document's, 3.1.

29 fields and five for each board. ``hashrate_ghs`` is in GH/s of 1e9 hashes, on a scrypt miner
too: a collector that passes on its firmware's MH/s under that name is disputed, not believed.

Where the fields go: ``miner_id`` and ``ip_address`` are the gateway's business, ``efficiency`` is
worked out from power and hashrate, ``latency_ms`` belongs to the poll, ``temperature_avg``,
``temperature_min`` and ``pool_latency_ms`` have no place in a reading.
"""

from typing import Any, Final

from minestream_dialects.cgminer import identity
from minestream_dialects.cgminer.answers import positive, read_uptime, said, unquoted, word
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import BoardDraft, Draft
from minestream_dialects.fields import MEGAHERTZ, RPM, WATTS, Flags, celsius, count, number
from minestream_dialects.measure import Clues, Measure, measure
from minestream_dialects.slots import MAX_SLOT, numbered
from minestream_dialects.totals import HASHING, read_totals
from minestream_schemas.telemetry import MinerStatus

MAIN: Final = "upload"
MAX_FANS: Final = 64
_MARKS: Final = ("hashrate_ghs", "hashrate_5s_ghs", "online")
_WELL: Final = "healthy"


def recognise(payloads: Payloads) -> str | None:
    """By the fields that only this document has."""
    document = payloads.mapping(MAIN) or {}
    return next((f"upload.{key}" for key in _MARKS if key in document), None)


def identify(payloads: Payloads) -> Draft:
    """Model, firmware and worker: the document's, else the inventory's."""
    document = payloads.mapping(MAIN) or {}
    draft = identity.identify(payloads, word(document, "model"))
    draft.firmware = word(document, "firmware_version") or payloads.firmware
    return draft


def read(payloads: Payloads) -> Draft:
    """Read one document; one of a miner that is not online has no numbers, whatever it says."""
    draft, document = identify(payloads), payloads.mapping(MAIN)
    if document is None:
        if MAIN in payloads.bodies:
            draft.problem = f"{MAIN}: no object"
        return draft
    draft.error = word(document, "error_message")
    if document.get("online") is False:
        draft.status = MinerStatus.OFFLINE
        return draft
    if document.get("online") is not True:
        (draft.flags.missing if "online" not in document else draft.flags.invalid)("status")
    _read(document, draft)
    return draft


def _read(document: dict[str, Any], draft: Draft) -> None:
    flags = draft.flags
    now, average = said(document, "hashrate_5s_ghs"), said(document, "hashrate_ghs")
    nominal = said(document, "hashrate_expected_ghs")
    boards = document.get("boards")
    unit = measure(draft, "GH/s", "upload.hashrate_ghs", Clues(rates=(now, average, nominal)))
    first, key = (average, "hashrate_ghs") if now is None else (now, "hashrate_5s_ghs")
    draft.hashrate_hs = unit.read(first, name="hashrate_hs", flags=flags)
    draft.hashrate_avg_hs = unit.read(average, name="hashrate_avg_hs", flags=flags)
    for name, source in (("hashrate", key), ("hashrate_avg", "hashrate_ghs")):
        if getattr(draft, f"{name}_hs") is not None:
            draft.evidence[name] = f"upload.{source}"
    draft.hashrate_expected_hs = unit.read(nominal, name="hashrate_expected_hs", flags=flags)
    if positive(now) or positive(average):
        draft.status = MinerStatus.MINING
    power, clock = said(document, "power_consumption"), said(document, "frequency_avg")
    draft.power_w = number(power, WATTS, name="power_w", flags=flags)
    draft.frequency_mhz = number(clock, MEGAHERTZ, name="frequency_mhz", flags=flags)
    _read_heat(document, draft)
    _read_fans(document, draft)
    _read_shares(document, draft)
    read_uptime(said(document, "uptime_seconds"), "upload.uptime_seconds", draft)
    draft.boards = _boards(boards, unit, flags)
    _read_boards(document, draft)
    health = word(document, "overall_health")
    if health is not None and health.casefold() != _WELL:
        draft.error_codes += (f"health:{health}",)


def _read_heat(document: dict[str, Any], draft: Draft) -> None:
    """The hottest chip: as it is said, else of the chips that are listed."""
    value, name = said(document, "temperature_max"), "chip_temp_max_c"
    listed = document.get("temperature_chips")
    if value is None and isinstance(listed, list):
        value = max((positive(each) for each in listed), default=None)
    hot = draft.status in HASHING
    draft.chip_temp_max_c = celsius(value, name=name, flags=draft.flags, required=hot)


def _read_fans(document: dict[str, Any], draft: Draft) -> None:
    listed, flags = document.get("fan_speeds"), draft.flags
    if not isinstance(listed, list) or len(listed) > MAX_FANS:
        (flags.missing if listed is None else flags.invalid)("fan_rpm")
        return
    speeds = [number(unquoted(each), RPM, name="fan_rpm", flags=flags) for each in listed]
    known = tuple(round(speed) for speed in speeds if speed is not None)
    draft.fan_rpm = known if len(known) == len(speeds) else None


def _read_shares(document: dict[str, Any], draft: Draft) -> None:
    for name, key in (
        ("accepted_total", "accepted_shares"),
        ("rejected_total", "rejected_shares"),
        ("hw_errors_total", "hardware_errors"),
    ):
        setattr(draft, name, count(said(document, key), name=name, flags=draft.flags))
    draft.pool_url = word(document, "pool_url")
    draft.worker = draft.worker or word(document, "worker_name")


def _boards(listed: object, unit: Measure, flags: Flags) -> list[BoardDraft] | None:
    if listed is None:
        return None
    return [_board(slot, item, unit, flags) for slot, item in numbered(listed, flags, first=0)]


def _board(slot: int, item: dict[str, Any], unit: Measure, flags: Flags) -> BoardDraft:
    at, rate = f"boards.{slot}", said(item, "hashrate")
    board = BoardDraft(slot, hashing=positive(rate) > 0)
    board.hashrate_hs = unit.read(rate, name=f"{at}.hashrate_hs", flags=flags)
    board.chips_ok = count(said(item, "chips_ok"), name=f"{at}.chips_ok", flags=flags)
    board.chips_total = count(said(item, "chips_total"), name=f"{at}.chips_total", flags=flags)
    warm, name = said(item, "temp"), f"{at}.chip_temp_max_c"
    board.chip_temp_max_c = celsius(warm, name=name, flags=flags, required=board.hashing)
    return board


def _read_boards(document: dict[str, Any], draft: Draft) -> None:
    """Totals by our own rule from the boards; where none are listed, the document's own."""
    total = count(said(document, "boards_total"), name="boards_total", flags=draft.flags)
    if draft.boards:
        counted = total if total is not None and total <= MAX_SLOT else 0
        read_totals(draft, counted=counted)
        return
    healthy = said(document, "boards_healthy")
    draft.boards_total = total
    draft.boards_healthy = count(
        healthy, name="boards_healthy", flags=draft.flags, required=total is not None
    )


DIALECT: Final = Dialect(
    name="upload",
    family="upload",
    main=MAIN,
    needed=frozenset({MAIN}),
    optional=frozenset(),
    recognise=recognise,
    identify=identify,
    read=read,
    never=frozenset(
        {
            *("voltage_v", "pcb_temp_max_c", "fan_duty_ratio", "stale_total"),
            *("boards.hashrate_expected_hs", "boards.chip_temp_min_c", "boards.pcb_temp_c"),
            *("boards.frequency_mhz", "boards.voltage_v", "boards.power_w"),
            "boards.hw_errors_total",
        }
    ),
)
