"""Whatsminer's API, version 3: ``{"cmd": "get.miner.status", "param": "summary"}`` on port 4433."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from minestream_emulators.cgminer.work import elapsed_s
from minestream_emulators.device import Answer, Framing, Json, TcpFirmware
from minestream_emulators.recorded import filled, recorded
from minestream_emulators.whatsminer.parts import board_heat, error_codes, pcb_c, whole_heat

_TERA = 1e12


@dataclass(slots=True)
class WhatsminerV3Device(TcpFirmware):
    """A Whatsminer of API version 3."""

    framing: ClassVar[Framing] = Framing.LENGTH

    def answer(self, asked: bytes, at_s: float) -> Answer:
        """See ``TcpFirmware``; the commands are those of the recordings."""
        self.miner.advance(at_s)
        try:
            said = msgspec.json.decode(asked.strip(b"\0 \r\n"), type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._refusal("?", -1, "invalid json")
        command, param = said.get("cmd"), said.get("param")
        name = f"{command}:{param}" if isinstance(param, str) else f"{command}"
        route = self._routes.get(name)
        if route is None:
            return self._refusal(name, -2, "invalid command")
        return Answer(name, route(self))

    def _refusal(self, command: str, code: int, text: str) -> Answer:
        return Answer(command, {"code": code, "when": self.clock_s, "msg": text, "desc": ""}, 400)

    def _sample(self, name: str, msg: Json) -> Json:
        sample: Json = recorded(f"whatsminer/v3_{name}")
        return sample | {"when": self.clock_s, "msg": msg}

    def _info(self) -> Json:
        sample = recorded("whatsminer/v3_get_device_info")["msg"]
        at = datetime.fromtimestamp(self.clock_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
        codes = [{str(code): at, "reason": ""} for code in error_codes(self.miner)]
        model = self.miner.model
        network = {"ip": self.who.host, "mac": self.who.mac, "hostname": self.who.miner_id}
        msg = sample | {
            "miner": sample["miner"]
            | {"miner-sn": self.who.serial, "board-num": str(len(self.miner.boards))},
            "network": sample["network"] | network,
            "system": sample["system"] | {"fwversion": model.firmware},
        }
        return self._sample("get_device_info", {"error-code": codes, **msg} if codes else msg)

    def _summary(self) -> Json:
        miner, sample = self.miner, recorded("whatsminer/v3_get_miner_status_summary")
        heat, scale = whole_heat(miner), self.blow / _TERA
        now, average = miner.hashrate_hs() * scale, miner.average_hs * scale
        values = {
            "elapsed": elapsed_s(miner),
            "bootup-time": elapsed_s(miner) + 60,
            "freq-avg": miner.preset.frequency_mhz,
            "hash-realtime": now,
            "hash-1min": now,
            "hash-15min": average,
            "hash-average": average,
            "factory-hash": len(miner.boards) * miner.ideal_hs() / _TERA,
            "power-realtime": miner.power_w,
            "power-5min": miner.power_w,
            "power-limit": miner.preset.watts,
            "power-rate": miner.power_w * _TERA / miner.hashrate_hs() if now else 0.0,
            "environment-temperature": miner.inlet_c,
            "board-temperature": [round(pcb_c(miner, board), 1) for board in miner.boards],
            "chip-temp-min": heat.coolest_c,
            "chip-temp-avg": heat.mean_c,
            "chip-temp-max": heat.hottest_c,
            "fan-speed-in": miner.fan_rpm(0),
            "fan-speed-out": miner.fan_rpm(1),
        }
        said = filled(sample["msg"]["summary"], values)
        return self._sample("get_miner_status_summary", {"summary": said})

    def _pools(self) -> Json:
        model = self.miner.model
        first, *others = recorded("whatsminer/v3_get_miner_status_pools")["msg"]["pools"]
        owner = {"url": f"stratum+tcp://{model.pool_url}", "account": self.who.pool_user}
        spare = owner | {"url": f"stratum+tcp://eu.{model.pool_url}"}
        pools = [filled(first, owner), *(filled(pool, spare) for pool in others)]
        return self._sample("get_miner_status_pools", {"pools": pools})

    def _boards(self) -> Json:
        miner, scale = self.miner, self.blow / _TERA
        whole = sum(board.load for board in miner.boards) or 1.0
        recordings = recorded("whatsminer/v3_get_miner_status_edevs")["msg"]["edevs"]
        rows = []
        for recording, board in zip(recordings, miner.boards, strict=True):
            heat, there = board_heat(miner, board), not board.lost
            values = {
                "hash-realtime": miner.board_hs(board) * scale,
                "hash-average": miner.average_hs * board.load / whole * scale,
                "factory-hash": miner.ideal_hs() / _TERA,
                "effective-chips": miner.model.chips if there else 0,
                "freq": float(miner.preset.frequency_mhz) if there else 0.0,
                "chip-temp-min": heat.coolest_c,
                "chip-temp-avg": heat.mean_c,
                "chip-temp-max": heat.hottest_c,
                "status": "alive" if there else "dead",
            }
            rows.append(filled(recording, values))
        return self._sample("get_miner_status_edevs", {"edevs": rows})

    _routes: ClassVar[dict[str, Callable[["WhatsminerV3Device"], Json]]] = {
        "get.device.info": _info,
        "get.miner.status:summary": _summary,
        "get.miner.status:pools": _pools,
        "get.miner.status:edevs": _boards,
    }
