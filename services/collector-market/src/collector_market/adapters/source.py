"""One source: asked politely, remembered while fresh, left alone when it refuses us."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from collector_market.adapters.words import Limit, Reads, judge_of
from collector_market.domain.records import Heard
from collector_market.domain.wants import Asking
from minestream_runtime.backoff import Backoff
from minestream_runtime.clock import Clock
from minestream_runtime.polite import Answer, PoliteClient
from minestream_runtime.polite.gate import of_gate
from minestream_runtime.usage import Usage
from minestream_schemas.raw import PollStatus

_REFUSED_MOST_S: Final = 6 * 3600.0
_LIMITED_MOST_S: Final = 6 * 3600.0
_MINUTE_S: Final = 60.0
_Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class _Kept:
    at_s: float
    heard: Heard


@dataclass(slots=True)
class _Refusal:
    pauses: Backoff
    until_s: float = 0.0


class Source:
    """A source.

    A refusal (401, 403) is of all that we ask, as long as nothing was answered; afterwards of what
    was asked (a plan may lack a chart). That is not sent for ``refused_pause_s``, and for twice as
    long after each further refusal. What was asked is not asked again before it is due, whoever
    wants it: two wants may share one answer. A web page in place of a refusal is of a gate before
    the source: it rests for ``refused_pause_s`` each time, and no key is to blame.

    Args:
        name: in logs.
        host: where it is, in traces.
        client: asks it.
        clock: durations.
        refused_pause_s: s.
        reads: what it says about our asking; None: its HTTP status tells all.
        usage: learns what a call has cost.
    """

    def __init__(
        self,
        name: str,
        host: str,
        client: PoliteClient,
        clock: Clock,
        *,
        refused_pause_s: float,
        reads: Reads | None = None,
        usage: Usage | None = None,
    ) -> None:
        self.name = name
        self.host = host
        self._client = client
        self._clock = clock
        self._refused_pause_s = refused_pause_s
        self._reads = reads
        self._judge = None if reads is None else judge_of(reads)
        self._usage = usage
        self._limit: Limit | None = None
        self._limited_until_s = 0.0
        self._refusals: dict[_Key | None, _Refusal] = {}
        self._answers = False
        self._kept: dict[_Key, _Kept] = {}
        self._turns: defaultdict[_Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._log = structlog.get_logger()

    @property
    def refused(self) -> bool:
        """Does it refuse us anything?"""
        return bool(self._refusals)

    def note(self) -> str | None:
        """Which limit of it is used up, for whoever looks at our health."""
        held_s = self._limited_until_s - self._clock.monotonic()
        if self._limit is None or held_s <= 0:
            return None
        again_at = self._clock.now() + timedelta(seconds=held_s)
        return (
            f"{self.name}: our limit per {self._limit} is used up; "
            f"it is asked again at {again_at:%Y-%m-%d %H:%M} UTC"
        )

    def held_s(self, asking: Asking) -> float:
        """For how long it must not be asked that; 0 when it may be."""
        now_s = self._clock.monotonic()
        found = (self._refusals.get(key) for key in (None, _key(asking)))
        held_s = max((refusal.until_s - now_s for refusal in found if refusal), default=0.0)
        held_s = max(held_s, self._limited_until_s - now_s)
        until = self._client.not_before
        if until is not None:
            held_s = max(held_s, (until - self._clock.now()).total_seconds())
        return max(held_s, 0.0)

    async def hear(self, asking: Asking, *, fresh_s: float, again_s: float) -> Heard | None:
        """An answer: the one that is kept while it is fresh, else a new one.

        Args:
            asking: the question.
            fresh_s: an answer is fresh for so long.
            again_s: a failure is not asked again for so long.

        Returns:
            None when nothing was sent, as the source wants to be left alone.
        """
        key = _key(asking)
        async with self._turns[key]:
            kept = self._kept.get(key)
            if kept is not None:
                most_s = fresh_s if kept.heard.status is PollStatus.OK else again_s
                if self._clock.monotonic() - kept.at_s < most_s:
                    return kept.heard
            if self.held_s(asking) > 0:
                return None
            at_s = self._clock.monotonic()
            heard = await self._ask(asking)
            if heard is not None:
                self._kept[key] = _Kept(at_s, heard)
            return heard

    async def _ask(self, asking: Asking) -> Heard | None:
        answer = await self._client.ask(
            asking.path,
            params=dict(asking.params),
            judge=self._judge,
            cost=asking.cost,
            urgent=asking.urgent,
        )
        if not answer.tries:
            return None
        answer = self._read(asking, answer)
        if answer.status is PollStatus.UNAUTHORISED:
            answer = of_gate(answer, keyed=True)
            self._rest(asking, answer)
        elif answer.status is PollStatus.OK:
            self._accept(asking)
        return Heard(
            status=answer.status,
            fetched_at=answer.fetched_at,
            latency_ms=answer.latency_ms,
            http_status=answer.http_status,
            body=answer.body,
            server_at=answer.server_at,
            error=answer.error,
            not_before=answer.not_before,
        )

    def _read(self, asking: Asking, answer: Answer) -> Answer:
        """What the source itself says of the answer, whatever HTTP does."""
        if self._reads is None:
            return answer
        words = self._reads(answer.body or b"")
        if words.refused:  # also what comes with 402
            answer = replace(answer, status=PollStatus.UNAUTHORISED)
        if words.error is not None:
            answer = replace(answer, error=f"error {words.error}")
        elif self._usage is not None and words.credits_ is not None:
            self._usage.correct(words.credits_ - asking.cost)
        self._limited(words.limit, answer)
        return answer

    def _limited(self, limit: Limit | None, answer: Answer) -> None:
        """Leave it alone for as long as the limit that it names holds."""
        if limit is not None:
            self._limited_until_s = self._clock.monotonic() + _pause_s(limit, self._clock.now())
            if limit is not self._limit:
                self._log.warning("source_limits_us", source=self.name, per=limit.value)
            self._limit = limit
        elif answer.status is PollStatus.OK and self._limit is not None:
            self._limit = None
            self._log.info("source_limits_us_no_more", source=self.name)

    def _rest(self, asking: Asking, answer: Answer) -> None:
        """Leave it alone after a refusal, its own or of what stands before it."""
        if answer.status is PollStatus.UNAUTHORISED:
            self._refuse(asking, answer)
        else:
            self._limit = None
            self._limited_until_s = self._clock.monotonic() + self._refused_pause_s

    def _refuse(self, asking: Asking, answer: Answer) -> None:
        key = _key(asking) if self._answers else None
        refusal = self._refusals.get(key)
        if refusal is None:  # a pause is at least half of its nominal length
            refusal = _Refusal(Backoff(2 * self._refused_pause_s, _REFUSED_MOST_S))
            self._refusals[key] = refusal
            self._log.error(
                "source_refuses_us",
                source=self.name,
                asked="everything" if key is None else asking.path,
                http_status=answer.http_status,
                error=answer.error,
                advice="look at its key and plan",
            )
        refusal.until_s = self._clock.monotonic() + refusal.pauses.next_s()

    def _accept(self, asking: Asking) -> None:
        self._answers = True
        for key in (None, _key(asking)):
            if self._refusals.pop(key, None) is not None:
                self._log.info("source_accepts_us", source=self.name)


def _pause_s(limit: Limit, at: datetime) -> float:
    """How long a limit holds: days and months end at midnight UTC, and a plan may grow sooner."""
    if limit in {Limit.DAY, Limit.MONTH}:
        midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return min((midnight + timedelta(days=1) - at).total_seconds(), _LIMITED_MOST_S)
    return _MINUTE_S


def _key(asking: Asking) -> _Key:
    return asking.path, asking.params
