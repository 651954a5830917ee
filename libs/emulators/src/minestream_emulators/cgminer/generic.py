"""``stats``, ``devs`` and ``version`` of generic CGMiner and sgminer: a device for each board."""

from minestream_emulators.cgminer.shapes import Shape
from minestream_emulators.cgminer.work import MEGA, elapsed_s, work_values
from minestream_emulators.device import Firmware, Json
from minestream_emulators.recorded import filled, recorded


def stats(firmware: Firmware, shape: Shape) -> Json:
    """``stats``: an entry for each device, without a number that matters."""
    sample = recorded(f"cgminer/{shape.recorded}_stats")
    (first,) = sample["STATS"]
    rows = [
        filled(first, {"STATS": number, "ID": f"BA{number}", "Elapsed": elapsed_s(firmware.miner)})
        for number in range(len(firmware.miner.boards))
    ]
    return {**sample, "STATS": rows}


def devs(firmware: Firmware, shape: Shape) -> Json:
    """``devs``: each board with its hashrate (MH/s), its hottest chip, its fan and its errors."""
    miner, sample = firmware.miner, recorded(f"cgminer/{shape.recorded}_devs")
    scale = firmware.blow / MEGA
    whole = sum(board.load for board in miner.boards) or 1.0
    rows = []
    for number, board in enumerate(miner.boards):
        share = board.load / whole
        work = work_values(miner)
        for name in ("Accepted", "Rejected", "Difficulty Accepted", "Difficulty Rejected"):
            work[name] = int(work[name] * share)
        said = {
            **work,
            "ASC": number,
            "ID": number,
            "Name": f"BA{number}",
            "Status": "Dead" if board.lost else "Alive",
            "Temperature": 0.0 if board.lost else board.hottest_c,
            "MHS 5s": miner.board_hs(board) * scale,
            "MHS av": miner.average_hs * share * scale,
            "Hardware Errors": board.hw_errors,
            "Total MH": miner.average_hs * share / MEGA * elapsed_s(miner),
            "Frequency": 0 if board.lost else miner.preset.frequency_mhz,
            "Fan Speed": miner.fan_rpm(number),
            "Last Share Time": firmware.clock_s,
            "Last Valid Work": firmware.clock_s,
            "Last Share Difficulty": miner.model.share_difficulty,
            "Device Elapsed": elapsed_s(miner),
        }
        rows.append(filled(sample["DEVS"][0], said))
    text = f"{len(rows)} ASC(s)"
    return {**sample, "STATUS": [sample["STATUS"][0] | {"Msg": text}], "DEVS": rows}


def version(_: Firmware, shape: Shape) -> Json:
    """``version``: the mining software alone; what machine it runs on, it does not say."""
    program, number = shape.program.split()
    sample = recorded(f"cgminer/{shape.recorded}_version")
    name = {"sgminer": "SGMiner", "cgminer": "CGMiner"}[program]
    api = sample["VERSION"][0]["API"]
    return {**sample, "VERSION": [{name: number, "API": api}]}
