"""Tells which targets are due and may be polled now; knows nothing of what a poll is."""

import asyncio
import sys
from collections.abc import Callable
from typing import Final, NamedTuple

from minestream_runtime.clock import Clock
from minestream_runtime.metrics import counter
from minestream_runtime.scheduling.pace import Tempo
from minestream_runtime.scheduling.schedule import Due, Schedule
from minestream_runtime.scheduling.site_gate import SiteGate

SHORTEST_SLEEP_S: Final = 0.01
"""Never shorter than 1 ms: uvloop spins on shorter ones (42 % of a core, measured)."""
_LONGEST_SLEEP_S: Final = 1.0
AT_ONCE_MOST: Final = 50
AT_ONCE_PER_S: Final = 5.0
URGENT: Final = 100
"""The priority of what is asked for out of turn: above any that an inventory knows."""


class Ready(NamedTuple):
    """A target that may be polled now.

    Args:
        target: its id.
        due_s: since when it is due, monotonic seconds.
        priority: of those that wait for a place the higher one goes first.
    """

    target: str
    due_s: float
    priority: int


class Scheduler:
    """The loop around a ``Schedule``: hands over each target when it is due and may go.

    Args:
        clock: its monotonic seconds count; the wall clock is looked at once, for the phases.
        submit: takes a target that is due at once (no waiting); else it says why not, in a word.
        tempo: by which rules periods follow.
        gate: how fast the polls of one site may go.
    """

    def __init__(
        self,
        clock: Clock,
        submit: Callable[[Ready], str | None],
        *,
        tempo: Tempo | None = None,
        gate: SiteGate | None = None,
    ) -> None:
        self._clock = clock
        self._submit = submit
        self._gate = gate or SiteGate()
        self._sites: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._out_of_turn = float(AT_ONCE_MOST)
        self._counted_s = clock.monotonic()
        offset_s = clock.now().timestamp() - clock.monotonic()
        self.schedule = Schedule(wall_offset_s=offset_s, tempo=tempo)

    def add(
        self, target: str, *, interval_s: float, priority: int = 0, site: str | None = None
    ) -> None:
        """Take a target in, or change it.

        It is asked at once, as somebody has just entered or changed it; but not more than a few of
        them each second: who takes over a whole shard asks it in turn.
        """
        now_s = self._clock.monotonic()
        self.schedule.add(target, interval_s=interval_s, now_s=now_s, priority=priority)
        if site is None:
            self._sites.pop(target, None)
        else:
            self._sites[target] = sys.intern(site)
        if self._may_go_out_of_turn(now_s):
            self.schedule.at_once(target, now_s=now_s)
        self._wake.set()

    def remove(self, target: str) -> None:
        """Let a target go."""
        self.schedule.remove(target)
        self._gate.forget(target)
        self._sites.pop(target, None)

    def hurry(self, target: str, *, for_s: float | None = None, at_once: bool = False) -> None:
        """Ask it twice as often for a while, and if so wished also at once.

        One that is not there is nobody's business here.
        """
        now_s = self._clock.monotonic()
        if self.schedule.hurry(target, now_s=now_s, for_s=for_s):
            if at_once:
                self.schedule.at_once(target, now_s=now_s)
            self._wake.set()

    def settle(self, target: str, *, answered: bool, changed: bool = False) -> None:
        """Tell how its poll ended, so that it is asked more or less often."""
        now_s = self._clock.monotonic()
        self.schedule.settle(target, now_s=now_s, answered=answered, changed=changed)

    def period_after(self, target: str, *, answered: bool, changed: bool = False) -> float | None:
        """See ``Schedule``."""
        now_s = self._clock.monotonic()
        return self.schedule.period_after(target, now_s=now_s, answered=answered, changed=changed)

    async def run(self) -> None:
        """Hand out due targets until cancelled."""
        skipped = counter("minestream_polls_skipped_total")
        for reason in ("late", "busy", "overload", "site"):
            skipped.labels(reason)
        while True:
            self._wake.clear()
            now_s = self._clock.monotonic()
            for due in self.schedule.due(now_s):
                if due.skipped:
                    skipped.labels("late").inc(due.skipped)
                self._enter(due, now_s)
            for one in self._gate.leave(now_s):
                self._hand_over(Ready(one.target, one.due_s, -one.rank))
            await self._sleep()

    def _enter(self, due: Due, now_s: float) -> None:
        """Let a due target pass, or wait for its site's turn."""
        target, due_s = due.target, now_s - due.late_s
        priority = URGENT if due.urgent else self.schedule.priority_of(target)
        if target in self._gate and not due.urgent:
            counter("minestream_polls_skipped_total").labels("site").inc()
            self._gate.pass_over(target)
        elif self._gate.enter(target, self._sites.get(target), priority=priority, due_s=due_s):
            self._hand_over(Ready(target, due_s, priority))

    def _hand_over(self, ready: Ready) -> None:
        reason = self._submit(ready)
        if reason is not None:
            counter("minestream_polls_skipped_total").labels(reason).inc()

    def _may_go_out_of_turn(self, now_s: float) -> bool:
        more = (now_s - self._counted_s) * AT_ONCE_PER_S
        self._counted_s = now_s
        self._out_of_turn = min(self._out_of_turn + more, AT_ONCE_MOST)
        if self._out_of_turn < 1:
            return False
        self._out_of_turn -= 1
        return True

    async def _sleep(self) -> None:
        now_s = self._clock.monotonic()
        times = [
            at_s for at_s in (self.schedule.next_due(), self._gate.next_s()) if at_s is not None
        ]
        wait_s = min(times) - now_s if times else _LONGEST_SLEEP_S
        try:
            async with asyncio.timeout(min(max(wait_s, SHORTEST_SLEEP_S), _LONGEST_SLEEP_S)):
                await self._wake.wait()
        except TimeoutError:
            return
