"""Antminers' web pages before the S17, and those that Vnish 3.x keeps: one page says everything.

Numbers are texts, with commas between the thousands, as Bitmain's shell script wrote them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from minestream_emulators.cgminer.stats import chip_map
from minestream_emulators.cgminer.work import elapsed_s, share_age
from minestream_emulators.chips import chip_range_c, chips_of, pcb_range_c
from minestream_emulators.device import Json
from minestream_emulators.physics import Board
from minestream_emulators.recorded import filled, recorded
from minestream_emulators.web.antminer import AntminerWeb
from minestream_emulators.web.device import Page

_FIRST_CHAIN = 6
_FANS = ("fan3", "fan6")
_GROUP = 8


@dataclass(slots=True)
class OlderAntminerWeb(AntminerWeb):
    """The web server of an S9, T9 or L3+."""

    def status(self) -> Json:
        """``get_miner_status.cgi``: totals, pools, boards."""
        page = recorded("web/older_get_miner_status")
        miner, counters, scale = self.miner, self.miner.counters, self.blow
        unit_hs = miner.model.unit_hs / scale
        totals = {
            "elapsed": str(elapsed_s(miner)),
            "ghs5s": f"{miner.hashrate_hs() / unit_hs:,.2f}",
            "ghsav": f"{miner.average_hs / unit_hs:,.2f}",
            "accepted": f"{counters.accepted:,}",
            "rejected": f"{counters.rejected:,}",
            "stale": f"{counters.stale:,}",
            "hw": f"{sum(board.hw_errors for board in miner.boards):,}",
        }
        owner = {
            "url": f"stratum+tcp://{miner.model.pool_url}",
            "user": self.who.pool_user,
            "accepted": totals["accepted"],
            "rejected": totals["rejected"],
            "diff": miner.model.difficulty_text,
            "lastshare": share_age(miner),
        }
        first = page["devs"][0]
        return {
            "summary": filled(page["summary"], totals),
            "pools": [filled(page["pools"][0], owner)],
            "devs": [
                filled(first, self._device(number, board, unit_hs))
                for number, board in enumerate(miner.boards, _FIRST_CHAIN)
                if not board.lost
            ],
        }

    def _device(self, number: int, board: Board, unit_hs: float) -> dict[str, str]:
        """One board; every row tells the fans."""
        miner = self.miner
        fans = {key: str(round(miner.fan_rpm(fan))) for fan, key in enumerate(_FANS)}
        return fans | {
            "index": str(number),
            "chain_acn": str(miner.model.chips),
            "freqavg": str(miner.preset.frequency_mhz),
            "temp": str(round(pcb_range_c(board)[1])),
            "temp2": str(round(chip_range_c(board)[1])),
            "hw": str(board.hw_errors),
            "rate": f"{miner.board_hs(board) / unit_hs:,.2f}",
            "chain_acs": chip_map(miner, board, _GROUP),
        }

    def system_info(self) -> Json:
        """``get_system_info.cgi``: what it is and where it is."""
        return self.identified("web/older_get_system_info")

    @classmethod
    def pages(cls) -> Mapping[str, Page]:
        """See ``WebDevice``."""
        return _PAGES


@dataclass(slots=True)
class Vnish3Web(OlderAntminerWeb):
    """The same with Vnish 3.x on it: a page more, and its name in the type."""

    def system_info(self) -> Json:
        """See ``OlderAntminerWeb``."""
        model = self.miner.model
        named = {"minertype": f"{model.name} (vnish {model.firmware})"}
        return OlderAntminerWeb.system_info(self) | named

    def chip_rates(self) -> Json:
        """``chip_hr.json``: every chip's hashrate in its board's unit, whole numbers as texts."""
        miner, unit_hs = self.miner, self.miner.model.unit_hs / self.blow
        return {
            "chiphr": [
                {
                    f"Asic{place:02}": str(round(chip.hashrate_hs / unit_hs))
                    for place, chip in enumerate(chips_of(miner, board))
                }
                for board in miner.boards
                if not board.lost
            ]
        }

    @classmethod
    def pages(cls) -> Mapping[str, Page]:
        """See ``WebDevice``."""
        return _VNISH_PAGES


_PAGES: dict[str, Page] = {
    "/cgi-bin/get_miner_status.cgi": OlderAntminerWeb.status,
    "/cgi-bin/get_system_info.cgi": OlderAntminerWeb.system_info,
    "/cgi-bin/get_miner_conf.cgi": OlderAntminerWeb.miner_conf,
}
_VNISH_PAGES: dict[str, Page] = _PAGES | {
    "/cgi-bin/get_system_info.cgi": Vnish3Web.system_info,
    "/cgi-bin/chip_hr.json": Vnish3Web.chip_rates,
}
