"""A collector's frame: who is due is polled, and what came back goes out. What, others know."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from pydantic import Field, ValidationInfo, field_validator

from minestream_runtime.clock import Clock
from minestream_runtime.collecting.vitals import Vital, changed, remembered
from minestream_runtime.metrics import counter, gauge
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.settings import OutletSettings
from minestream_runtime.outlet.spool import Spooled
from minestream_runtime.scheduling.lanes import Lanes
from minestream_runtime.scheduling.pace import Tempo
from minestream_runtime.scheduling.scheduler import Ready, Scheduler
from minestream_runtime.scheduling.site_gate import SiteGate
from minestream_schemas.event import Topic

FLOOR_S = 10.0
DEMO_FLOOR_S = 1.0
_GARBAGE_AFTER = (10_000, 20, 20)
"""Python's default, 700, looks for cycles several times per poll, and there are hardly any."""


def _floor_s(*, demo: bool) -> float:
    return DEMO_FLOOR_S if demo else FLOOR_S


class CollectorSettings(OutletSettings):
    """What a collector that polls miners is told."""

    demo: bool = Field(
        default=False,
        description="for demonstrations and tests only, never for real devices: "
        "lowers the shortest poll interval from 10 s to 1 s",
    )
    poll_interval_s: float = Field(default=60.0, gt=0, le=86_400, description="the default")
    poll_deadline_s: float = Field(
        default=10.0, gt=0, le=60, description="for one whole answer: connect, headers, body"
    )
    in_flight: int = Field(
        default=256,
        ge=1,
        le=10_000,
        description="polls at a time; those that take over 2 s go on beside, as many again at most",
    )
    slow_in_flight: int = Field(
        default=32, ge=1, le=10_000, description="polls at a time that begin in the slow lane"
    )

    poll_calm: bool = Field(
        default=False,
        description="miners that have answered as ever for 30 polls are asked less often, up to "
        "each 300 s; whatever happens to them is seen that much later",
    )
    poll_hurry_score: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="an anomaly with at least this score has its miner polled twice as often for "
        "ten of its intervals; 0: none has",
    )
    poll_site_rate: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="polls per second and site at most, evenly, of each replica; "
        "empty: as many as are due",
    )

    @field_validator("poll_interval_s")
    @classmethod
    def _above_floor(cls, interval_s: float, told: ValidationInfo) -> float:
        demo = bool(told.data.get("demo"))
        if interval_s < (floor_s := _floor_s(demo=demo)):
            hint = "" if demo else " (MINESTREAM_DEMO=1 allows 1 s, for demonstrations)"
            raise ValueError(f"at least {floor_s:g} s{hint}")
        return interval_s

    @property
    def floor_s(self) -> float:
        """The shortest poll interval."""
        return _floor_s(demo=self.demo)

    def interval_of(self, wanted_s: float | None) -> float:
        """A target's interval: its own or the default, never below the floor."""
        return max(self.floor_s, wanted_s or self.poll_interval_s)


@dataclass(frozen=True, slots=True)
class Polled:
    """One poll's result.

    Args:
        target: who was polled.
        answered: did it answer at all? Who does not is asked less often.
        topic: where the event goes.
        event: None: nothing to tell (our own fault; where it answered, it is another's target).
        vital: what the target said of itself; a change makes it be asked more often for a while.
    """

    target: str
    answered: bool
    topic: Topic
    event: Spooled | None
    vital: Vital | None = None


