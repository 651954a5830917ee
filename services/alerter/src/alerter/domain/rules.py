"""The rules: what a breach is, how long it must last, and how an alert words it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from alerter.domain.reading import Reading, Said
from minestream_schemas.alert import AlertPhase, Severity


@dataclass(frozen=True, slots=True)
class Level:
    """One severity of a rule.

    Args:
        severity: how bad.
        hold: how long a breach lasts before it counts, by event time.
        readings: so many readings must say so, too.
        resolve: how long the contrary lasts before the breach is over.
        resolve_readings: so many readings must say so, too.
    """

    severity: Severity
    hold: timedelta
    readings: int
    resolve: timedelta = timedelta(0)
    resolve_readings: int = 1


@dataclass(frozen=True, slots=True)
class Told:
    """What an alert says in words and numbers."""

    summary: str
    value: float | None
    limit: float | None
    unit: str | None


class Rule(Protocol):
    """What the lifecycle needs to know of a rule."""

    @property
    def name(self) -> str:
        """As alerts and the database call it."""

    @property
    def levels(self) -> tuple[Level, ...]:
        """The least bad first."""

    @property
    def slack(self) -> timedelta | None:
        """Fires by time too, so long after the hold; None: by a reading only."""

    @property
    def counts_from_last_clear(self) -> bool:
        """Does a breach begin with the last reading that was clear, not with the first breach?"""

    def assess(self, reading: Reading) -> tuple[Said, ...]:
        """What a reading says about each level."""

    def tell(
        self,
        reading: Reading,
        *,
        severity: Severity,
        phase: AlertPhase,
        began_at: datetime,
        at: datetime,
    ) -> Told:
        """Word a transition that a reading led to at an instant."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """A miner's hottest chip is over a limit.

    Args:
        limits_c: by severity, °C; the least bad first.
        hysteresis_c: it is over only so far below the limit, K.
        hold: how long over the limit.
        readings: at least so many.
        resolve: how long below, less the hysteresis.
    """

    limits_c: Mapping[Severity, float]
    hysteresis_c: float
    hold: timedelta
    readings: int
    resolve: timedelta
    name: str = "temperature"
    slack: timedelta | None = None
    counts_from_last_clear: bool = False

    @property
    def levels(self) -> tuple[Level, ...]:
        """See ``Rule``."""
        return tuple(
            Level(severity, self.hold, self.readings, self.resolve) for severity in self.limits_c
        )

    def assess(self, reading: Reading) -> tuple[Said, ...]:
        """See ``Rule``."""
        return tuple(
            self._said(reading.chip_temp_max_c, limit_c) for limit_c in self.limits_c.values()
        )

    def _said(self, value_c: float | None, limit_c: float) -> Said:
        if value_c is None:
            return Said.NOTHING
        if value_c > limit_c:
            return Said.BREACHED
        return Said.CLEAR if value_c < limit_c - self.hysteresis_c else Said.BETWEEN

    def tell(
        self,
        reading: Reading,
        *,
        severity: Severity,
        phase: AlertPhase,
        began_at: datetime,  # noqa: ARG002 - as the protocol has it
        at: datetime,  # noqa: ARG002 - as above
    ) -> Told:
        """See ``Rule``."""
        value_c, limit_c = reading.chip_temp_max_c, self.limits_c[severity]
        hottest = f"{reading.subject}: a chip at {value_c:.1f} °C"
        if phase is AlertPhase.FIRING:
            said = f"{hottest}, {severity} above {limit_c:g} °C"
        else:
            below_c = min(self.limits_c.values()) - self.hysteresis_c
            said = f"{hottest}, back below {below_c:g} °C"
        return Told(said, value_c, limit_c, "°C")


@dataclass(frozen=True, slots=True)
class Offline:
    """A miner has been polled and has not answered, for too long.

    Only polls without an answer count. Of a miner that nobody polled nothing is known, and a gap
    says so: a collector that is down or a processor that lags never makes a fleet look offline.
    As silent miners are asked less and less often, the hold need not end with a poll of this very
    miner: it also ends when readings of others on its partition (the same collector shard, the
    same way) are that far.

    Args:
        hold: how long without an answer.
        readings: at least so many unanswered polls.
        slack: how much further the others must be; longer than a poll lasts.
    """

    hold: timedelta
    readings: int
    slack: timedelta | None
    name: str = "offline"
    counts_from_last_clear: bool = True

    @property
    def levels(self) -> tuple[Level, ...]:
        """See ``Rule``."""
        return (Level(Severity.CRITICAL, self.hold, self.readings),)

    def assess(self, reading: Reading) -> tuple[Said, ...]:
        """See ``Rule``."""
        return (Said.CLEAR if reading.answered else Said.BREACHED,)

    def tell(
        self,
        reading: Reading,
        *,
        severity: Severity,  # noqa: ARG002 - as the protocol has it
        phase: AlertPhase,
        began_at: datetime,
        at: datetime,
    ) -> Told:
        """See ``Rule``."""
        silent_s = (at - began_at).total_seconds()
        if phase is AlertPhase.FIRING:
            said = f"{reading.subject}: no answer for {silent_s:.0f} s"
        else:
            said = f"{reading.subject}: answers again, after {silent_s:.0f} s"
        return Told(said, silent_s, self.hold.total_seconds(), "s")
