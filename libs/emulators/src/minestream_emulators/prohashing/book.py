"""What the pool knows of the fleet: workers seen through their shares, rates, balances.

Knows no protocol; whoever serves it moves it on by ``advance``.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from minestream_emulators.fleet import Fleet
from minestream_emulators.noise import lattice, seed_of, wobble
from minestream_emulators.station import Station

NAMES: Final = {"scrypt": "Scrypt", "sha256d": "SHA-256"}
_SPACE: Final = UUID("7a0f6f44-1c57-5c6e-9a2f-5d2f5f2f8f10")
_SMOOTHING_S: Final = 120.0
_NOISE_RATIO: Final = 0.03
_COIN_S: Final = 60.0
_PERIOD_S: Final = 600.0
_DAY_S: Final = 86_400.0
_USD_PER_MH: Final = {"scrypt": 4.5e-4, "sha256d": 5.5e-8}
_USD_PER_BTC: Final = 86_500.0
_USD_PER_COIN: Final = {"Litecoin": 85.0, "Dogecoin": 0.15}
_SHARE_OF: Final = {"Litecoin": 0.55, "Dogecoin": 0.45}
_FEES: Final = {"scrypt": (0.0499, 0.0199), "sha256d": (0.0199, 0.0099)}
_FRESH_S: Final = 600.0
_UNSEEN_S: Final = 15.0
"""Nobody listens to changes: whoever asks for all gets them fresh."""


@dataclass(slots=True)
class Worker:
    """One worker as the pool sees it: from its shares, so later and rougher than the miner."""

    station: Station
    uuid: str
    hashrate_hs: float
    at_s: float
    accepted: int
    shares: int
    shares_all: int
    coin: str = "Litecoin"

    def record(self) -> dict[str, Any]:
        """All that the pool tells of it."""
        model = self.station.resident.model
        return {
            "uuid": self.uuid,
            "miner_name": self.station.resident.who.worker,
            "coin_name": self.coin,
            "algorithm_name": NAMES[model.algorithm],
            "hashrate": self.hashrate_hs,
            "difficulty": float(model.share_difficulty),
            "difficulty_is_static": False,
            "share_count": self.shares,
            "all_time_share_count": self.shares_all,
            "miner_hardware": model.name,
        }


class Book:
    """The pool's account of one fleet.

    Args:
        fleet: the miners whose first pool is this one are its workers.
        now_s: the world's clock, seconds since 1970.
    """

    def __init__(self, fleet: Fleet, now_s: float) -> None:
        self._fleet = fleet
        self._seed = seed_of(fleet.plan.seed, "pool")
        self._ours = [
            station
            for station in fleet.stations.values()
            if "prohashing" in station.resident.model.pool_url
        ]
        self._workers: dict[str, Worker] = {}
        self._next = 0
        self.balances = {"Litecoin": 0.0123, "Dogecoin": 41.2}
        self.paid = {"Litecoin": 1.1889, "Dogecoin": 1023.0}
        self.at_s = now_s

    # -- time ---------------------------------------------------------------------------------

    def advance(self, at_s: float) -> None:
        """Let time pass: what was earned since is owed."""
        passed_s, self.at_s = max(at_s - self.at_s, 0.0), at_s
        hashes = sum(worker.hashrate_hs for worker in self._workers.values())
        usd = hashes / 1e6 * self._usd("scrypt") * passed_s / _DAY_S
        for coin, share in _SHARE_OF.items():
            self.balances[coin] += usd * share / _USD_PER_COIN[coin]

    @property
    def size(self) -> int:
        """How many workers the account has."""
        return len(self._ours)

    def look(self, most: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Look at the next workers in turn.

        Args:
            most: at most so many.

        Returns:
            what has changed of each, and its whole record after that.
        """
        changes = []
        for _ in range(min(most, len(self._ours))):
            station = self._ours[self._next % len(self._ours)]
            self._next += 1
            before = self._worker(station).record()
            after = self._look(station).record()
            changed = {key: value for key, value in after.items() if value != before[key]}
            if changed:
                changes.append(({"uuid": after["uuid"], **changed}, after))
        return changes

    def _worker(self, station: Station) -> Worker:
        known = self._workers.get(station.miner_id)
        if known is None:
            truth = self._fleet.truth(station.miner_id)
            known = self._workers[station.miner_id] = Worker(
                station,
                str(uuid5(_SPACE, f"{self._fleet.plan.seed}/{station.miner_id}")),
                round(truth["hashrate_hs"], 1),
                self.at_s,
                truth["accepted_total"],
                shares=0,
                shares_all=truth["accepted_total"] + 1_000_000,
            )
        return known

    def _look(self, station: Station) -> Worker:
        worker = self._worker(station)
        truth = self._fleet.truth(station.miner_id)
        seed = seed_of(self._seed, station.miner_id)
        weight = 1.0 - math.exp(-(self.at_s - worker.at_s) / _SMOOTHING_S)
        noise = 1.0 + _NOISE_RATIO * wobble(seed, self.at_s, 30.0)
        rate = worker.hashrate_hs + weight * (truth["hashrate_hs"] * noise - worker.hashrate_hs)
        worker.hashrate_hs, worker.at_s = round(rate, 1), self.at_s
        accepted = truth["accepted_total"]
        new = accepted - worker.accepted if accepted >= worker.accepted else accepted
        worker.accepted = accepted
        worker.shares += new
        worker.shares_all += new
        merged = lattice(seed, int(self.at_s / _COIN_S)) > 1.0 - 2.0 * _SHARE_OF["Dogecoin"]
        worker.coin = "Dogecoin" if merged else "Litecoin"
        return worker

    # -- what is told -------------------------------------------------------------------------

    def workers(self) -> list[dict[str, Any]]:
        """Every worker's whole record."""
        for station in self._ours:
            if self.at_s - self._worker(station).at_s > _UNSEEN_S:
                self._look(station)
        return [self._worker(station).record() for station in self._ours]

    def profitability(self) -> dict[str, Any]:
        """What is paid per MH/s and day, by the algorithm's id."""
        return {
            number: {
                "algorithm_name": NAMES[algorithm],
                **self._paid(self._usd(algorithm)),
                "data_timestamp": round(self.at_s - 2.8, 4),
                "server_timestamp": round(self.at_s, 4),
                "server_id": 4,
            }
            for number, algorithm in (("1", "scrypt"), ("2", "sha256d"))
        }

    def general(self) -> dict[str, Any]:
        """The whole pool's figures."""
        ours = sum(worker.hashrate_hs for worker in self._workers.values())
        return {
            "subscriptions_count": 611,
            "total_hashrate_computed_onlys": {"Scrypt": 8.4e12 + ours, "SHA-256": 3.1e17},
        }

    def found_block(self) -> dict[str, Any]:
        """A block that somebody at the pool has just found."""
        worker = self._worker(self._ours[self._next % len(self._ours)])
        return {
            "coin_name": worker.coin,
            "block_height": 2_950_001 + int((self.at_s - 1.7e9) / 150.0),
            "algorithm": "Scrypt",
            "share_diff": 41_234_567.8,
            "coinbase_value": 6.2512,
            "snapshot_value_usd": 512.6,
            "worker_name": worker.station.resident.who.worker,
        }

    def status(self) -> dict[str, Any]:
        """The HTTP API's ``/status``; fees are ratios, estimates in BTC per MH/s and day."""
        names = (("scrypt", "scrypt", 1e6), ("sha256", "sha256d", 1e12))
        return {
            name: {
                "name": name,
                "port": 3333,
                "coins": 38,
                "hashrate": 8_412_345_678_901,
                "workers": 1204,
                "pps_fee": _FEES[algorithm][0],
                "pplns_fee": _FEES[algorithm][1],
                "mbtc_mh_factor": int(factor),
                "estimate_current": f"{self._usd(algorithm) / _USD_PER_BTC * factor / 1e6:.14f}",
                "estimate_last24h": None,
                "actual_last24h": f"{self._usd(algorithm) / _USD_PER_BTC * factor / 1e6:.14f}",
                "hashrate_last24h": 8_312_345_678_901,
            }
            for name, algorithm, factor in names
        }

    def currencies(self) -> dict[str, Any]:
        """The HTTP API's ``/currencies``."""
        return {
            short: {
                "name": name,
                "abbreviation": short,
                "algo": "scrypt",
                "port": 3333,
                "enabled": True,
                "workers": 804,
            }
            for short, name in (("LTC", "Litecoin"), ("DOGE", "Dogecoin"))
        }

    def wallet(self) -> dict[str, Any]:
        """The HTTP API's ``/wallet``."""
        short = {"Litecoin": "LTC", "Dogecoin": "DOGE"}
        return {
            coin.lower(): {
                "abbreviation": short[coin],
                "name": coin,
                "balance": balance,
                "unpaid": balance * 1.1,
                "total": balance + self.paid[coin],
                "paid": self.paid[coin],
                "paid24h": 0.0,
                "payoutThreshold": 0.01,
            }
            for coin, balance in self.balances.items()
        }

    def miners(self, key: str) -> list[dict[str, Any]]:
        """The HTTP API's ``/walletEx``; passwords hold the key, as real ones may."""
        return [
            {
                "ID": record["miner_name"],
                "algo": "scrypt" if record["algorithm_name"] == "Scrypt" else "sha256",
                "coin": record["coin_name"],
                "accepted": record["hashrate"],
                "rejected": 0,
                "difficulty": record["difficulty"],
                "minRestartDelay": 0,
                "workRestartPenalty": 0,
                "password": f"a=scrypt,n={record['miner_name']},m=pplns,k={key}",
            }
            for record in self.workers()
        ]

    def proxy_status(self, now_s: float) -> dict[str, Any]:
        """The open proxy's ``/status``."""
        told_at = datetime.fromtimestamp(self.at_s, UTC)
        return {
            "connected": True,
            "updating": now_s - self.at_s <= _FRESH_S,
            "lastUpdates": {"profitability": told_at.isoformat(timespec="seconds")},
        }

    def _usd(self, algorithm: str) -> float:
        seed = seed_of(self._seed, algorithm)
        return _USD_PER_MH[algorithm] * (1.0 + 0.05 * wobble(seed, self.at_s, _PERIOD_S))

    @staticmethod
    def _paid(usd: float) -> dict[str, float]:
        btc = usd / _USD_PER_BTC
        return {
            "usd": usd,
            "btc": btc,
            "max_usd": usd * 1.13,
            "max_btc": btc * 1.13,
            "percentile_usd": usd * 0.98,
            "percentile_btc": btc * 0.98,
        }
