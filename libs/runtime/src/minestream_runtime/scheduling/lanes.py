"""Runs polls side by side under a cap, and the sick ones beside them, so that they delay nobody."""

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar
from weakref import WeakSet

import structlog

from minestream_runtime.clock import Clock
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_runtime.scheduling.line import Line, Waiting

T = TypeVar("T")

HAND_OVER_S: Final = 2.0
"""A poll that takes longer is slow."""


@dataclass(slots=True)
class _Lane:
    """Targets that wait for a slot, in order, and how many hold one."""

    name: str
    cap: int
    running: int = 0
    line: Line = field(default_factory=Line)

    def take(self) -> Waiting | None:
        """The next target that may start, with its slot; None: none waits, or no slot is free."""
        if self.running >= self.cap or (first := self.line.take()) is None:
            return None
        self.running += 1
        return first


@dataclass(slots=True, eq=False)
class _Slot:
    """One poll's place: in the lane where it began, or handed over beside it."""

    lane: _Lane
    handed_over: bool = False
    ended: bool = False


class Lanes(Generic[T]):
    """A fast lane for targets that answer quickly, a slow lane for those that drip or are silent.

    A poll that passes ``hand_over_s`` gives its fast slot back and goes on in the slow lane,
    over the slow cap if need be (else the first minute of a site's outage would block everyone):
    at most ``fast`` such polls at a time, after which fast slots are held. So never more than
    ``2 x fast + slow`` polls are under way. A target whose last poll was slow starts in the slow
    lane until it answers quickly again. Of those that wait the highest priority goes first, so when
    there are more than can be polled it is the lowest that are polled less often (see ``Line``).
    Results are delivered outside both lanes: a broker that hangs holds no slot.

    Args:
        poll: asks one target; answers with a value whatever the target does.
        deliver: hands the value on; may wait.
        clock: measures polls.
        fast: most polls under way in the fast lane.
        slow: most polls that start in the slow lane.
        hand_over_s: what counts as slow, seconds.
        grace_s: at the end polls have so long to finish, seconds; then they are cancelled.
    """

    def __init__(
        self,
        poll: Callable[[str], Awaitable[T]],
        deliver: Callable[[T], Awaitable[None]],
        clock: Clock,
        *,
        fast: int = 256,
        slow: int = 32,
        hand_over_s: float = HAND_OVER_S,
        grace_s: float = 2.0,
    ) -> None:
        self._poll = poll
        self._deliver = deliver
        self._clock = clock
        self._fast = _Lane("fast", fast)
        self._slow = _Lane("slow", slow)
        self._handed_over = 0
        self._overdue: deque[_Slot] = deque()
        self._hand_over_s = hand_over_s
        self._grace_s = grace_s
        self._under_way: set[str] = set()
        self._known_slow: set[str] = set()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()
        self._lateness = histogram("minestream_poll_lateness_seconds")
        self._log = structlog.get_logger()

    @property
    def under_way(self) -> int:
        """Polls that wait for a slot or run."""
        return len(self._under_way)

    @property
    def running(self) -> tuple[int, int]:
        """Polls under way in the fast lane, and in the slow lane or beside."""
        return self._fast.running, self._slow.running + self._handed_over

    def is_slow(self, target: str) -> bool:
        """Does this target start in the slow lane?"""
        return target in self._known_slow

    def forget(self, target: str) -> None:
        """The target is gone."""
        self._known_slow.discard(target)

    def waits(self, target: str) -> bool:
        """Does it wait for a slot?"""
        return target in self._fast.line or target in self._slow.line

    def submit(self, target: str, *, priority: int = 0, due_s: float | None = None) -> bool:
        """Poll a target as soon as its lane has a slot.

        Args:
            target: its id.
            priority: the higher one goes first; one that waits already moves up with a higher.
            due_s: since when it is due, monotonic seconds; None: only now.

        Returns:
            False when its last poll is still under way (or the lanes are closed): skipped.
        """
        if self._group is None:
            return False
        if target in self._under_way:
            return self._move_up(target, -priority)
        self._under_way.add(target)
        lane = self._slow if target in self._known_slow else self._fast
        due_s = self._clock.monotonic() if due_s is None else due_s
        lane.line.put(Waiting(-priority, next(self._numbers), target, due_s))
        self._start_waiting()
        return True

    async def run(self) -> None:
        """Run polls until cancelled; then give those under way ``grace_s`` and end."""
        _show(self)
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._fast.line.clear()
                self._slow.line.clear()
                self._group = None
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._grace_s):
                        await asyncio.gather(*self._tasks)
                _SHOWN.discard(self)

    def _move_up(self, target: str, rank: int) -> bool:
        for lane in (self._fast, self._slow):
            place = lane.line.place_of(target)
            if place is not None and rank < place.rank:
                lane.line.put(place._replace(rank=rank))
                return True
            if place is not None:
                lane.line.pass_over(target)
        return False

    def _start_waiting(self) -> None:
        for lane in (self._fast, self._slow):
            while self._group is not None and (one := lane.take()) is not None:
                task = self._group.create_task(self._run(one.target, one.due_s, _Slot(lane)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _hand_over(self, slot: _Slot) -> None:
        """The poll is slow: give its fast slot to the next, as long as there is room beside."""
        if slot.lane is self._fast:
            self._overdue.append(slot)
            self._make_room()

    def _make_room(self) -> None:
        while self._overdue and self._handed_over < self._fast.cap:
            slot = self._overdue.popleft()
            if not slot.ended:
                slot.handed_over = True
                slot.lane.running -= 1
                self._handed_over += 1
        self._start_waiting()

    def _release(self, slot: _Slot) -> None:
        slot.ended = True
        if slot.handed_over:
            self._handed_over -= 1
        else:
            slot.lane.running -= 1
        self._make_room()

    async def _run(self, target: str, due_s: float, slot: _Slot) -> None:
        watch = asyncio.get_running_loop().call_later(self._hand_over_s, self._hand_over, slot)
        began_s = self._clock.monotonic()
        self._lateness.observe(max(began_s - due_s, 0.0))
        try:
            result = await self._poll(target)
        except Exception:  # noqa: BLE001 - one poll's fault is not the next one's
            self._log.exception("poll_failed", target=target)
            counter("minestream_polls_skipped_total").labels("bug").inc()
            return
        finally:
            watch.cancel()
            self._under_way.discard(target)
            if self._clock.monotonic() - began_s >= self._hand_over_s:
                self._known_slow.add(target)
            else:
                self._known_slow.discard(target)
            self._release(slot)
        try:
            await self._deliver(result)
        except Exception:  # noqa: BLE001 - as above
            self._log.exception("delivery_failed", target=target)


_SHOWN: Final[WeakSet[Lanes[Any]]] = WeakSet()
"""Those of all collectors of this process."""


def _show(lanes: Lanes[Any]) -> None:
    """Count these too; the gauge is looked at when asked, so it costs polls nothing."""
    _SHOWN.add(lanes)
    in_flight = gauge("minestream_polls_in_flight")
    in_flight.labels("fast").set_function(lambda: sum(one.running[0] for one in _SHOWN))
    in_flight.labels("slow").set_function(lambda: sum(one.running[1] for one in _SHOWN))
