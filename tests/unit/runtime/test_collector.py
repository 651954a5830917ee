"""The collector's frame: what it tells of the next poll is when it comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from tests.unit.runtime.outlet_world import World, until, world

from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.collector import Collector, CollectorSettings, Polled
from minestream_runtime.collecting.vitals import Vital
from minestream_runtime.outlet.spool import Spooled
from minestream_schemas.raw import RAW_MINER

INTERVAL_S = 0.15
CLOCK = SystemClock()


@dataclass
class Fleet:
    """Miners that a test plays, and what was told of each poll: when, and until the next."""

    collector: Collector | None = None
    silent: set[str] = field(default_factory=set)
    vitals: dict[str, Vital] = field(default_factory=dict)
    told: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    held: asyncio.Event | None = None
    stalled_s: float = 0.0
    """The longest that this machine had no time for the loop."""

    async def watch(self) -> None:
        while True:
            before_s = CLOCK.monotonic()
            await asyncio.sleep(0.01)
            self.stalled_s = max(self.stalled_s, CLOCK.monotonic() - before_s)

    def intervals(self, target: str) -> list[float]:
        """What was told of a target, in intervals."""
        return [round(told_s / INTERVAL_S, 3) for _, told_s in self.told[target]]

    async def poll(self, target: str) -> Polled:
        assert self.collector is not None
        answered, vital = target not in self.silent, self.vitals.get(target)
        told_s = self.collector.interval_after(target, answered=answered, vital=vital)
        self.told.setdefault(target, []).append((CLOCK.monotonic(), told_s))
        if self.held is not None:
            await self.held.wait()
        event = Spooled(RAW_MINER.name, target.encode(), b"{}", "event", 0.0)
        return Polled(target, answered, RAW_MINER, event, vital)

    def last_s(self, target: str) -> float:
        """What was told last."""
        return self.told[target][-1][1] if target in self.told else 0.0


@asynccontextmanager
async def collecting(outlet_world: World) -> AsyncIterator[tuple[Collector, Fleet]]:
    fleet = Fleet()
    settings = CollectorSettings(demo=True, poll_interval_s=60.0)
    collector = fleet.collector = Collector(settings, CLOCK, fleet.poll, outlet_world.outlet)
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(each) for each in (collector.run(), fleet.watch())]
        await asyncio.sleep(0)
        yield collector, fleet
        for each in running:
            each.cancel()


@pytest.fixture(autouse=True)
def _short_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minestream_runtime.collecting.collector.DEMO_FLOOR_S", 0.05)


def told(fleet: Fleet, target: str, of_interval: float) -> Callable[[], bool]:
    return lambda: fleet.last_s(target) == pytest.approx(of_interval * INTERVAL_S)


async def test_whatever_happens_to_a_target_its_next_poll_comes_when_it_was_told(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as this, collecting(this) as (collector, fleet):
        for name in ("calm", "goes", "changes", "restarts", "hurried"):
            fleet.vitals[name] = Vital("mining", 1000.0)
            collector.add(name, interval_s=INTERVAL_S)
        await until(lambda: len(fleet.told) == 5)
        fleet.silent.add("goes")
        fleet.vitals["changes"] = Vital("stopped", 1060.0)
        fleet.vitals["restarts"] = Vital("mining", 5.0)
        collector.hurry("hurried")
        await until(told(fleet, "goes", 4))
        for name in ("changes", "restarts", "hurried"):
            assert 0.5 in fleet.intervals(name), name
        assert set(fleet.intervals("calm")) == {1.0}
        fleet.silent.discard("goes")
        await until(told(fleet, "goes", 0.5))
        await until(lambda: len(fleet.told["goes"]) > 8)
    for name, polls in fleet.told.items():
        for (at_s, told_s), (next_s, _) in pairwise(polls):
            assert next_s - at_s <= told_s + 0.3 * INTERVAL_S + 0.2 + 2 * fleet.stalled_s, name


async def test_hurrying_ends_after_ten_intervals(tmp_path: Path) -> None:
    async with world(tmp_path) as this, collecting(this) as (collector, fleet):
        collector.add("a", interval_s=INTERVAL_S)
        await until(lambda: "a" in fleet.told)
        began_s = CLOCK.monotonic()
        collector.hurry("a", at_once=True)
        await until(told(fleet, "a", 0.5))
        await until(told(fleet, "a", 1.0))
    hurried = [at_s - began_s for at_s, told_s in fleet.told["a"] if told_s < 0.9 * INTERVAL_S]
    assert hurried[-1] <= 10 * INTERVAL_S + fleet.stalled_s
    assert fleet.told["a"][-1][0] - began_s >= 10 * INTERVAL_S


async def test_of_one_that_is_removed_meanwhile_the_usual_interval_is_told(tmp_path: Path) -> None:
    async with world(tmp_path) as this, collecting(this) as (collector, fleet):
        collector.add("a", interval_s=INTERVAL_S)
        await until(lambda: "a" in fleet.told)
        collector.remove("a")
        assert collector.interval_after("a", answered=True, vital=Vital("x", 1.0)) == 60.0
        before = len(fleet.told["a"])
        await asyncio.sleep(2 * INTERVAL_S)
        assert len(fleet.told["a"]) <= before + 1


async def test_two_collectors_of_one_process_show_the_miners_of_both(tmp_path: Path) -> None:
    def shown() -> float:
        return REGISTRY.get_sample_value("minestream_targets") or 0.0

    (tmp_path / "b").mkdir()
    async with (
        world(tmp_path) as one,
        world(tmp_path / "b") as two,
        collecting(one) as (first, _),
        collecting(two) as (second, _),
    ):
        before = shown()
        for name in ("a", "b", "a"):
            first.add(name, interval_s=60.0)
        second.add("c", interval_s=60.0)
        assert shown() - before == 3
        first.remove("a")
        first.remove("nobody")
        assert shown() - before == 2


async def test_of_one_that_is_removed_during_its_poll_nothing_is_kept(tmp_path: Path) -> None:
    async with world(tmp_path) as this, collecting(this) as (collector, fleet):
        fleet.silent.add("a")
        fleet.held = asyncio.Event()
        collector.add("a", interval_s=INTERVAL_S)
        await until(lambda: "a" in fleet.told)
        collector.remove("a")
        fleet.held.set()
        await until(lambda: b"a" in this.broker.taken)
        assert not collector._silent


async def test_a_poll_that_its_miners_removal_overtook_is_no_fault_of_ours(tmp_path: Path) -> None:
    def skipped(reason: str) -> float:
        labels = {"reason": reason}
        return REGISTRY.get_sample_value("minestream_polls_skipped_total", labels) or 0.0

    async with world(tmp_path) as this, collecting(this) as (collector, _):
        before = skipped("own_fault"), skipped("not_ours")
        nothing = Polled("gone", answered=False, topic=RAW_MINER, event=None)
        await collector._deliver(nothing)
        assert (skipped("own_fault"), skipped("not_ours")) == (before[0], before[1] + 1)
        collector.add("gone", interval_s=60.0)
        await collector._deliver(nothing)
        assert (skipped("own_fault"), skipped("not_ours")) == (before[0] + 1, before[1] + 1)
