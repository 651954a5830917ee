"""``stats`` of Antminers and of Vnish: one long list of numbered keys."""

from collections.abc import Iterator
from typing import Any

from minestream_emulators.cgminer.shapes import Shape
from minestream_emulators.chips import SPREAD_C, chip_range_c, hot_chip_of, pcb_range_c
from minestream_emulators.device import WRONG_UNIT, Firmware, Json
from minestream_emulators.physics import Board, Miner, Phase
from minestream_emulators.recorded import filled, recorded

_MIDDLES = (SPREAD_C / 2, 5.0)
_PIC_BELOW_PCB_C = 10
_GIGA = 1e9
_STATES = {Phase.MINING: "mining", Phase.FAILURE: "failure", Phase.OFF: "stopped"}


def _sensors(low: int, high: int) -> str:
    """Four sensors of a board, as ``78-50-69-70``: the hottest, the coolest, two between."""
    if (low, high) == (0, 0):
        return "0-0-0-0"
    return "-".join(str(max(low, round(high - less))) for less in (0.0, SPREAD_C, *_MIDDLES))


def chip_map(miner: Miner, board: Board, group: int) -> str:
    """Every chip of a board: ``o`` well, ``x`` not."""
    if board.lost:
        return ""
    count = miner.model.chips
    marks = ["o"] * count
    if board.hot:
        marks[hot_chip_of(board)] = "x"
    line = "".join(marks)
    return "".join(f" {line[start : start + group]}" for start in range(0, count, group))


def _board_values(
    miner: Miner, board: Board, chain: int, scale: float
) -> Iterator[tuple[str, Any]]:
    """A board's keys, as all firmware together has them."""
    pcb_low, pcb_high = pcb_range_c(board)
    chip_low, chip_high = chip_range_c(board)
    there = not board.lost
    mhz = miner.preset.frequency_mhz if there else 0
    now, ideal = miner.board_hs(board) * scale, miner.ideal_hs() * scale if there else 0.0
    yield f"chain_acn{chain}", miner.model.chips if there else 0
    yield f"chain_hw{chain}", board.hw_errors
    yield f"chain_rate{chain}", now
    yield f"chain_rateideal{chain}", ideal
    yield f"freq{chain}", mhz
    yield f"freq_avg{chain}", mhz
    yield f"temp{chain}", pcb_high
    yield f"temp2_{chain}", chip_high
    yield f"temp_chip{chain}", _sensors(chip_low, chip_high)
    yield f"temp_pcb{chain}", _sensors(pcb_low, pcb_high)
    yield f"temp_pic{chain}", _sensors(*_less(pcb_low, pcb_high))
    yield f"chain_consumption{chain}", board.power_w
    yield f"chain_state{chain}", _state(miner) if there else "disconnected"
    yield f"chain_fault{chain}", "" if there else "Chain is not detected"


def _less(low: int, high: int) -> tuple[int, int]:
    return (0, 0) if (low, high) == (0, 0) else (low - _PIC_BELOW_PCB_C, high - _PIC_BELOW_PCB_C)


def _state(miner: Miner) -> str:
    return _STATES.get(miner.phase, "initializing")


def _total_values(miner: Miner, shape: Shape, scale: float) -> dict[str, Any]:
    present = [board for board in miner.boards if not board.lost]
    now, average = miner.hashrate_hs() * scale, miner.average_hs * scale
    errors = sum(board.hw_errors for board in miner.boards)
    elapsed = max(0, int(miner.at_s - miner.booted_at_s))
    values = {
        "Elapsed": elapsed,
        "GHS 5s": now,
        "GHS av": average,
        "rate_30m": average,
        "total rate": average,
        "total_rate": now,
        "total_rateideal": miner.ideal_hs() * len(present) * scale,
        "total_acn": miner.model.chips * len(present),
        "total_freqavg": miner.preset.frequency_mhz,
        "frequency": miner.preset.frequency_mhz,
        "miner_count": len(present),
        "fan_num": miner.model.fans,
        "temp_num": len(present),
        "fan_pwm": miner.duty * 100.0,
        "state": _state(miner),
        "no_matching_work": errors,
        "Device Hardware%": 100.0 * errors / (errors + elapsed + 1),
        "miner_id": f"{miner.seed:016x}",
    }
    if shape.hottest:
        hottest = {"chip": chip_range_c, "pcb": pcb_range_c}[shape.hottest]
        values["temp_max"] = max(hottest(board)[1] for board in miner.boards)
    return values


