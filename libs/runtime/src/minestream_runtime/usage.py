"""What calling a source has cost, and what its quotas still allow; kept over restarts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from math import ceil
from pathlib import Path
from typing import Final

import structlog

from minestream_runtime.clock import Clock
from minestream_runtime.metrics import counter, gauge
from minestream_runtime.state_file import StateFile

_MINUTES: Final = 61
"""An hour, and the minute that has begun: no 3,600 s see more than the quota."""
_DAYS: Final = 62
_DAY_MIN: Final = 1440
_LAST_RESET: Final = 28


class Per(StrEnum):
    """What a quota is counted over."""

    HOUR = "hour"
    """Any hour: it opens again bit by bit."""
    DAY = "day"
    """UTC's."""
    MONTH = "month"
    """From ``resets_on`` at midnight UTC to the next."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a source allows.

    Args:
        per: over which time.
        most: calls, or credits where calls cost different numbers of them.
        kept: so many of them are for urgent calls alone; of a day's or month's fewer and fewer, as
            what is left of it needs fewer.
        resets_on: day of the month, 1 to 28, on which a month begins.

    Raises:
        ValueError: a quota that allows nothing, keeps more than all, or begins on no day.
    """

    per: Per
    most: int
    kept: int = 0
    resets_on: int = 1

    def __post_init__(self) -> None:
        if self.most < 1 or not 0 <= self.kept < self.most:
            raise ValueError(f"a quota of {self.most} of which {self.kept} are kept allows nothing")
        if not 1 <= self.resets_on <= _LAST_RESET:
            raise ValueError(f"a month begins on a day from 1 to {_LAST_RESET}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that would overdraw a quota.

    Args:
        reason: for people.
        opens_at: when a call of this cost is allowed again; None: never, it is beyond the quota.
        scarce_until: till then a call that goes through is an exception, and the next may not.
    """

    reason: str
    opens_at: datetime | None
    scarce_until: datetime


@dataclass(slots=True)
class Spent:
    """Credits by minute for the last hour, and by day for the last two months (UTC)."""

    minutes: dict[int, int] = field(default_factory=dict)
    days: dict[int, int] = field(default_factory=dict)


class Meter:
    """The pure core: what was spent when, against the quotas; time is passed in.

    Args:
        quotas: all of them hold.
        spent: by an earlier life.
    """

    def __init__(self, quotas: Sequence[Quota] = (), spent: Spent | None = None) -> None:
        self._quotas = tuple(quotas)
        self.spent = spent or Spent()

    def spend(self, cost: int, at: datetime, *, urgent: bool = False) -> Refusal | None:
        """Spend credits, or say why not; then nothing is spent.

        Args:
            cost: credits, 0 or more.
            at: now.
            urgent: it may use what is kept.
        """
        self._forget(at)
        refusals = [
            refusal
            for quota in self._quotas
            if (refusal := self._refusal(quota, cost, at, urgent=urgent)) is not None
        ]
        if refusals:
            return max(refusals, key=lambda one: one.opens_at or datetime.max.replace(tzinfo=UTC))
        self.add(cost, at)
        return None

    def add(self, credits_: int, at: datetime) -> None:
        """Credits that a call has cost beyond (below 0: short of) what was foreseen."""
        for buckets, now in ((self.spent.minutes, _minute(at)), (self.spent.days, _day(at))):
            buckets[now] = max(buckets.get(now, 0) + credits_, 0)

    def left(self, at: datetime) -> dict[Per, int]:
        """What each quota still allows; 0 where more was spent."""
        self._forget(at)
        return {
            quota.per: max(quota.most - self._used(quota, at), 0)
            for quota in sorted(self._quotas, key=lambda quota: quota.most, reverse=True)
        }

    def _refusal(self, quota: Quota, cost: int, at: datetime, *, urgent: bool) -> Refusal | None:
        kept = 0 if urgent else _kept(quota, at)
        allowed, wanted = quota.most - kept, self._used(quota, at) + cost
        if wanted <= allowed:
            return None
        most = allowed if quota.per is Per.HOUR else quota.most
        scarce_until = _scarce_until(quota, at)
        if cost > most:
            why = f"a call of {cost} is beyond the {most} per {quota.per}"
            return Refusal(why, None, scarce_until)
        opens_at = self._opens_at(quota, allowed - cost, at)
        if kept and quota.per is not Per.HOUR and wanted <= quota.most:
            begin, end = _period(quota, at)
            share = (wanted - allowed) / quota.kept
            opens_at = min(opens_at, at + (end - begin) * share + timedelta(seconds=1))
        why = f" ({kept} are kept for urgent calls)" if kept else ""
        return Refusal(
            f"the quota of {quota.most} per {quota.per} is used up{why}"
            f" until {opens_at:%Y-%m-%d %H:%M} UTC",
            opens_at,
            scarce_until,
        )

    def _used(self, quota: Quota, at: datetime) -> int:
        if quota.per is Per.HOUR:
            return sum(self.spent.minutes.values())
        since = _day(_period(quota, at)[0])
        return sum(spent for day, spent in self.spent.days.items() if day >= since)

    def _opens_at(self, quota: Quota, room: int, at: datetime) -> datetime:
        """When no more than ``room`` is spent."""
        if quota.per is not Per.HOUR:
            return _period(quota, at)[1]
        used, leaves = sum(self.spent.minutes.values()), _minute(at)
        for minute, spent in sorted(self.spent.minutes.items()):
            if used <= room:
                break
            used, leaves = used - spent, minute + _MINUTES
        return datetime.fromtimestamp(leaves * 60, UTC)

    def _forget(self, at: datetime) -> None:
        """Let go of what is over; what a clock that was ahead has noted was spent just now."""
        pairs = (
            (self.spent.minutes, _minute(at), _MINUTES),
            (self.spent.days, _day(at), _DAYS),
        )
        for buckets, now, kept in pairs:
            for bucket in [one for one in buckets if not now - kept < one <= now]:
                spent = buckets.pop(bucket)
                if bucket > now:
                    buckets[now] = buckets.get(now, 0) + spent


class Usage:
    """Counts what a source is asked, and refuses what its quotas do not allow.

    One process per key: two that share one must share its quotas between them.

    Args:
        source: its name, in metrics and logs.
        clock: instants.
        quotas: none: it only counts.
        state: the file that keeps what was spent; None: in memory alone.
        free: how a call ends that the source does not charge for; until then it counts as charged.
    """

    def __init__(
        self,
        source: str,
        clock: Clock,
        *,
        quotas: Sequence[Quota] = (),
        state: Path | None = None,
        free: Collection[str] = (),
    ) -> None:
        self._source = source
        self._clock = clock
        self._free = frozenset(free)
        self._file = StateFile(state, Spent) if state is not None else None
        self._meter = Meter(quotas, self._file.load() if self._file is not None else None)
        self._scarce_until: dict[bool, datetime] = {}
        self._log = structlog.get_logger()
        self._show()

    def take(self, cost: int = 1, *, urgent: bool = False) -> Refusal | None:
        """Ask before a call; None: it may be made, and its cost is noted.

        Args:
            cost: what the call will cost, as far as is known.
            urgent: it may use what is kept for urgent calls.
        """
        refusal = self._meter.spend(cost, self._clock.now(), urgent=urgent)
        if refusal is not None:
            counter("minestream_source_calls_total").labels(self._source, "quota").inc()
        self._tell(refusal, urgent=urgent)
        if refusal is None and cost:
            self._save()
        return refusal

    def _tell(self, refusal: Refusal | None, *, urgent: bool) -> None:
        """Log when calls begin to be refused, plain or urgent ones, and when none is any more.

        What is kept shrinks bit by bit, so that single calls go through all the time: they end
        nothing.
        """
        if refusal is not None:
            if urgent not in self._scarce_until:
                reason = refusal.reason
                self._log.warning("source_quota_used_up", source=self._source, reason=reason)
            self._scarce_until[urgent] = refusal.scarce_until
            return
        at = self._clock.now()
        over = [
            which  # where a plain call may be made, an urgent one may too
            for which, until in self._scarce_until.items()
            if until <= at and (which or not urgent)
        ]
        for which in over:
            del self._scarce_until[which]
        if over and not self._scarce_until:
            self._log.info("source_quota_open_again", source=self._source)

    def ended(self, outcome: str, cost: int = 0) -> None:
        """A call has ended.

        Args:
            outcome: a word of few: a status, ``limited``.
            cost: what was taken for it.
        """
        counter("minestream_source_calls_total").labels(self._source, outcome).inc()
        if outcome not in self._free:
            counter("minestream_source_credits_total").labels(self._source).inc(cost)
        elif cost:
            self._meter.add(-cost, self._clock.now())
            self._save()

    def correct(self, credits_: int) -> None:
        """A call has cost so much more than what was taken for it; below 0: less."""
        if credits_:
            self._meter.add(credits_, self._clock.now())
            counter("minestream_source_credits_total").labels(self._source).inc(max(credits_, 0))
            self._save()

    def left(self) -> Mapping[Per, int]:
        """What each quota still allows."""
        return self._meter.left(self._clock.now())

    def _save(self) -> None:
        if self._file is not None:
            self._file.save(self._meter.spent)

    def _show(self) -> None:
        left = gauge("minestream_source_quota_left")
        for per in self.left():  # looked at when asked: it also grows while nobody calls
            left.labels(self._source, per).set_function(partial(self._left_of, per))

    def _left_of(self, per: Per) -> float:
        return self.left()[per]


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60


def _day(at: datetime) -> int:
    return _minute(at) // _DAY_MIN


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _period(quota: Quota, at: datetime) -> tuple[datetime, datetime]:
    """When the day or the month that holds an instant began, and when it ends."""
    if quota.per is Per.DAY:
        return _midnight(at), _midnight(at) + timedelta(days=1)
    begin = _month_of(at, quota.resets_on)
    return begin, _month_of(begin + timedelta(days=32), quota.resets_on)


def _scarce_until(quota: Quota, at: datetime) -> datetime:
    """A quota that refuses now is plenty again with its next period, or after a day of none."""
    if quota.per is Per.HOUR:
        return at + timedelta(hours=1)
    return min(_period(quota, at)[1], at + timedelta(days=1))


def _kept(quota: Quota, at: datetime) -> int:
    """What is kept of a quota now."""
    if quota.per is Per.HOUR:
        return quota.kept
    begin, end = _period(quota, at)
    return ceil(quota.kept * ((end - at) / (end - begin)))


def _month_of(at: datetime, resets_on: int) -> datetime:
    """When the month that holds an instant began."""
    begin = _midnight(at).replace(day=resets_on)
    if begin <= at:
        return begin
    return (begin.replace(day=1) - timedelta(days=1)).replace(day=resets_on)
