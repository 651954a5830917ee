"""Watches how fresh everything is: metrics, a log line and a gap at each change."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from collector_market.domain.wants import Asking, Want
from collector_market.domain.watch import Limits, State, Watch, heard, state_of
from minestream_runtime.clock import Clock
from minestream_runtime.metrics import gauge
from minestream_runtime.state_file import StateFile
from minestream_schemas.gap import Gap, GapCause, gap_of


class Watching:
    """What is fresh, of everything that we want and of every source.

    Args:
        wants: what there is to watch.
        hand_on: takes a gap that is to be told.
        clock: instants.
        collector_id: who tells.
        file: keeps what is open.
        missed: so many intervals without an answer are too many.
        stale_after_s: for so long a market may say the same.
    """

    def __init__(
        self,
        wants: Iterable[Want],
        hand_on: Callable[[Gap], Awaitable[None]],
        clock: Clock,
        *,
        collector_id: str,
        file: Path,
        missed: int,
        stale_after_s: float,
    ) -> None:
        self._wants = {want.name: want for want in wants}
        self._hand_on = hand_on
        self._clock = clock
        self._collector_id = collector_id
        self._file = StateFile(file, dict[str, datetime])
        self._open = self._file.load() or {}
        began_at = clock.now()
        self._limits = {
            want.name: _limits(want.every_s, missed, stale_after_s) for want in self._wants.values()
        }
        self._watches = {name: Watch(self._open.get(name, began_at)) for name in self._wants}
        self._source_limits = _of_sources(self._wants.values(), self._limits)
        self._sources = {name: Watch(began_at) for name in self._source_limits}
        self._log = structlog.get_logger()

    def heard(self, want: Want, asking: Asking, *, at: datetime, mark: bytes) -> None:
        """Something that we want was answered.

        Args:
            want: what.
            asking: by whom.
            at: when.
            mark: what was said, in short.
        """
        watch = heard(self._watches[want.name], at=at, mark=mark, changes=want.changes)
        self._watches[want.name] = watch
        source = self._sources.get(asking.source)
        if source is not None and watch.fresh_at >= at > source.fresh_at:
            self._sources[asking.source] = heard(source, at=at, mark=b"", changes=False)

    def remarks(self) -> str | None:
        """What is not fresh now, for people."""
        return ", ".join(sorted(self._open)) or None

    async def look(self) -> None:
        """Show how fresh everything is; tell what has changed."""
        at = self._clock.now()
        self._show(at)
        for name in [name for name in self._open if name not in self._wants]:
            await self._close(name, at)  # of a setting that is no more
        for name, watch in self._watches.items():
            state = state_of(watch, at, self._limits[name])
            if state is State.FRESH and name in self._open:
                await self._close(name, watch.fresh_at)
            elif state is not State.FRESH and name not in self._open:
                await self._begin(name, watch.fresh_at, state)

    async def _begin(self, name: str, began_at: datetime, state: State) -> None:
        self._open[name] = began_at
        await self._keep()  # first: who is killed here still tells its end
        asked = [asking.source for asking in self._wants[name].askings]
        self._log.warning(f"market_{state}", of=name, sources=asked, since=began_at.isoformat())
        await self._tell(name, began_at, None)

    async def _close(self, name: str, ended_at: datetime) -> None:
        began_at = self._open[name]
        lasted_s = round((ended_at - began_at).total_seconds(), 1)
        self._log.info("market_fresh", of=name, lasted_s=lasted_s)
        await self._tell(name, began_at, max(ended_at, began_at))
        del self._open[name]
        await self._keep()

    async def _tell(self, name: str, began_at: datetime, ended_at: datetime | None) -> None:
        cause = GapCause.SOURCE_SILENT
        await self._hand_on(gap_of(name, cause, began_at, ended_at, reported_by=self._collector_id))

    async def _keep(self) -> None:
        await asyncio.to_thread(self._file.save, dict(self._open))

    def _show(self, at: datetime) -> None:
        for name, watch in self._sources.items():
            known = watch.answered_at is not None
            fresh = known and state_of(watch, at, self._source_limits[name]) is State.FRESH
            gauge("minestream_source_fresh").labels(name).set(fresh)
            age_s = (at - watch.fresh_at).total_seconds()
            gauge("minestream_source_age_seconds").labels(name).set(max(age_s, 0.0))


def _limits(every_s: float, missed: int, stale_after_s: float) -> Limits:
    silent_s = every_s * missed
    return Limits(timedelta(seconds=silent_s), timedelta(seconds=max(silent_s, stale_after_s)))


def _of_sources(wants: Iterable[Want], limits: Mapping[str, Limits]) -> dict[str, Limits]:
    """Of each source that is asked regularly, the limits of what it is asked most often."""
    ordered = sorted(wants, key=lambda want: want.every_s, reverse=True)
    return {want.askings[0].source: limits[want.name] for want in ordered}
