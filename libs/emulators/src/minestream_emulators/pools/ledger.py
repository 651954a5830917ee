"""What one pool knows of the fleet: workers by their shares, what it owes, what each day brought.

Knows no API; whoever serves it moves it on by ``advance``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from minestream_emulators.fleet import Fleet
from minestream_emulators.noise import lattice, seed_of, wobble
from minestream_emulators.station import Station

WINDOWS_S: Final = (60.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0, 43_200.0, 86_400.0)
_DAY_S: Final = 86_400.0
_NOISE_RATIO: Final = 0.03
_COINS_PER_HS_DAY: Final = {"sha256d": 5.0e-19, "scrypt": 1.8e-12}
_SHARES_PER_MIN: Final = 15.0
MOST_DAYS: Final = 60


@dataclass(slots=True)
class Seen:
    """One worker as a pool sees it.

    Args:
        means_hs: over each of ``WINDOWS_S``.
    """

    station: Station
    name: str
    number: int
    means_hs: dict[float, float]
    at_s: float
    last_share_s: float
    valid: float = 0.0
    stale: float = 0.0

    @property
    def online(self) -> bool:
        """Does it send shares?"""
        return self.at_s - self.last_share_s < 600.0  # noqa: PLR2004 - pools' usual ten minutes


@dataclass(frozen=True, slots=True)
class Day:
    """What a day has brought; it is paid out the next morning."""

    day: date
    coins: float
    number: int

    @property
    def at_s(self) -> float:
        """Its beginning."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC).timestamp()

    @property
    def paid_s(self) -> float:
        """When it was paid out."""
        return self.at_s + _DAY_S + 3600.0


@dataclass(slots=True)
class Ledger:
    """A pool's account of one fleet.

    Args:
        fleet: the miners of one algorithm whose pool this is; all of them, if nobody's is.
        pool: its name.
        algorithm: of its miners.
        at_s: the world's clock, seconds since 1970.
    """

    fleet: Fleet
    pool: str
    algorithm: str
    at_s: float
    unpaid: float = 0.0
    workers: list[Seen] = field(default_factory=list)
    _seed: int = 0
    _usual: float = 0.0

    def __post_init__(self) -> None:
        """Meet the workers."""
        self._seed = seed_of(self.fleet.plan.seed, "pools", self.pool)
        able = [
            station
            for station in self.fleet.stations.values()
            if station.resident.model.algorithm == self.algorithm
        ]
        ours = [each for each in able if self.pool in each.resident.model.pool_url]
        self.workers = [self._met(number, each) for number, each in enumerate(ours or able, 1)]
        self._usual = self._rate()
        self.unpaid = self._usual * (self.at_s % _DAY_S) / _DAY_S

    def _met(self, number: int, station: Station) -> Seen:
        rate = self.fleet.truth(station.miner_id)["hashrate_hs"]
        means = dict.fromkeys(WINDOWS_S, float(rate))
        name = station.resident.who.worker
        valid = (2.0 + lattice(self._seed, number)) * 1e6
        return Seen(station, name, number, means, self.at_s, self.at_s, valid, valid * 1e-3)

    def advance(self, at_s: float) -> None:
        """Let time pass: shares come, means move, what was earned since is owed."""
        passed_s, self.at_s = max(at_s - self.at_s, 0.0), max(at_s, self.at_s)
        for seen in self.workers:
            self._look(seen, passed_s)
        before = self.unpaid
        self.unpaid += self._rate() * passed_s / _DAY_S
        if (self.at_s - passed_s) // _DAY_S != self.at_s // _DAY_S:  # paid out at midnight
            self.unpaid = max(self.unpaid - before, 0.0)

    def _look(self, seen: Seen, passed_s: float) -> None:
        truth = float(self.fleet.truth(seen.station.miner_id)["hashrate_hs"])
        seed = seed_of(self._seed, seen.station.miner_id)
        rate = truth * (1.0 + _NOISE_RATIO * wobble(seed, self.at_s, 30.0))
        for window_s, mean in seen.means_hs.items():
            weight = 1.0 - math.exp(-passed_s / window_s)
            seen.means_hs[window_s] = mean + weight * (rate - mean)
        seen.at_s = self.at_s
        if truth > 0:
            seen.last_share_s = self.at_s
            seen.valid += passed_s * _SHARES_PER_MIN / 60.0
            seen.stale += passed_s * _SHARES_PER_MIN / 60.0 * 1e-3

    def total_hs(self, window_s: float) -> float:
        """The account's mean over a window."""
        return sum(seen.means_hs[window_s] for seen in self.workers)

    def _rate(self) -> float:
        """Coins per day."""
        return self.total_hs(86_400.0) * _COINS_PER_HS_DAY[self.algorithm]

    @property
    def paid(self) -> float:
        """Coins paid out since ever."""
        return 100.0 * self._usual + sum(day.coins for day in self.days(0.0, self.at_s))

    def days(self, begin_s: float, end_s: float) -> Iterator[Day]:
        """The days that are over and began in a span; the newest come last."""
        today = datetime.fromtimestamp(self.at_s, UTC).date()
        for back in range(MOST_DAYS, 0, -1):
            day = today - timedelta(days=back)
            number = day.toordinal()
            told = Day(day, self._usual * (0.95 + 0.1 * lattice(self._seed, number)), number)
            if begin_s - _DAY_S < told.at_s < end_s:
                yield told
