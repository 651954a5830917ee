"""The CGMiner API of Antminers, Vnish and generic miners: one question, one answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec

from minestream_emulators.cgminer import generic, work
from minestream_emulators.cgminer.shapes import SHAPES, Shape
from minestream_emulators.cgminer.stats import stats
from minestream_emulators.device import Answer, Firmware, Json, TcpFirmware

INVALID_COMMAND: Final = (14, "Invalid command")
INVALID_JSON: Final = (23, "Invalid JSON")
MISSING_COMMAND: Final = (24, "Missing JSON 'command'")

Route = Callable[[Firmware, Shape], Json]


@dataclass(slots=True)
class CgminerDevice(TcpFirmware):
    """A miner on port 4028."""

    @property
    def shape(self) -> Shape:
        """How its firmware words things."""
        return SHAPES[self.miner.model.key]

    def answer(self, asked: bytes, at_s: float) -> Answer:
        """See ``TcpFirmware``; the commands are those of the recordings."""
        self.miner.advance(at_s)
        try:
            said = msgspec.json.decode(asked.strip(b"\0 \r\n"), type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._refusal("?", *INVALID_JSON)
        command = said.get("command")
        if not isinstance(command, str):
            return self._refusal("?", *MISSING_COMMAND)
        route = self._routes[self.miner.model.family].get(command)
        if route is None:
            return self._refusal(command, *INVALID_COMMAND)
        body = route(self, self.shape)
        status = self._stamped(body["STATUS"][0])
        known = status["STATUS"] != "E"
        return Answer(command, body | {"STATUS": [status]}, 200 if known else 400)

    def _stamped(self, status: Json) -> Json:
        return status | {"When": self.clock_s, "Description": self.shape.program}

    def _refusal(self, command: str, code: int, text: str) -> Answer:
        status = self._stamped({"STATUS": "E", "When": 0, "Code": code, "Msg": text})
        return Answer(command, {"STATUS": [status], "id": 1}, 400)

    def worded(self, encoded: bytes) -> bytes:
        """As JSON, without the comma that this firmware forgets."""
        if self.shape.seamless:
            return encoded.replace(b'},{"STATS":', b'}{"STATS":', 1)
        return encoded

    _antminer: ClassVar[dict[str, Route]] = {
        "stats": stats,
        "summary": work.summary,
        "pools": work.pools,
        "devs": work.devs,
        "version": work.version,
    }
    _generic: ClassVar[dict[str, Route]] = {
        "stats": generic.stats,
        "summary": work.summary,
        "pools": work.pools,
        "devs": generic.devs,
        "version": generic.version,
    }
    _routes: ClassVar[dict[str, dict[str, Route]]] = {
        "antminer": _antminer,
        "vnish-3": _antminer,
        "cgminer": _generic,
    }
