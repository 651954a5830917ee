"""Vnish as the first design document words it: ``/cgi-bin/stats.cgi`` and ``config.cgi``.

No device that we know sends it. The document reads five keys of ``stats``; of ``config`` it names
the settings. What it does not show is not guessed at.

Source: sections 2.1, 4.1 and 10.2 of that document; ``tests/fixtures/seed_shapes``.
"""

import re
from typing import Any, Final

from minestream_dialects.cgminer import identity
from minestream_dialects.cgminer.answers import positive, said, word
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import READING_NUMBERS, BoardDraft, Draft
from minestream_dialects.fields import MEGAHERTZ, celsius, entry, number, text
from minestream_dialects.measure import Clues, measure
from minestream_dialects.slots import MAX_BOARDS, MAX_SLOT
from minestream_dialects.totals import HASHING
from minestream_schemas.telemetry import MinerStatus, QualityFlag

MAIN: Final = "stats"
_BOARD: Final = re.compile(r"board([0-9]{1,2})")
_TELLS: Final = frozenset({"hashrate_hs", "pcb_temp_max_c", "frequency_mhz", "boards_total"})


def _data(payloads: Payloads, endpoint: str) -> dict[str, Any]:
    found = entry(payloads.bodies.get(endpoint), "data")
    return found if isinstance(found, dict) else {}


def recognise(payloads: Payloads) -> str | None:
    """By an object ``data`` with a hashrate in it."""
    return "stats.data.hashrate" if "hashrate" in _data(payloads, MAIN) else None


def identify(payloads: Payloads) -> Draft:
    """Model and firmware from either answer, as the document has it; else the inventory's."""
    stats, config = _data(payloads, MAIN), _data(payloads, "config")
    draft = identity.identify(payloads, word(stats, "model") or word(config, "model"))
    versions = (word(stats, "firmware_version"), word(config, "firmware_version"))
    draft.firmware = versions[0] or versions[1] or payloads.firmware
    return draft


def read(payloads: Payloads) -> Draft:
    """Read one poll; a failed ``config`` costs its own fields alone."""
    draft, stats = identify(payloads), _data(payloads, MAIN)
    _read_config(payloads, draft)
    if not stats:
        if MAIN in payloads.bodies:
            draft.problem = f"{MAIN}: no object data in it"
        return draft
    flags, rate = draft.flags, said(stats, "hashrate")
    source = "stats.data.hashrate_unit"
    unit = measure(draft, stats.get("hashrate_unit"), source, Clues(rates=(rate,)))
    draft.hashrate_hs = unit.read(rate, name="hashrate_hs", flags=flags)
    if draft.hashrate_hs is not None:
        draft.evidence["hashrate"] = "stats.data.hashrate"
    if positive(rate):
        draft.status = MinerStatus.MINING
    _read_boards(stats.get("temperature"), draft)
    return draft


def _read_boards(heat: object, draft: Draft) -> None:
    """``{"board0": 61.0, …}``: a temperature each, and nothing of whether the board hashes."""
    told = heat if isinstance(heat, dict) else {}
    found: dict[int, BoardDraft] = {}
    for key in list(told)[:MAX_BOARDS]:
        match = _BOARD.fullmatch(key) if isinstance(key, str) else None
        slot = int(match[1]) if match else MAX_SLOT + 1
        if slot > MAX_SLOT or slot in found:
            draft.flags.invalid("boards.slot")
            continue
        name = f"boards.{slot}.pcb_temp_c"
        warm = celsius(said(told, key), name=name, flags=draft.flags)
        found[slot] = BoardDraft(slot, pcb_temp_c=warm)
    known = [board.pcb_temp_c for board in found.values() if board.pcb_temp_c is not None]
    hottest = max(known, default=None)
    hot, name = draft.status in HASHING, "pcb_temp_max_c"
    draft.pcb_temp_max_c = celsius(hottest, name=name, flags=draft.flags, required=hot)
    if found:
        draft.boards, draft.boards_total = list(found.values()), len(found)
    elif hot:
        draft.flags.add(QualityFlag.BOARDS_MISSING)


def _read_config(payloads: Payloads, draft: Draft) -> None:
    """The settings: clock, profile, and the first pool; never a password."""
    config = _data(payloads, "config")
    clock = said(config, "frequency")
    required = "config" in payloads.bodies
    draft.frequency_mhz = number(
        clock, MEGAHERTZ, name="frequency_mhz", flags=draft.flags, required=required
    )
    draft.preset = word(config, "overclock_profile")
    pools = config.get("pools")
    first = next(iter(pools), None) if isinstance(pools, list) else None
    draft.pool_url = text(entry(first, "url"))
    draft.worker = draft.worker or text(entry(first, "user"))


DIALECT: Final = Dialect(
    name="vnish-cgi",
    family="vnish-cgi",
    main=MAIN,
    needed=frozenset({MAIN}),
    optional=frozenset({"config"}),
    recognise=recognise,
    identify=identify,
    read=read,
    never=frozenset(READING_NUMBERS) - _TELLS
    | {
        *("boards.hashrate_hs", "boards.hashrate_expected_hs", "boards.chips_ok"),
        *("boards.chips_total", "boards.chip_temp_max_c", "boards.chip_temp_min_c"),
        *("boards.frequency_mhz", "boards.voltage_v", "boards.power_w", "boards.hw_errors_total"),
    },
)
