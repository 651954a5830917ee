"""Stock Antminer's web pages: ``/cgi-bin/stats.cgi`` and its neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from minestream_emulators.cgminer.work import elapsed_s, share_age
from minestream_emulators.chips import SPREAD_C, chip_range_c, pcb_range_c
from minestream_emulators.device import WRONG_UNIT, Json
from minestream_emulators.physics import Board, Phase
from minestream_emulators.recorded import filled, recorded
from minestream_emulators.web.device import Page, WebDevice

_PIC_BELOW_PCB_C = 5.0


def sensors_c(low: int, high: int) -> list[float]:
    """Four sensors of a board, the coolest first; all 0 where nothing measures."""
    if (low, high) == (0, 0):
        return [0.0] * 4
    return [float(max(low, high - less)) for less in (round(SPREAD_C), 9, 2, 0)]


@dataclass(slots=True)
class AntminerWeb(WebDevice):
    """A stock Antminer's web server."""

    realm: ClassVar[str] = "antMiner Configuration"
    folder: ClassVar[str] = "antminer"

    @property
    def unit(self) -> str:
        """What it calls the unit of its hashrates."""
        return WRONG_UNIT if self.wrong_unit else self.miner.model.unit

    def rates(self) -> Json:
        """The whole miner's hashrates in its unit."""
        miner, unit_hs = self.miner, self.miner.model.unit_hs
        present = sum(not board.lost for board in miner.boards)
        average = miner.average_hs / unit_hs
        return {
            "elapsed": elapsed_s(miner),
            "rate_5s": miner.hashrate_hs() / unit_hs,
            "rate_30m": average,
            "rate_avg": average,
            "rate_ideal": miner.ideal_hs() * present / unit_hs,
            "rate_unit": self.unit,
        }

    def page(self, name: str, section: str, rows: list[Json]) -> Json:
        """A recorded page with our rows in its section, and the present time.

        Args:
            name: of the recording.
            section: the key of its list.
            rows: what stands in it.
        """
        sample: Json = recorded(f"web/{self.folder}_{name}")
        status = dict(
            sample["STATUS"][0] if isinstance(sample["STATUS"], list) else sample["STATUS"]
        )
        status |= {key: self.clock_s for key in ("when", "When", "timestamp") if key in status}
        kept = [status] if isinstance(sample["STATUS"], list) else status
        info = filled(sample["INFO"], {"type": self.miner.model.name})
        return sample | {"STATUS": kept, "INFO": info, section: rows}

    def board(self, recording: Json, number: int, board: Board) -> Json:
        """One board, in the shape of a recorded one."""
        miner, unit_hs = self.miner, self.miner.model.unit_hs
        there = not board.lost
        pcb_low, pcb_high = pcb_range_c(board)
        pcb = sensors_c(pcb_low, pcb_high)
        values = {
            "index": number,
            "freq_avg": miner.preset.frequency_mhz if there else 0,
            "rate_ideal": miner.ideal_hs() / unit_hs if there else 0.0,
            "rate_real": miner.board_hs(board) / unit_hs,
            "asic_num": miner.model.chips if there else 0,
            "temp_pic": [max(0.0, one - _PIC_BELOW_PCB_C) for one in pcb],
            "temp_pcb": pcb,
            "temp_chip": sensors_c(*chip_range_c(board)),
            "hw": board.hw_errors,
        }
        return filled(recording, values)

    def stats(self) -> Json:
        """``stats.cgi``: rates, fans, boards."""
        miner = self.miner
        (recording,) = recorded(f"web/{self.folder}_stats")["STATS"]
        first = recording["chain"][0]
        body = filled(recording, self.rates())
        body["fan_num"] = miner.model.fans
        body["fan"] = [miner.fan_rpm(fan) for fan in range(miner.model.fans)]
        body["chain_num"] = len(miner.boards)
        body["chain"] = [self.board(first, n, board) for n, board in enumerate(miner.boards)]
        return self.page("stats", "STATS", [body])

    def summary(self) -> Json:
        """``summary.cgi``: rates, errors and what it complains of."""
        miner = self.miner
        (recording,) = recorded(f"web/{self.folder}_summary")["SUMMARY"]
        errors = sum(board.hw_errors for board in miner.boards)
        values = {**self.rates(), "hw_all": errors, "bestshare": miner.counters.best_share}
        return self.page(
            "summary", "SUMMARY", [filled(recording, values) | {"status": self._complaints()}]
        )

    def _complaints(self) -> list[Json]:
        """Four things that are well (``s``) or not (``e``)."""
        miner = self.miner
        well = {
            "rate": miner.phase is Phase.MINING and not any(b.lost for b in miner.boards),
            "network": True,
            "fans": not any(miner.fans_lost),
            "temp": miner.phase is not Phase.FAILURE,
        }
        return [
            {"type": kind, "status": "s" if fine else "e", "code": 0, "msg": ""}
            for kind, fine in well.items()
        ]

    def pools(self) -> Json:
        """``pools.cgi``: the owner's pool that is mined for, and his others."""
        miner, model, counters = self.miner, self.miner.model, self.miner.counters
        first, *others = recorded(f"web/{self.folder}_pools")["POOLS"]
        owner: dict[str, Any] = {
            "url": f"stratum+tcp://{model.pool_url}",
            "user": self.who.pool_user,
            "status": "Alive",
            "accepted": counters.accepted,
            "rejected": counters.rejected,
            "stale": counters.stale,
            "getworks": counters.accepted + counters.rejected + counters.stale,
            "diff": model.difficulty_text,
            "diffa": counters.accepted * model.share_difficulty,
            "diffr": counters.rejected * model.share_difficulty,
            "diffs": counters.stale * model.share_difficulty,
            "lsdiff": model.share_difficulty,
            "lstime": share_age(miner),
        }
        spare = {"url": f"stratum+tcp://eu.{model.pool_url}", "user": self.who.pool_user}
        rows = [filled(first, owner), *(filled(pool, spare) for pool in others)]
        return self.page("pools", "POOLS", rows)

    def system_info(self) -> Json:
        """``get_system_info.cgi``: what it is and where it is."""
        return self.identified(f"web/{self.folder}_get_system_info")

    def identified(self, recording: str) -> Json:
        """A recorded page that says who it is."""
        who = {
            "minertype": self.miner.model.name,
            "macaddr": self.who.mac,
            "ipaddress": self.who.host,
            "hostname": self.who.miner_id,
        }
        return filled(recorded(recording), who)

    def miner_conf(self) -> Json:
        """``get_miner_conf.cgi``: pools with their passwords, clock, fans."""
        pool = {"url": f"stratum+tcp://{self.miner.model.pool_url}", "user": self.who.pool_user}
        sample: Json = recorded(f"web/{self.folder}_get_miner_conf")
        return sample | {
            "pools": [pool | {"pass": "x"}] * 3,
            "bitmain-freq": str(self.miner.preset.frequency_mhz),
        }

    @classmethod
    def pages(cls) -> Mapping[str, Page]:
        """See ``WebDevice``."""
        return _PAGES


_PAGES: dict[str, Page] = {
    "/cgi-bin/stats.cgi": AntminerWeb.stats,
    "/cgi-bin/summary.cgi": AntminerWeb.summary,
    "/cgi-bin/pools.cgi": AntminerWeb.pools,
    "/cgi-bin/get_system_info.cgi": AntminerWeb.system_info,
    "/cgi-bin/get_miner_conf.cgi": AntminerWeb.miner_conf,
}
