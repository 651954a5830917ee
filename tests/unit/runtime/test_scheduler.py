"""The loop hands over who is due, takes changes at once, and lets no site be flooded."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from prometheus_client import REGISTRY

from minestream_runtime.scheduling.scheduler import (
    AT_ONCE_MOST,
    SHORTEST_SLEEP_S,
    URGENT,
    Ready,
    Scheduler,
)
from minestream_runtime.scheduling.site_gate import SiteGate


class Steps:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(1.7e9 + self.now_s, UTC)

    def monotonic(self) -> float:
        return self.now_s


class Run:
    """A scheduler at work on a clock that a test moves, and what it hands over."""

    def __init__(self, per_s: float | None = None) -> None:
        self.clock, self.asked = Steps(), list[Ready]()
        self.refuse: Callable[[Ready], str | None] = lambda _: None
        self.scheduler = Scheduler(self.clock, self._submit, gate=SiteGate(per_s))

    def _submit(self, ready: Ready) -> str | None:
        self.asked.append(ready)
        return self.refuse(ready)

    async def step(self, seconds: float) -> list[str]:
        """Move the clock, and let the loop see it; whom it hands over."""
        self.clock.now_s += seconds
        before = len(self.asked)
        self.scheduler._wake.set()
        await asyncio.sleep(0)
        await asyncio.sleep(SHORTEST_SLEEP_S / 10)
        return [ready.target for ready in self.asked[before:]]


@asynccontextmanager
async def running(per_s: float | None = None) -> AsyncIterator[Run]:
    this = Run(per_s)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(this.scheduler.run())
        await asyncio.sleep(0)
        yield this
        task.cancel()


def skipped(reason: str) -> float:
    name = "minestream_polls_skipped_total"
    return REGISTRY.get_sample_value(name, {"reason": reason}) or 0.0


async def test_who_is_new_or_changed_is_asked_at_once_and_then_in_turn() -> None:
    async with running() as this:
        this.scheduler.add("a", interval_s=10.0)
        assert await this.step(0.0) == ["a"]
        assert this.asked[-1].priority == URGENT
        found = [await this.step(1.0) for _ in range(25)]
        assert sum(map(len, found)) in (2, 3)
        this.scheduler.add("a", interval_s=20.0, priority=3)
        assert await this.step(0.0) == ["a"]
        found = [await this.step(1.0) for _ in range(45)]
        assert sum(map(len, found)) in (2, 3)
        assert this.asked[-1].priority == 3


async def test_a_whole_fleet_that_comes_at_once_is_asked_in_turn() -> None:
    async with running() as this:
        for number in range(1000):
            this.scheduler.add(f"t{number}", interval_s=60.0)
        assert len(await this.step(0.0)) == AT_ONCE_MOST
        found = [len(await this.step(1.0)) for _ in range(67)]
        assert max(found) < 40
        assert len({ready.target for ready in this.asked}) == 1000


async def test_who_is_hurried_with_a_command_is_asked_at_once_before_all_others() -> None:
    async with running() as this:
        this.scheduler.add("a", interval_s=60.0)
        await this.step(0.0)
        this.scheduler.hurry("a", at_once=True)
        this.scheduler.hurry("unknown", at_once=True)
        assert await this.step(0.0) == ["a"]
        assert this.asked[-1].priority == URGENT
        this.scheduler.settle("a", answered=True)
        assert sum([len(await this.step(1.0)) for _ in range(120)]) in (3, 4, 5)


async def test_one_that_is_removed_is_asked_no_more() -> None:
    async with running(per_s=1.0) as this:
        for number in range(5):
            this.scheduler.add(f"t{number}", interval_s=10.0, site="s")
        first = await this.step(0.0)
        for number in range(5):
            this.scheduler.remove(f"t{number}")
        assert [await this.step(5.0) for _ in range(5)] == [[]] * 5
        assert len(first) <= 1


async def test_the_polls_of_one_site_go_evenly_and_no_site_waits_for_another() -> None:
    async with running(per_s=2.0) as this:
        for number in range(40):
            this.scheduler.add(f"slow{number}", interval_s=10.0, site="slow")
        for number in range(10):
            this.scheduler.add(f"well{number}", interval_s=10.0, site="well")
        this.scheduler.add("alone", interval_s=10.0)
        asked: Counter[str] = Counter()
        before = skipped("site")
        for _ in range(200):
            found = await this.step(0.1)
            each = Counter(name.rstrip("0123456789") for name in found)
            assert each["slow"] <= 1
            asked.update(each)
        assert asked["slow"] == 40
        assert asked["well"] in range(20, 31)
        assert asked["alone"] in (2, 3)
        assert skipped("site") > before


async def test_at_a_site_with_a_weak_link_the_important_keep_their_rate() -> None:
    async with running(per_s=2.0) as this:
        for number in range(40):
            this.scheduler.add(
                f"t{number}", interval_s=10.0, site="s", priority=5 if number < 5 else -1
            )
        for _ in range(400):
            await this.step(0.25)
        asked = Counter(ready.target for ready in this.asked)
        assert all(asked[f"t{number}"] in range(9, 13) for number in range(5))
        assert sum(asked.values()) <= 2 * 100 + 1


async def test_at_a_site_that_is_far_too_weak_nobody_is_forgotten() -> None:
    async with running(per_s=2.0) as this:
        for number in range(40):
            this.scheduler.add(
                f"t{number}", interval_s=10.0, site="s", priority=5 if number < 20 else -1
            )
        for _ in range(800):
            await this.step(0.25)
        asked = Counter(ready.target for ready in this.asked)
    assert min(asked[f"t{number}"] for number in range(20, 40)) >= 1
    assert min(asked[f"t{number}"] for number in range(20)) >= 12, "three quarters of 20 and more"


async def test_why_a_poll_is_left_out_is_counted() -> None:
    async with running() as this:
        this.refuse = lambda _: "overload"
        before = skipped("overload"), skipped("late")
        this.scheduler.add("a", interval_s=10.0)
        await this.step(0.0)
        assert skipped("overload") == before[0] + 1
        await this.step(100.0)
        assert skipped("late") - before[1] in (8, 9, 10)