class Collector:
    """Scheduler, lanes and outlet, put together.

    Args:
        settings: caps.
        clock: for all of it.
        poll: asks one target.
        outlet: opened by the caller.
    """

    def __init__(
        self,
        settings: CollectorSettings,
        clock: Clock,
        poll: Callable[[str], Awaitable[Polled]],
        outlet: Outlet,
    ) -> None:
        self._outlet = outlet
        self._usual_s = settings.poll_interval_s
        self._shown = 0
        self._silent: set[str] = set()
        self._vitals: dict[str, Vital] = {}
        self._log = structlog.get_logger()
        self._lanes = Lanes(
            poll,
            self._deliver,
            clock,
            fast=settings.in_flight,
            slow=settings.slow_in_flight,
        )
        self._scheduler = Scheduler(
            clock,
            self._submit,
            tempo=Tempo(settings.floor_s, settings.poll_calm),
            gate=SiteGate(settings.poll_site_rate),
        )

    def add(
        self, target: str, *, interval_s: float, priority: int = 0, site: str | None = None
    ) -> None:
        """Poll a target from now on, or otherwise than before; one that is new is polled at once.

        Args:
            target: its id.
            interval_s: between its polls when nothing is the matter, s.
            priority: of two that wait the higher one is polled first.
            site: whose link its polls share; None: nobody's.
        """
        self._scheduler.add(target, interval_s=interval_s, priority=priority, site=site)
        self._show()

    def remove(self, target: str) -> None:
        """Poll a target no more."""
        self._scheduler.remove(target)
        self._lanes.forget(target)
        self._silent.discard(target)
        self._vitals.pop(target, None)
        self._show()

    def hurry(self, target: str, for_s: float | None = None, *, at_once: bool = False) -> None:
        """Poll a target twice as often for a while; one that is not ours is left alone.

        Args:
            target: which.
            for_s: for so long, s; None: ten of its intervals, ten minutes at most.
            at_once: and poll it now, before any that waits: somebody has told it to do something.
        """
        self._scheduler.hurry(target, for_s=for_s, at_once=at_once)

    def interval_after(self, target: str, *, answered: bool, vital: Vital | None = None) -> float:
        """Seconds until its next poll, if this one ended so: what its event says.

        Args:
            target: who was polled; of one that has just been removed, the usual interval.
            answered: as ``Polled`` will tell.
            vital: likewise.
        """
        has_changed = changed(self._vitals.get(target), vital)
        found = self._scheduler.period_after(target, answered=answered, changed=has_changed)
        return self._usual_s if found is None else found

    def _submit(self, ready: Ready) -> str | None:
        """Take a target that is due; why not, in a word."""
        if self._lanes.submit(ready.target, priority=ready.priority, due_s=ready.due_s):
            return None
        return "overload" if self._lanes.waits(ready.target) else "busy"

    async def run(self) -> None:
        """Collect until cancelled; polls under way are given 2 s to finish."""
        gc.set_threshold(*_GARBAGE_AFTER)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._outlet.run())
            group.create_task(self._lanes.run())
            group.create_task(self._scheduler.run())

    async def _deliver(self, polled: Polled) -> None:
        if polled.event is None:
            ours = polled.target in self._scheduler.schedule and not polled.answered
            reason = "own_fault" if ours else "not_ours"
            counter("minestream_polls_skipped_total").labels(reason).inc()
            return
        if polled.target in self._scheduler.schedule:  # it may have been removed meanwhile
            self._settle(polled)
            self._tell_transition(polled)
        await self._outlet.publish(polled.topic, polled.event)

    def _settle(self, polled: Polled) -> None:
        before = self._vitals.get(polled.target)
        now = remembered(before, polled.vital)
        if now is not None:
            self._vitals[polled.target] = now
        has_changed = changed(before, polled.vital)
        self._scheduler.settle(polled.target, answered=polled.answered, changed=has_changed)

    def _tell_transition(self, polled: Polled) -> None:
        if polled.answered and polled.target in self._silent:
            self._silent.discard(polled.target)
            self._log.info("target_answers", target=polled.target)
        elif not polled.answered and polled.target not in self._silent:
            self._silent.add(polled.target)
            self._log.warning("target_silent", target=polled.target)

    def _show(self) -> None:
        """Add ours to those of the process's other collectors, where there are any."""
        there = len(self._scheduler.schedule)
        gauge("minestream_targets").inc(there - self._shown)
        self._shown = there
