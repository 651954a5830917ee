"""One source: asked politely, remembered while fresh, left alone when it refuses us."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import structlog

from collector_market.domain.records import Heard
from collector_market.domain.wants import Asking
from minestream_runtime.backoff import Backoff
from minestream_runtime.clock import Clock
from minestream_runtime.polite import PoliteClient
from minestream_schemas.raw import PollStatus

_REFUSED_MOST_S: Final = 6 * 3600.0
_Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class _Kept:
    at_s: float
    heard: Heard


class Source:
    """A source.

    A refusal (401, 403) is of all that we ask: nothing more is sent for ``refused_pause_s``, and
    for twice as long after each further one. What was asked is not asked again before it is due,
    whoever wants it: two wants may share one answer.

    Args:
        name: in logs.
        host: where it is, in traces.
        client: asks it.
        clock: durations.
        refused_pause_s: s.
    """

    def __init__(
        self, name: str, host: str, client: PoliteClient, clock: Clock, *, refused_pause_s: float
    ) -> None:
        self.name = name
        self.host = host
        self._client = client
        self._clock = clock
        self._refusals = Backoff(2 * refused_pause_s, _REFUSED_MOST_S)  # its least is half of it
        self._refused_until_s: float | None = None
        self._kept: dict[_Key, _Kept] = {}
        self._turns: defaultdict[_Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._log = structlog.get_logger()

    @property
    def refused(self) -> bool:
        """Has it refused us, and nothing since?"""
        return self._refused_until_s is not None

    @property
    def held_s(self) -> float:
        """For how long it must not be asked; 0 when it may be."""
        held_s = 0.0 if self._refused_until_s is None else self._left_s(self._refused_until_s)
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
        key = (asking.path, asking.params)
        async with self._turns[key]:
            kept = self._kept.get(key)
            if kept is not None:
                most_s = fresh_s if kept.heard.status is PollStatus.OK else again_s
                if self._clock.monotonic() - kept.at_s < most_s:
                    return kept.heard
            if self.held_s > 0:
                return None
            at_s = self._clock.monotonic()
            heard = await self._ask(asking)
            if heard is not None:
                self._kept[key] = _Kept(at_s, heard)
            return heard

    async def _ask(self, asking: Asking) -> Heard | None:
        answer = await self._client.ask(asking.path, params=dict(asking.params))
        if not answer.tries:
            return None
        if answer.status is PollStatus.UNAUTHORISED:
            self._refuse(answer.http_status)
        elif answer.status is PollStatus.OK and self._refused_until_s is not None:
            self._refused_until_s = None
            self._refusals.reset()
            self._log.info("source_accepts_us", source=self.name)
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

    def _refuse(self, http_status: int | None) -> None:
        pause_s = self._refusals.next_s()
        if self._refused_until_s is None:
            self._log.error(
                "source_refuses_us",
                source=self.name,
                http_status=http_status,
                pause_s=round(pause_s, 1),
                advice="look at its key and plan",
            )
        self._refused_until_s = self._clock.monotonic() + pause_s

    def _left_s(self, until_s: float) -> float:
        return until_s - self._clock.monotonic()
