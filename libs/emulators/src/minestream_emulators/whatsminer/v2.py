"""Whatsminer's API, versions 1 and 2: ``{"cmd": "summary"}`` (or ``"command"``) on port 4028."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from minestream_emulators.cgminer.work import MEGA, elapsed_s, work_values
from minestream_emulators.device import Answer, Framing, Json, TcpFirmware
from minestream_emulators.recorded import filled, recorded
from minestream_emulators.whatsminer.parts import board_heat, error_codes, pcb_c, whole_heat

_GIGA = 1e9
_MILLI = 1e3
_PSU_RATIO = 0.95
_RT_HS = {"v1": 1e6, "v2": 1e12}
"""What one of ``HS RT`` is, which differs by firmware as the recordings do, H/s."""
_VOLT_MV = {"v1": 10.0, "v2": 1000.0}
"""What one of ``Voltage`` is, likewise, mV."""
_TYPES = {"m30s-v1": "M30S_VE40", "m50-v2": "M50_VH75"}
"""The model's name as its maker words it: with the variant of its boards."""


@dataclass(slots=True)
class WhatsminerDevice(TcpFirmware):
    """A Whatsminer of API version 1 or 2, as its model's key says."""

    framing: ClassVar[Framing] = Framing.BARE

    @property
    def version(self) -> str:
        """``v1`` or ``v2``."""
        return self.miner.model.key.rpartition("-")[2]

    def answer(self, asked: bytes, at_s: float) -> Answer:
        """See ``TcpFirmware``; the commands are those of the recordings."""
        self.miner.advance(at_s)
        try:
            said = msgspec.json.decode(asked.strip(b"\0 \r\n"), type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._refusal("?", 23, "invalid json")
        command = said.get("cmd", said.get("command"))
        if not isinstance(command, str):
            return self._refusal("?", 24, "missing cmd")
        if "+" in command and set(command.split("+")) <= _JOINED:
            said = {name: [self._routes[name](self, name)] for name in command.split("+")}
            return Answer(command, said | {"id": 1}, several=True)
        route = self._routes.get(command)
        if route is None or (self.version, command) in _NEWER:
            return self._refusal(command, 14, "invalid cmd")
        return Answer(command, route(self, command))

    def _refusal(self, command: str, code: int, text: str) -> Answer:
        said = {"STATUS": "E", "When": self.clock_s, "Code": code, "Msg": text}
        return Answer(command, said | {"Description": "whatsminer v1.4.0"}, 400)

    def _sample(self, command: str) -> Json:
        """The recorded answer with the present time in its STATUS."""
        name = "devs" if command == "edevs" else command
        sample: Json = recorded(f"whatsminer/{self.version}_{name}")
        if "When" in sample:
            return sample | {"When": self.clock_s}
        return sample | {"STATUS": [sample["STATUS"][0] | {"When": self.clock_s}]}

    def _fans(self) -> Json:
        return {"Fan Speed In": self.miner.fan_rpm(0), "Fan Speed Out": self.miner.fan_rpm(1)}

    def _rates(self, now_hs: float, average_hs: float) -> Json:
        now, average = now_hs * self.blow / MEGA, average_hs * self.blow / MEGA
        recent = dict.fromkeys(("MHS 5s", "MHS 1m", "MHS 5m"), now)
        return {**recent, "MHS 15m": average, "MHS av": average}

    def _summary(self, command: str) -> Json:
        miner, sample = self.miner, self._sample(command)
        heat, preset = whole_heat(miner), miner.preset
        stock_hs = sum(miner.ideal_hs() for _ in miner.boards)
        values = {
            **work_values(miner),
            **self._rates(miner.hashrate_hs(), miner.average_hs),
            **self._fans(),
            "HS RT": miner.hashrate_hs() * self.blow / _RT_HS[self.version],
            "HS av": miner.average_hs * self.blow / _RT_HS[self.version],
            "Elapsed": elapsed_s(miner),
            "Uptime": elapsed_s(miner) + 60,
            "Power": miner.power_w,
            "Power_RT": miner.power_w,
            "Power Limit": preset.watts,
            "Voltage": preset.voltage_mv / _VOLT_MV[self.version],
            "Target Freq": preset.frequency_mhz,
            "Target MHS": stock_hs / MEGA,
            "freq_avg": preset.frequency_mhz,
            "Factory GHS": stock_hs / _GIGA,
            "Hardware Errors": sum(board.hw_errors for board in miner.boards),
            "Temperature": max(pcb_c(miner, board) for board in miner.boards),
            "Env Temp": miner.inlet_c,
            "Chip Temp Min": heat.coolest_c,
            "Chip Temp Avg": heat.mean_c,
            "Chip Temp Max": heat.hottest_c,
            "Total MH": miner.average_hs / MEGA * elapsed_s(miner),
            "MAC": self.who.mac,
            "Firmware Version": self._quoted(),
        }
        codes = error_codes(miner)
        body = filled(sample["SUMMARY"][0], values)
        if "Error Code Count" in body:
            body["Error Code Count"] = len(codes)
            body |= {f"Error Code {number}": code for number, code in enumerate(codes)}
        return sample | {"SUMMARY": [body]}

    def _devs(self, command: str) -> Json:
        miner, sample = self.miner, self._sample(command)
        whole = sum(board.load for board in miner.boards) or 1.0
        rows = []
        for recording, board in zip(sample["DEVS"], miner.boards, strict=True):
            share, heat = board.load / whole, board_heat(miner, board)
            there = not board.lost
            work = work_values(miner)
            values = {
                **self._rates(miner.board_hs(board), miner.average_hs * share),
                **self._fans(),
                "Accepted": work["Accepted"] * share,
                "Rejected": work["Rejected"] * share,
                "Status": "Alive" if there else "Dead",
                "Effective Chips": miner.model.chips if there else 0,
                "Chip Frequency": miner.preset.frequency_mhz if there else 0,
                "Frequency": miner.preset.frequency_mhz if there else 0,
                "Chip Temp Min": heat.coolest_c,
                "Chip Temp Avg": heat.mean_c,
                "Chip Temp Max": heat.hottest_c,
                "Temperature": pcb_c(miner, board),
                "Hardware Errors": board.hw_errors,
                "Factory GHS": miner.ideal_hs() / _GIGA,
                "Device Elapsed": elapsed_s(miner),
                "Last Share Time": self.clock_s,
                "Last Valid Work": self.clock_s,
                "Total MH": miner.average_hs * share / MEGA * elapsed_s(miner),
            }
            rows.append(filled(recording, values))
        return sample | {"DEVS": rows}

    def _pools(self, command: str) -> Json:
        miner, model, sample = self.miner, self.miner.model, self._sample(command)
        first, *others = sample["POOLS"]
        shared_at = miner.counters.shares_at_s
        owner = {
            **work_values(miner),
            "URL": f"stratum+tcp://{model.pool_url}",
            "Stratum URL": model.pool_url.partition(":")[0],
            "User": self.who.pool_user,
            "Last Share Time": 0 if shared_at is None else shared_at + self.ahead_s,
            "Last Share Difficulty": model.share_difficulty,
            "Stratum Difficulty": model.share_difficulty,
        }
        spare = {"URL": f"stratum+tcp://eu.{model.pool_url}", "User": self.who.pool_user}
        return sample | {"POOLS": [filled(first, owner), *(filled(p, spare) for p in others)]}

    def _status(self, command: str) -> Json:
        sample = self._sample(command)
        said = {"Firmware Version": self._quoted(), "FirmwareVersion": self._quoted()}
        return sample | {"Msg": filled(sample["Msg"], said)}

    def _quoted(self) -> str:
        """Version 1 puts its firmware's version in quotes within quotes."""
        version = self.miner.model.firmware
        return f"'{version}'" if self.version == "v1" else version

    def _psu(self, command: str) -> Json:
        sample, preset = self._sample(command), self.miner.preset
        volts, drawn_w = preset.voltage_mv / _MILLI, self.miner.power_w
        said = {
            "Vout": volts,
            "Iout": drawn_w / volts,
            "Pin": drawn_w,
            "Pout": drawn_w * _PSU_RATIO,
        }
        return sample | {"Msg": filled(sample["Msg"], said)}

    def _version(self, command: str) -> Json:
        sample = self._sample(command)
        return sample | {"Msg": filled(sample["Msg"], {"fw_ver": self.miner.model.firmware})}

    def _info(self, command: str) -> Json:
        sample = self._sample(command)
        said = {
            "hostname": self.who.miner_id,
            "mac": self.who.mac,
            "ip": self.who.host,
            "minersn": self.who.serial,
        }
        return sample | {"Msg": filled(sample["Msg"], said)}

    def _details(self, _command: str) -> Json:
        """The model, which no other command tells."""
        model = _TYPES[self.miner.model.key]
        row = {"Name": "SM", "Driver": "bitmicro", "Kernel": "", "Model": model}
        rows = [
            {"DEVDETAILS": number, "ID": number} | row for number in range(len(self.miner.boards))
        ]
        status = {"STATUS": "S", "Msg": "Device Details"}
        return {"STATUS": [status], "DEVDETAILS": rows, "id": 1}

    def _errors(self, command: str) -> Json:
        at = datetime.fromtimestamp(self.clock_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
        codes = [{str(code): at} for code in error_codes(self.miner)]
        return self._sample(command) | {"Msg": {"error_code": codes}}

    _routes: ClassVar[dict[str, Callable[["WhatsminerDevice", str], Json]]] = {
        "summary": _summary,
        "devs": _devs,
        "edevs": _devs,
        "pools": _pools,
        "status": _status,
        "get_psu": _psu,
        "get_version": _version,
        "get_miner_info": _info,
        "get_error_code": _errors,
        "devdetails": _details,
    }


_JOINED = frozenset({"summary", "devs", "edevs", "pools", "devdetails"})
"""What CGMiner knows may be asked in one question, ``summary+devs``; Whatsminer's own may not."""
_NEWER = {("v1", "get_miner_info"), ("v1", "get_error_code")}
"""What version 1 does not know."""
