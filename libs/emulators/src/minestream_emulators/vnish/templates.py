"""Recorded bodies, read once: the shape, order and types that our numbers are written into."""

import copy
import json
from functools import cache
from importlib.resources import files
from typing import Any

from minestream_emulators.model import Model
from minestream_emulators.models import L9_1_3

_PAYLOADS = files("minestream_emulators") / "payloads"

Json = dict[str, Any]


@cache
def _read(name: str) -> Any:
    return json.loads((_PAYLOADS / name).read_text(encoding="utf-8"))


def _template(model: Model, endpoint: str) -> Json:
    found: Json = copy.deepcopy(_read(f"{model.slug}_{model.firmware}_{endpoint}.json"))
    return found


def _as(value: Any, *, whole: bool) -> Any:
    return round(value) if whole and isinstance(value, float) else value


@cache
def summary_template(model: Model) -> Json:
    """``/summary``: one entry per board and fan, so that only values change."""
    template = _template(model, "summary")
    miner = template["miner"]
    if not miner["chains"]:
        miner["chains"] = copy.deepcopy(_read("l9_1.3.4_summary.json")["miner"]["chains"])
        miner["psu"] = copy.deepcopy(_read("l9_1.3.4_summary.json")["miner"]["psu"])
    mode: Json = {"name": "auto"}
    if model.has_boards:
        mode["param"] = round(model.target_c)
    cooling = miner["cooling"]
    cooling["settings"] = {"mode": mode}
    cooling["fan_num"] = model.fans
    fan = cooling["fans"][0]
    cooling["fans"] = [{**fan, "id": number} for number in range(model.fans)]
    user, *others = miner["pools"]
    if not any(pool["pool_type"] == "DevFee" for pool in others):
        fee = copy.deepcopy(_read("s21pro_1.2.7_summary.json")["miner"]["pools"][2])
        whole = isinstance(user["diffa"], int)
        miner["pools"].append({key: _as(value, whole=whole) for key, value in fee.items()})
    return template


@cache
def info_template(model: Model) -> Json:
    """``/info``; L9 1.3.4 has no recorded one: 1.2.7's with its version."""
    if model is L9_1_3:
        template: Json = copy.deepcopy(_read("l9_1.2.7_info.json"))
        template["fw_version"] = model.firmware
    else:
        template = _template(model, "info")
    template["system"].setdefault("file_system_version", "")
    return template


@cache
def status_template(model: Model) -> Json:
    """``/status``; 1.3 says ``throttled`` after the state."""
    status: Json = _read("l9_1.2.7_status.json")
    if not model.has_boards:
        return dict(status)
    return {"miner_state": "mining", "throttled": 100, **status}


@cache
def perf_summary_template(model: Model) -> Json:
    """``/perf-summary``."""
    scrypt = model.algorithm == "scrypt"
    name = "l9_1.2.7_perf_summary.json" if scrypt else "s21pro_1.2.7_perf_summary.json"
    template: Json = copy.deepcopy(_read(name))
    return template


@cache
def settings_template(model: Model) -> Json:
    """``/settings``; one recorded, fitted to the model's boards and to 1.3's power limit."""
    template: Json = copy.deepcopy(_read("s21pro_1.2.7_settings.json"))
    chain = {"freq": 0, "chips": [0] * model.chips, "disabled": False}
    miner = template["miner"]
    miner["overclock"]["chains"] = [dict(chain) for _ in range(model.boards)]
    miner["cooling"]["mode"]["param"] = round(model.target_c)
    if model.has_boards:
        misc = miner["misc"]
        misc["power_limit"], misc["power_limit_enabled"] = model.presets[0].watts, False
        for gone in ("higher_volt_offset", "remain_stopped_on_reboot"):
            misc.pop(gone)
        template["ui"]["consts"]["overclock"].update(power_metering=True, max_power_limit=0)
    return template
