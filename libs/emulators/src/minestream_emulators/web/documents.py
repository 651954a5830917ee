"""Vnish as the project's first two documents imagined it; no machine speaks so.

The first: ``/cgi-bin/stats.cgi`` and ``config.cgi`` behind a password. The second: ``/summary``,
``/chips``, ``/chains``, ``/status``, open, values as text with their unit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from minestream_emulators.cgminer.work import elapsed_s
from minestream_emulators.chips import chips_of, pcb_range_c
from minestream_emulators.device import WRONG_UNIT, HttpFirmware, Json, Reply, Request
from minestream_emulators.physics import Board, Phase
from minestream_emulators.recorded import encode
from minestream_emulators.web.device import METHOD_NOT_ALLOWED, NOT_FOUND, Page, WebDevice

_TERA = 1e12


@dataclass(slots=True)
class VnishCgi(WebDevice):
    """The first document's miner."""

    realm: ClassVar[str] = "Vnish"

    def stats(self) -> Json:
        """``stats.cgi``: the whole hashrate, and a temperature of each board."""
        boards = enumerate(self.miner.boards)
        return {
            "data": {
                "miner_id": self.who.miner_id,
                "hashrate": round(self.miner.hashrate_hs() / _TERA, 3),
                "hashrate_unit": WRONG_UNIT if self.wrong_unit else "TH/s",
                "temperature": {
                    f"board{number}": float(pcb_range_c(board)[1])
                    for number, board in boards
                    if not board.lost
                },
            }
        }

    def config(self) -> Json:
        """``config.cgi``: the document's ``config`` with pools."""
        miner = self.miner
        return {
            "data": {
                "model": miner.model.name,
                "firmware_version": f"Vnish {miner.model.firmware}",
                "frequency": miner.preset.frequency_mhz,
                "overclock_profile": str(miner.preset.watts),
                "power_limit": miner.preset.watts,
                "pools": [
                    {"url": f"stratum+tcp://{miner.model.pool_url}", "user": self.who.pool_user}
                ],
            }
        }

    @classmethod
    def pages(cls) -> Mapping[str, Page]:
        """See ``WebDevice``."""
        return _CGI_PAGES


_CGI_PAGES: dict[str, Page] = {
    "/cgi-bin/stats.cgi": VnishCgi.stats,
    "/cgi-bin/config.cgi": VnishCgi.config,
}


@dataclass(slots=True)
class VnishToolkit(HttpFirmware):
    """The second document's miner."""

    def answer(self, request: Request) -> Reply:
        """Answer one request, at the instant it carries."""
        self.miner.advance(request.at_s)
        if request.method not in ("GET", "HEAD"):
            return METHOD_NOT_ALLOWED
        page = self._pages.get(request.path)
        return NOT_FOUND if page is None else Reply(200, encode(page(self)))

    def _rate(self, hashrate_hs: float) -> str:
        return f"{hashrate_hs / _TERA:.4f} {WRONG_UNIT if self.wrong_unit else 'TH/s'}"

    def _summary(self) -> Json:
        miner = self.miner
        inlet_c = round(miner.inlet_c)
        body = {
            "hashrate": self._rate(miner.hashrate_hs()),
            "temperature": {
                "chip": round(miner.hottest_c),
                "board": max(pcb_range_c(board)[1] for board in miner.boards),
                "water_inlet": inlet_c,
                "water_outlet": inlet_c + 5,
            },
            "power": round(miner.power_w),
            "uptime": elapsed_s(miner),
            "status": self._state(),
        }
        return {"summary": body, "chips": self._chips(), "chains": self._chains()}

    def _state(self) -> str:
        return "mining" if self.miner.phase is Phase.MINING else "stopped"

    def _chips(self) -> list[Json]:
        return [
            {
                "id": chip.number + 1 + number * self.miner.model.chips,
                "hashrate": self._rate(chip.hashrate_hs),
                "temperature": round(chip.temp_c),
                "status": "failed" if chip.throttled else "active",
            }
            for number, board in enumerate(self.miner.boards)
            for chip in chips_of(self.miner, board)
        ]

    def _chain(self, number: int, board: Board) -> Json:
        return {
            "id": number,
            "chips": 0 if board.lost else self.miner.model.chips,
            "hashrate": self._rate(self.miner.board_hs(board)),
            "temperature": 0 if board.lost else round(board.hottest_c),
            "status": "failed" if board.lost else "healthy",
        }

    def _chains(self) -> list[Json]:
        return [self._chain(number, board) for number, board in enumerate(self.miner.boards)]

    def _status(self) -> Json:
        return {"status": self._state(), "uptime": elapsed_s(self.miner)}

    _pages: ClassVar[dict[str, Callable[["VnishToolkit"], Any]]] = {
        "/summary": _summary,
        "/chips": _chips,
        "/chains": _chains,
        "/status": _status,
    }