def stats(firmware: Firmware, shape: Shape) -> Json:
    """``stats``: who it is, then everything else.

    Hashrates stand under keys that say GHS. On scrypt they are MH/s all the same.
    """
    miner = firmware.miner
    scale = (1.0 if shape.names_unit else firmware.blow) / miner.model.unit_hs
    sample = recorded(f"cgminer/{shape.recorded}_stats")
    values = _total_values(miner, shape, scale)
    for number, board in enumerate(miner.boards, shape.first_chain):
        values.update(_board_values(miner, board, number, scale))
        values[f"chain_acs{number}"] = chip_map(miner, board, shape.group)
        powered = not board.lost and miner.phase is Phase.MINING
        values[f"chain_vol{number}"] = powered * miner.preset.voltage_mv / shape.volt_mv
    for fan in range(miner.model.fans):
        values[f"fan{shape.first_fan + fan}"] = miner.fan_rpm(fan)
    if shape.names_unit:
        unit = miner.model.unit.removesuffix("/s")
        values["rate_unit"] = WRONG_UNIT if firmware.wrong_unit else unit
    for number, board in enumerate(miner.boards, shape.first_chain):
        key = f"chain_rate{number}"
        if board.lost and isinstance(sample["STATS"][1][key], str):
            values[key] = ""
    who = filled(sample["STATS"][0], {"Type": type_text(firmware)})
    body = filled(sample["STATS"][1], values)
    if shape.later:
        who, body = who | {"BMMiner": "2.12"}, _later(body, firmware)
    return {**sample, "STATS": [who, body]}


def _later(body: Json, firmware: Firmware) -> Json:
    """As BMMiner 2.12 words it.

    Boards in GH/s, and again with their unit; no unit of the whole; sensors where the air comes in
    and where it goes out, of which ``temp_out_chip`` repeats the board's.
    """
    gone = ("rate_unit", "temp_chip", "temp_pcb", "temp_pic", "chain_rate", "freq_avg")
    said = {key: value for key, value in body.items() if not key.startswith(gone)}
    for number, board in enumerate(firmware.miner.boards, 1):
        rate_hs = firmware.miner.board_hs(board) * firmware.blow
        low, high = pcb_range_c(board)
        chip_low, chip_high = chip_range_c(board)
        said |= {
            f"chain_rate{number}": round(rate_hs / _GIGA, 6),
            f"CHAIN AVG HASHRATE{number}": worded(rate_hs, firmware),
            f"temp_in_pcb_{number}": f"{low}-{low}",
            f"temp_out_pcb_{number}": f"{high}-{high}",
            f"temp_in_chip_{number}": f"{chip_low}-{chip_high}",
            f"temp_out_chip_{number}": f"{high}-{high}",
        }
    return said


def worded(rate_hs: float, firmware: Firmware) -> str:
    """A hashrate with its unit: ``16021.44 MH/s``."""
    model = firmware.miner.model
    return f"{rate_hs / model.unit_hs:.2f} {model.unit}"


def type_text(firmware: Firmware) -> str:
    """What the firmware calls the machine: ``Antminer S9 (vnish 3.8.6)``."""
    model = firmware.miner.model
    if model.family != "vnish-3":
        return model.name
    name = "vnish" if model.firmware.startswith("3.") else "Vnish"
    return f"{model.name} ({name} {model.firmware})"
