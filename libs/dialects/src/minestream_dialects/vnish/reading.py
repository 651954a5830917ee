"""One reading of a Vnish miner: which endpoint is read when; common to 1.2 and 1.3."""

from collections.abc import Callable

from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import Flags, count
from minestream_dialects.totals import read_totals
from minestream_dialects.vnish import firmware, summary
from minestream_dialects.vnish.boards import (
    broken_codes,
    broken_words,
    complete_boards,
    read_boards,
    water_temperatures,
)
from minestream_dialects.vnish.unit import Measure, measure
from minestream_schemas.telemetry import BoardChips, MinerStatus

ChipReader = Callable[[Payloads, Measure, Flags], list[BoardChips]]


def read(payloads: Payloads, *, board_endpoint: str, chips: ChipReader) -> Draft:
    """Read everything that the endpoints give.

    Args:
        payloads: decoded bodies; whatever is absent leaves its fields None.
        board_endpoint: ``chains`` (1.2) or ``boards`` (1.3).
        chips: this generation's way to the chips.

    Returns:
        the draft; with ``problem`` when the summary is not that of a Vnish miner.
    """
    draft = firmware.identify(payloads)
    said = payloads.bodies.get("summary")
    if "summary" not in payloads.bodies:
        if "status" in payloads.bodies:
            summary.read_state(None, payloads, draft)
        summary.read_preset(payloads, draft)
        summary.read_system_uptime(payloads, draft)
        return draft
    if not isinstance(said, dict) or "miner" not in said:
        draft.problem = "summary: no object with a miner in it"
        return draft
    miner = said["miner"]
    summary.read_preset(payloads, draft)
    if miner is None:
        draft.status = MinerStatus.INITIALIZING
        summary.read_system_uptime(payloads, draft)
        return draft
    if not isinstance(miner, dict):
        draft.problem = "summary: its miner is no object"
        return draft
    _read_miner(miner, payloads, draft, board_endpoint=board_endpoint, chips=chips)
    return draft


def _read_miner(
    miner: summary.Miner,
    payloads: Payloads,
    draft: Draft,
    *,
    board_endpoint: str,
    chips: ChipReader,
) -> None:
    unit, flags, chains = measure(payloads, miner, draft), draft.flags, miner.get("chains")
    summary.read_state(miner, payloads, draft)
    listed = read_boards(chains, unit, flags)
    draft.boards = complete_boards(listed, payloads.bodies.get(board_endpoint), unit, flags)
    draft.inlet_temp_c, draft.outlet_temp_c = water_temperatures(chains, flags)
    summary.read_hashrates(miner, unit, draft)
    summary.read_power_and_heat(miner, draft)
    summary.read_cooling(miner, draft)
    summary.read_pools(miner, draft)
    summary.read_uptime(miner, payloads, draft)
    read_totals(draft)
    draft.hw_errors_total = count(miner.get("hw_errors"), name="hw_errors_total", flags=flags)
    draft.error_codes += broken_codes(draft.boards)
    draft.error = draft.error or broken_words(chains)
    draft.chips = chips(payloads, unit, flags)
