"""Elphapex's web pages: Bitmain's in other words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from minestream_emulators.chips import chip_range_c
from minestream_emulators.device import Json
from minestream_emulators.noise import wobble
from minestream_emulators.physics import Board
from minestream_emulators.recorded import filled, recorded
from minestream_emulators.web.antminer import AntminerWeb
from minestream_emulators.web.device import Page

_MILLI = 1000
_FLICKER = 0.2


@dataclass(slots=True)
class Elphapex(AntminerWeb):
    """An Elphapex's web server.

    Its ``rate_5s`` is good for nothing, ``rate_15m`` is whole MH/s, chips are in thousandths of a
    degree, clocks in kHz, and ``hw`` counts chips, as recorded.
    """

    realm: ClassVar[str] = "Daoge"
    folder: ClassVar[str] = "elphapex"

    def rates(self) -> Json:
        """See ``AntminerWeb``."""
        said = AntminerWeb.rates(self)
        said["rate_15m"] = sum(map(self._steady, self.miner.boards))
        said["rate_5s"] *= 1.0 + _FLICKER * wobble(self.miner.seed, self.miner.at_s, 5.0)
        del said["rate_30m"]
        return said

    def _steady(self, board: Board) -> float:
        """What a board makes without its flicker, in the miner's unit."""
        miner = self.miner
        return miner.ideal_hs() * board.quality * board.load / miner.model.unit_hs

    def board(self, recording: Json, number: int, board: Board) -> Json:
        """See ``AntminerWeb``."""
        miner = self.miner
        said = AntminerWeb.board(self, recording, number, board)
        low_c, high_c = chip_range_c(board)
        mean_c = (low_c + high_c) // 2
        seen = (
            ["", "", "", ""]
            if board.lost
            else [*(str(c * _MILLI) for c in (mean_c, high_c)), "", ""]
        )
        chips = miner.model.chips if not board.lost else 0
        return said | {
            "freq_avg": said["freq_avg"] * _MILLI,
            "temp_chip": seen,
            "temp_pcb": [round(c) for c in said["temp_pcb"]],
            "temp_pic": [round(c) for c in said["temp_pcb"]],
            "hw": chips,
            "rate_15m": round(self._steady(board)),
            "hashrate": said["rate_real"],
            "asic": "" if board.lost else said["asic"],
            "sn": f"{self.who.serial}{number}",
        }

    def stats(self) -> Json:
        """``stats.cgi``: speeds of fans are text."""
        page = AntminerWeb.stats(self)
        (body,) = page["STATS"]
        return page | {"STATS": [body | {"fan": [str(rpm) for rpm in body["fan"]]}]}

    def summary(self) -> Json:
        """``summary.cgi``: ``hw_all`` is a hashrate, as recorded."""
        page = AntminerWeb.summary(self)
        (body,) = page["SUMMARY"]
        return page | {"SUMMARY": [body | {"hw_all": body["rate_avg"]}]}

    def system_info(self) -> Json:
        """``get_system_info.cgi``: its firmware is named after the machine."""
        version = f"{self.miner.model.name}_SW_V{self.miner.model.firmware}"
        return AntminerWeb.system_info(self) | {"system_filesystem_version": version}

    def power(self) -> Json:
        """``get_power.cgi``: what the power supply gives."""
        temp = str(round(10 * (self.miner.inlet_c + 20.0)))
        said = {"power_output": str(round(self.miner.power_w)), "power_temp": temp}
        return filled(recorded("web/elphapex_get_power"), said)

    def miner_conf(self) -> Json:
        """``get_miner_conf.cgi``: Bitmain's settings, named after its own maker."""
        model = self.miner.model
        pool = {"url": f"stratum+tcp://{model.pool_url}", "user": self.who.pool_user, "pass": "x"}
        return {
            "pools": [pool] * 3,
            "algo": "ltc",
            "fc-freq": str(self.miner.preset.frequency_mhz),
            "fc-freq-level": "100",
            "fc-voltage": "1470",
            "fc-fan-ctrl": False,
            "fc-fan-pwm": "80",
            "fc-work-mode": 0,
        }

    @classmethod
    def pages(cls) -> Mapping[str, Page]:
        """See ``WebDevice``."""
        return _PAGES


_PAGES: dict[str, Page] = {
    "/cgi-bin/stats.cgi": Elphapex.stats,
    "/cgi-bin/summary.cgi": Elphapex.summary,
    "/cgi-bin/pools.cgi": Elphapex.pools,
    "/cgi-bin/get_system_info.cgi": Elphapex.system_info,
    "/cgi-bin/get_power.cgi": Elphapex.power,
    "/cgi-bin/get_miner_conf.cgi": Elphapex.miner_conf,
}
