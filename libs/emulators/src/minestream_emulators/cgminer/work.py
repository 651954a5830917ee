"""``summary``, ``pools``, ``devs``, ``version``: what was mined, for whom, by which software."""

from typing import Any

from minestream_emulators.cgminer.shapes import Shape
from minestream_emulators.cgminer.stats import type_text, worded
from minestream_emulators.device import Firmware, Json
from minestream_emulators.physics import Miner
from minestream_emulators.recorded import filled, recorded

MEGA = 1e6
_LACKING = {
    "l3p": ("summary", "devs"),
    "vnish_3.8.6": ("summary", "devs"),
    "vnish_3.8.6_l3p": ("summary", "devs"),
    "vnish_1.2.7": ("devs",),
}


def elapsed_s(miner: Miner) -> int:
    """How long the mining software has been running, s."""
    return max(0, int(miner.at_s - miner.booted_at_s))


def share_age(miner: Miner) -> str:
    """The time since the last share, ``0:00:04``; never: ``0``."""
    if miner.counters.shares_at_s is None:
        return "0"
    age = max(0, int(miner.at_s - miner.counters.shares_at_s))
    return f"{age // 3600}:{age // 60 % 60:02d}:{age % 60:02d}"


def _ratio(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole else 0.0


def work_values(miner: Miner) -> dict[str, Any]:
    """What was mined for the owner, in CGMiner's words."""
    counters, difficulty = miner.counters, miner.model.share_difficulty
    found = counters.accepted + counters.rejected + counters.stale
    return {
        "Accepted": counters.accepted,
        "Rejected": counters.rejected,
        "Stale": counters.stale,
        "Difficulty Accepted": counters.accepted * difficulty,
        "Difficulty Rejected": counters.rejected * difficulty,
        "Difficulty Stale": counters.stale * difficulty,
        "Best Share": counters.best_share,
        "Getwork": found,
        "Getworks": found,
        "Pool Rejected%": _ratio(counters.rejected, found),
        "Pool Stale%": _ratio(counters.stale, found),
        "Utility": counters.accepted / (elapsed_s(miner) / 60.0 + 1.0),
    }


def summary(firmware: Firmware, shape: Shape) -> Json:
    """``summary``; Vnish counts the shares of its fee with the owner's."""
    miner, sample = firmware.miner, recorded(f"cgminer/{_of(shape, 'summary')}_summary")
    scale = (1.0 if shape.names_unit else firmware.blow) / miner.model.unit_hs
    mega = firmware.blow / MEGA
    now, average = miner.hashrate_hs(), miner.average_hs
    values = work_values(miner)
    if miner.model.devfee_ratio:
        values["Accepted"] += miner.counters.devfee_accepted
        values["Rejected"] += miner.counters.devfee_rejected
    values |= {
        "Elapsed": elapsed_s(miner),
        "GHS 5s": now * scale,
        "GHS av": average * scale,
        "GHS 30m": average * scale,
        "MHS 5s": now * mega,
        "MHS av": average * mega,
        "KHS 5s": now * mega * 1e3,
        "KHS av": average * mega * 1e3,
        "Hardware Errors": sum(board.hw_errors for board in miner.boards),
        "Total MH": average / MEGA * elapsed_s(miner),
        "Last getwork": firmware.clock_s,
        "Fee Percent": 100.0 * miner.model.devfee_ratio,
    }
    body = filled(sample["SUMMARY"][0], values)
    if shape.later:
        body |= {
            "RT HASHRATE": worded(now * firmware.blow, firmware),
            "AV HASHRATE": worded(average * firmware.blow, firmware),
            "THEORY HASHRATE": worded(miner.ideal_hs() * len(miner.boards), firmware),
        }
    return {**sample, "SUMMARY": [body]}


def _of(shape: Shape, command: str) -> str:
    """What is not recorded of a firmware is taken from the S19's, of the same family."""
    lacks = command in _LACKING.get(shape.recorded, ())
    return "s19pro" if lacks else shape.recorded


def pools(firmware: Firmware, shape: Shape) -> Json:
    """``pools``: the owner's, which is mined for, his others, and where there is one the fee's."""
    miner, who, model = firmware.miner, firmware.who, firmware.miner.model
    sample = recorded(f"cgminer/{shape.recorded}_pools")
    first, *others = sample["POOLS"]
    scheme = "stratum+tcp://" if "://" in first["URL"] else ""
    owner = {
        "URL": f"{scheme}{model.pool_url}",
        "Stratum URL": model.pool_url.partition(":")[0],
        "User": who.pool_user,
        "Diff": model.difficulty_text,
        "Last Share Time": share_age(miner),
        "Last Share Difficulty": model.share_difficulty,
        "Diff1 Shares": 0,
        **work_values(miner),
    }
    rows = [filled(first, owner)]
    for pool in others:
        if pool["URL"] == "DevFee":
            fee = {
                "Accepted": miner.counters.devfee_accepted,
                "Rejected": miner.counters.devfee_rejected,
                "Difficulty Accepted": miner.counters.devfee_accepted * model.devfee_difficulty,
                "Difficulty Rejected": miner.counters.devfee_rejected * model.devfee_difficulty,
                "Last Share Difficulty": model.devfee_difficulty,
            }
            rows.append(filled(pool, fee))
        elif pool["User"]:
            rows.append(
                filled(pool, {"URL": f"{scheme}eu.{model.pool_url}", "User": who.pool_user})
            )
        else:
            rows.append(pool)
    return {**sample, "POOLS": rows}


def devs(firmware: Firmware, shape: Shape) -> Json:
    """``devs`` of an Antminer: one device, and its hashrates are nothing."""
    miner = firmware.miner
    sample = recorded(f"cgminer/{_of(shape, 'devs')}_devs")
    said = {
        **work_values(miner),
        "Device Elapsed": elapsed_s(miner),
        "Last Share Time": firmware.clock_s,
        "Last Valid Work": firmware.clock_s,
        "Last Share Difficulty": miner.model.share_difficulty,
    }
    return {**sample, "DEVS": [filled(sample["DEVS"][0], said)]}


def version(firmware: Firmware, shape: Shape) -> Json:
    """``version``; Vnish 1.2 does not know the command and says so."""
    sample: Json = recorded(f"cgminer/{shape.recorded}_version")
    if "VERSION" not in sample:
        return sample
    return {**sample, "VERSION": [filled(sample["VERSION"][0], {"Type": type_text(firmware)})]}
