"""The bodies about parts and settings: ``/chips``, ``/chains`` = ``/boards``, presets, model.

Asked rarely, so they are built fresh each time.
"""

from minestream_emulators.chips import PCB_BELOW_CHIP_C, Chip, chips_of
from minestream_emulators.identity import Identity
from minestream_emulators.model import Model
from minestream_emulators.physics import Board, Miner, Phase
from minestream_emulators.vnish.live import board_status, encode, f32
from minestream_emulators.vnish.templates import Json, perf_summary_template, settings_template

_SENSORS = 4


def chips(miner: Miner) -> bytes:
    """``GET /chips`` (1.2): whole degrees, no voltage; a lost board is listed without chips."""
    unit_hs, frequency = miner.model.unit_hs, miner.preset.frequency_mhz
    chains = [
        {
            "id": board.slot,
            "chips": [
                {
                    "id": chip.number,
                    "status": chip.grade,
                    "hashrate": f32(chip.hashrate_hs / unit_hs),
                    "freq": frequency,
                    "temp": round(chip.temp_c),
                    "errors": chip.errors,
                }
                for chip in chips_of(miner, board)
            ],
        }
        for board in miner.boards
    ]
    return encode({"chips_per_chain": miner.model.chips, "chains": chains})


def boards(miner: Miner) -> bytes:
    """``GET /boards`` (1.3), ``GET /chains`` (1.2): a bare array, chips with voltage and grade."""
    return encode([_board(miner, board) for board in miner.boards])


def _board(miner: Miner, board: Board) -> Json:
    model, unit_hs = miner.model, miner.model.unit_hs
    seen = chips_of(miner, board)
    domain_mv = miner.preset.voltage_mv // model.domains if miner.phase is Phase.MINING else 0
    return {
        "id": board.slot,
        "status": board_status(miner, board, reason="failure_message"),
        "hr_realtime": f32(miner.board_hs(board) / unit_hs),
        "hr_nominal": f32(0.0 if board.lost else miner.ideal_hs() / unit_hs),
        "freq": 0.0 if board.lost else float(miner.preset.frequency_mhz),
        "sensors": _sensors(seen),
        "chips": [
            {
                "id": chip.number,
                "hr": f32(chip.hashrate_hs / unit_hs),
                "freq": miner.preset.frequency_mhz,
                "volt": domain_mv,
                "temp": round(chip.temp_c, 1),
                "errs": chip.errors,
                "grade": chip.grade,
                "throttled": chip.throttled,
            }
            for chip in seen
        ],
    }


def _sensors(seen: list[Chip]) -> list[Json]:
    places = [round(i * (len(seen) - 1) / (_SENSORS - 1)) for i in range(_SENSORS)] if seen else []
    return [
        {
            "state": "measure",
            "board": round(seen[place].temp_c - PCB_BELOW_CHIP_C),
            "chip": round(seen[place].temp_c),
            "loc": place,
        }
        for place in places
    ]


def perf_summary(miner: Miner) -> bytes:
    """``GET /perf-summary``: which operating point the miner runs at."""
    body = perf_summary_template(miner.model)
    preset = body["current_preset"]
    preset["name"] = str(miner.preset.watts)
    preset["pretty"] = miner.model.preset_text(miner.preset)
    preset["status"] = "tuned"
    if "globals" in preset:
        preset["globals"] = {
            "volt": miner.preset.voltage_mv // 10,
            "freq": miner.preset.frequency_mhz,
        }
    names = [str(preset.watts) for preset in miner.model.presets]
    switcher = body["preset_switcher"]
    if switcher["top_preset"] is not None:
        switcher["top_preset"], switcher["min_preset"] = names[0], names[-1]
    return encode(body)


def presets(miner: Miner) -> bytes:
    """``GET /autotune/presets``: the operating points there are."""
    listed = [
        {
            "name": str(preset.watts),
            "pretty": miner.model.preset_text(preset),
            "status": "tuned" if preset is miner.preset else "untuned",
            "modded_psu_required": False,
        }
        for preset in reversed(miner.model.presets)
    ]
    off = {
        "name": "disabled",
        "pretty": "Disabled",
        "status": "untuned",
        "modded_psu_required": False,
    }
    return encode([off, *listed])


def settings(miner: Miner, who: Identity) -> bytes:
    """``GET /settings``: pools with their passwords, which is why it asks for a token."""
    body = settings_template(miner.model)
    overclock = body["miner"]["overclock"]
    overclock["preset"] = str(miner.preset.watts)
    overclock["globals"] = {
        "volt": miner.preset.voltage_mv // 10,
        "freq": miner.preset.frequency_mhz,
    }
    for chain in overclock["chains"]:
        chain["freq"] = miner.preset.frequency_mhz
    secret = f"a=scrypt,n={who.worker}" if miner.model.algorithm == "scrypt" else "x"
    body["miner"]["pools"] = [
        {"url": miner.model.pool_url, "user": who.pool_user, "pass": secret},
        {"url": f"eu.{miner.model.pool_url}", "user": who.pool_user, "pass": secret},
        {"url": "", "user": "", "pass": ""},
    ]
    network = body["network"]
    network["hostname"], network["ipaddress"] = who.miner_id, who.host
    return encode(body)


def model(kind: Model, who: Identity) -> bytes:
    """``GET /model``: static facts (assembled from the schema; no recording is public)."""
    rail = [preset.voltage_mv // 10 for preset in kind.presets]
    clock = [preset.frequency_mhz for preset in kind.presets]
    overclock = {
        "max_voltage": max(rail) + 60,
        "min_voltage": min(rail) - 60,
        "default_voltage": rail[0],
        "max_freq": 2 * clock[0],
        "min_freq": 50,
        "default_freq": clock[0],
        "warn_freq": clock[0] + 50,
        "max_voltage_stock_psu": max(rail) + 60,
    }
    if kind.has_boards:
        overclock |= {"power_metering": True, "max_power_limit": kind.presets[0].watts}
    columns = kind.domains
    rows = kind.chips // columns + (kind.chips % columns > 0)
    places = [
        [
            place if (place := row * columns + column) < kind.chips else -1
            for column in range(columns)
        ]
        for row in range(rows)
    ]
    chain = {
        "chips_per_chain": kind.chips,
        "chips_per_domain": kind.chips // kind.domains,
        "num_chains": kind.boards,
        "topology": {"chips": places, "num_cols": columns, "num_rows": rows},
    }
    return encode(
        {
            "full_name": kind.name,
            "model": kind.slug,
            "algorithm": kind.algorithm,
            "series": kind.series,
            "platform": "aml",
            "install_type": "nand",
            "hr_measure": kind.unit,
            "serial": who.serial,
            "chain": chain,
            "cooling": {
                "min_fan_pwm": 10,
                "min_target_temp": 20,
                "max_target_temp": 90,
                "fan_min_count": {"min": 1, "max": kind.fans, "default": kind.fans},
            },
            "overclock": overclock,
        }
    )
