"""The bodies that change with every poll: ``/summary``, ``/status``, ``/info``, ``/metrics``.

Each function writes the miner's numbers into the model's template and encodes it at once; the
template is shared, so nothing may hold on to it.
"""

from typing import Any

import msgspec

from minestream_emulators.chips import chip_range_c, grades_of, pcb_range_c
from minestream_emulators.identity import Identity
from minestream_emulators.physics import Board, Miner, Phase
from minestream_emulators.vnish.templates import (
    Json,
    info_template,
    status_template,
    summary_template,
)

encode = msgspec.json.Encoder().encode
_METRIC_SLICE_S, _METRIC_STEP_S, _METRIC_SLICE_MAX_S = 86400, 900, 259200


def f32(value: float) -> float:
    """Round as the firmware does: its hashrates are single precision, eight digits."""
    return float(f"{value:.8g}")


def clock_text(seconds: float) -> str:
    """A duration as ``/info`` words it: ``1:55``, ``7 days, 14:28``."""
    minutes = int(seconds // 60)
    days, rest = divmod(minutes, 1440)
    clock = f"{rest // 60}:{rest % 60:02d}"
    if not days:
        return clock
    return f"{days} day{'s' if days > 1 else ''}, {clock}"


def share_age_text(miner: Miner) -> str:
    """The time since the last share as a pool entry words it: ``0:00:04``; never: ``0``."""
    if miner.counters.shares_at_s is None:
        return "0"
    age = max(0, int(miner.at_s - miner.counters.shares_at_s))
    return f"{age // 3600}:{age // 60 % 60:02d}:{age % 60:02d}"


def _number(sample: Any, value: float) -> float | int:
    """``value`` as the recorded ``sample`` is: an integer or a float."""
    return round(value) if isinstance(sample, int) else f32(value)


def miner_status(miner: Miner) -> Json:
    """``miner_status``: state, for how long, and why when it stands still."""
    phase = miner.phase
    status: Json = {"miner_state": phase.value}
    if miner.model.has_boards:
        status["throttled"] = max(20, round(miner.throttle * 100))
    status["miner_state_time"] = int(miner.at_s - miner.phase_since_s)
    if phase is Phase.FAILURE:
        status["description"] = "Overheat protection: chip temperature above the limit"
    return status


def _write_chain(chain: Json, miner: Miner, board: Board) -> None:
    unit_hs, mining = miner.model.unit_hs, miner.phase is Phase.MINING
    ideal, now = miner.ideal_hs() / unit_hs, miner.board_hs(board) / unit_hs
    chain["id"] = board.slot
    chain["frequency"] = 0.0 if board.lost else float(miner.preset.frequency_mhz)
    chain["voltage"] = 0 if board.lost or not mining else miner.preset.voltage_mv
    chain["power_consumption"] = round(board.power_w)
    chain["hashrate_ideal"] = f32(0.0 if board.lost else ideal)
    chain["hashrate_rt"] = f32(now)
    chain["hashrate_percentage"] = round(100.0 * now / ideal, 2)
    chain["hw_errors"] = board.hw_errors
    pcb, chip = chain["pcb_temp"], chain["chip_temp"]
    pcb["min"], pcb["max"] = pcb_range_c(board)
    chip["min"], chip["max"] = chip_range_c(board)
    grades = grades_of(board)
    counts = chain["chip_statuses"]
    counts["red"], counts["orange"], counts["grey"] = grades.red, grades.orange, grades.grey
    chain["status"] = board_status(miner, board, reason="description")


def board_status(miner: Miner, board: Board, *, reason: str) -> Json:
    """A board's state; ``reason`` is the key under which this endpoint says why."""
    if board.lost:
        return {"state": "disconnected", reason: "Chain is not detected"}
    states = {
        Phase.MINING: "mining",
        Phase.INITIALISING: "initializing",
        Phase.STARTING: "initializing",
        Phase.FAILURE: "stopped",
        Phase.OFF: "stopped",
    }
    return {"state": states[miner.phase]}


def _write_pools(pools: list[Json], miner: Miner, who: Identity) -> None:
    model, counters = miner.model, miner.counters
    user = pools[0]
    user["url"], user["user"], user["diff"] = model.pool_url, who.pool_user, model.difficulty_text
    user["accepted"], user["rejected"] = counters.accepted, counters.rejected
    user["stale"] = counters.stale
    user["ls_diff"] = _number(user["ls_diff"], model.share_difficulty)
    user["ls_time"] = share_age_text(miner)
    _write_work(user, counters.accepted * model.share_difficulty)
    user["ping"] = who.ping_ms
    user["status"] = "active" if miner.phase is Phase.MINING else "working"
    pools[1]["user"] = who.pool_user
    fee = pools[2]
    fee["accepted"], fee["rejected"] = counters.devfee_accepted, counters.devfee_rejected
    _write_work(fee, counters.devfee_accepted * model.devfee_difficulty)


def _write_work(pool: Json, difficulty: int) -> None:
    """The sum of accepted difficulties, exact: the firmware keeps it in double precision."""
    pool["diffa"] = difficulty if isinstance(pool["diffa"], int) else float(difficulty)


def _write_fans(cooling: Json, miner: Miner) -> None:
    for number, fan in enumerate(cooling["fans"]):
        fan["rpm"] = miner.fan_rpm(number)
        fan["status"] = "lost" if miner.fans_lost[number] else "ok"
        fan["max_rpm"] = miner.model.max_rpm
    cooling["fan_duty"] = round(miner.duty * 100)


def _range_of(ranges: list[tuple[int, int]], into: Json) -> None:
    measured = [pair for pair in ranges if pair != (0, 0)]
    into["min"] = min((low for low, _ in measured), default=0)
    into["max"] = max((high for _, high in measured), default=0)


def _write_totals(body: Json, miner: Miner) -> None:
    model = miner.model
    now_hs, nominal_hs = (
        miner.hashrate_hs(),
        miner.ideal_hs() * sum(not board.lost for board in miner.boards),
    )
    now, average = now_hs / model.unit_hs, miner.average_hs / model.unit_hs
    kilo = 1000.0
    body["miner_type"] = f"{model.name} (Vnish {model.firmware})"
    body["hr_stock"] = _number(body["hr_stock"], model.stock_hs / model.unit_hs)
    body["average_hashrate"], body["instant_hashrate"] = f32(average / kilo), f32(now / kilo)
    body["hr_realtime"], body["hr_average"] = f32(now), f32(average)
    body["hr_nominal"] = f32(nominal_hs / model.unit_hs)
    power = sum(round(board.power_w) for board in miner.boards)
    body["power_consumption"] = body["power_usage"] = power
    body["power_efficiency"] = f32(power / (now / kilo)) if now > 0.0 else 0.0
    errors = sum(board.hw_errors for board in miner.boards)
    body["hw_errors"] = errors
    body["hw_errors_percent"] = round(100.0 * errors / (errors + miner.at_s - miner.booted_at_s), 3)
    body["devfee_percent"] = round(100.0 * model.devfee_ratio, 3)
    body["devfee"] = f32(now * model.devfee_ratio)
    body["best_share"] = miner.counters.best_share
    if model.has_boards:
        body["restart_count"] = miner.counters.restarts


def summary(miner: Miner, who: Identity) -> bytes:
    """``GET /summary``; a miner that has only just booted answers ``{"miner": null}``."""
    if not miner.awake:
        return b'{"miner":null}'
    template = summary_template(miner.model)
    body = template["miner"]
    body["miner_status"] = miner_status(miner)
    _write_totals(body, miner)
    for chain, board in zip(body["chains"], miner.boards, strict=True):
        _write_chain(chain, miner, board)
    _range_of([pcb_range_c(board) for board in miner.boards], body["pcb_temp"])
    _range_of([chip_range_c(board) for board in miner.boards], body["chip_temp"])
    _write_pools(body["pools"], miner, who)
    _write_fans(body["cooling"], miner)
    temps = body["psu"]["temps"]
    for number, name in enumerate(("pfc_temp", "llc1_temp", "llc2_temp")):
        temps[name] = round(miner.inlet_c + 20.0 + 1.5 * number + miner.power_w / 500.0)
    return encode(template)


def status(miner: Miner, *, unlocked: bool, unlock_timeout_s: int, finding: bool) -> bytes:
    """``GET /status``."""
    body = status_template(miner.model)
    for gone in ("description", "failure_code"):
        body.pop(gone, None)
    body.update(miner_status(miner))
    body["unlocked"], body["unlock_timeout"] = unlocked, unlock_timeout_s
    body["find_miner"] = finding
    return encode(body)


def info(miner: Miner, who: Identity, *, unit: str | None = None) -> bytes:
    """``GET /info``.

    Args:
        miner: whose.
        who: its names and addresses.
        unit: said as ``hr_measure`` in place of the right one (a fault).
    """
    body = info_template(miner.model)
    body["hr_measure"] = unit or miner.model.unit
    body["serial"] = who.serial
    system = body["system"]
    system["miner_name"] = who.miner_id
    system["uptime"] = clock_text(miner.at_s - miner.booted_at_s)
    network = system["network_status"]
    network["mac"], network["ip"], network["hostname"] = who.mac, who.host, who.miner_id
    return encode(body)


def metrics(miner: Miner, *, slice_s: int | None, step_s: int | None) -> bytes:
    """``GET /metrics``: the minutes that the emulator was awake for, averaged by step.

    Args:
        miner: whose.
        slice_s: how far back, s; at most three days.
        step_s: seconds that one point stands for.
    """
    since = miner.at_s - min(_METRIC_SLICE_MAX_S, slice_s or _METRIC_SLICE_S)
    step = max(60, step_s or _METRIC_STEP_S)
    buckets: dict[int, list[tuple[float, float, float, float]]] = {}
    for sample in miner.history:
        if sample.at_s >= since:
            buckets.setdefault(int(sample.at_s // step) * step, []).append(
                (sample.hashrate_hs, sample.chip_temp_c, sample.duty, sample.power_w)
            )
    points = []
    for start, rows in sorted(buckets.items()):
        hashrate, chip, duty, power = (
            sum(column) / len(rows) for column in zip(*rows, strict=True)
        )
        data = {
            "hashrate": f32(hashrate / miner.model.unit_hs),
            "pcb_max_temp": round(chip - 15.0),
            "chip_max_temp": round(chip),
            "fan_duty": round(duty * 100),
            "power_consumption": round(power),
        }
        points.append({"time": start, "data": data})
    return encode({"timezone": "GMT", "metrics": points, "annotations": []})
