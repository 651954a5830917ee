"""Sick targets take slots of their own; healthy ones do not notice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.collector import CollectorSettings
from minestream_runtime.scheduling.lanes import HAND_OVER_S as UNTOLD_S
from minestream_runtime.scheduling.lanes import Lanes

HAND_OVER_S = 0.05


async def nowhere(_: str) -> None:
    return


@asynccontextmanager
async def running(
    poll: Callable[[str], Awaitable[str]],
    deliver: Callable[[str], Awaitable[None]] = nowhere,
    *,
    fast: int = 4,
    slow: int = 2,
    hand_over_s: float = HAND_OVER_S,
    grace_s: float = 0.05,
) -> AsyncIterator[Lanes[str]]:
    lanes = Lanes(
        poll,
        deliver,
        SystemClock(),
        fast=fast,
        slow=slow,
        hand_over_s=hand_over_s,
        grace_s=grace_s,
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(lanes.run())
        await asyncio.sleep(0)
        yield lanes
        task.cancel()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.005)


def test_untold_a_poll_is_slow_after_what_operators_are_told() -> None:
    told = CollectorSettings.model_fields["in_flight"].description or ""
    assert f"those that take over {UNTOLD_S:g} s go on beside" in told


async def test_no_more_polls_run_than_the_cap() -> None:
    under_way, most = 0, 0

    async def poll(target: str) -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return target

    async with running(poll) as lanes:
        assert all(lanes.submit(f"t{number}") for number in range(40))
        await until(lambda: lanes.under_way == 0)
    assert most == 4


async def test_a_target_is_not_polled_while_its_last_poll_is_under_way() -> None:
    release = asyncio.Event()

    async def poll(target: str) -> str:
        await release.wait()
        return target

    async with running(poll) as lanes:
        assert lanes.submit("t")
        assert not lanes.submit("t")
        release.set()
        await until(lambda: lanes.under_way == 0)
        assert lanes.submit("t")


async def test_a_slow_poll_hands_its_slot_back_and_starts_in_the_slow_lane_next_time() -> None:
    release, polled = asyncio.Event(), Counter[str]()

    async def poll(target: str) -> str:
        polled[target] += 1
        if target.startswith("slow"):
            await release.wait()
        return target

    async with running(poll) as lanes:
        for number in range(4):
            lanes.submit(f"slow{number}")
        lanes.submit("quick")
        assert polled["quick"] == 0
        await until(lambda: polled["quick"] == 1)
        release.set()
        await until(lambda: lanes.under_way == 0)
        assert [lanes.is_slow(f"slow{number}") for number in range(4)] == [True] * 4
        assert not lanes.is_slow("quick")
        release.clear()
        for number in range(4):
            lanes.submit(f"slow{number}")
        await asyncio.sleep(0.02)
        assert sum(polled[f"slow{number}"] for number in range(4)) == 4 + 2  # slow cap is 2
        lanes.submit("quick")
        await until(lambda: polled["quick"] == 2)
        release.set()
        await until(lambda: lanes.under_way == 0)


async def test_it_leaves_the_slow_lane_when_it_answers_quickly_again() -> None:
    pause_s = HAND_OVER_S * 1.5

    async def poll(target: str) -> str:
        await asyncio.sleep(pause_s)
        return target

    async with running(poll) as lanes:
        lanes.submit("t")
        await until(lambda: lanes.under_way == 0)
        assert lanes.is_slow("t")
        pause_s = 0.0
        lanes.submit("t")
        await until(lambda: lanes.under_way == 0)
        assert not lanes.is_slow("t")


async def test_a_site_that_goes_dark_never_has_more_than_twice_the_cap_under_way() -> None:
    under_way, most = 0, 0

    async def poll(target: str) -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(HAND_OVER_S * 4)
        under_way -= 1
        return target

    async with running(poll) as lanes:
        for number in range(30):
            lanes.submit(f"t{number}")
        await until(lambda: lanes.under_way == 0)
    assert most == 8


async def test_a_delivery_that_hangs_holds_no_slot() -> None:
    polled, delivered = Counter[str](), asyncio.Event()

    async def poll(target: str) -> str:
        polled[target] += 1
        return target

    async def deliver(_: str) -> None:
        await delivered.wait()

    async with running(poll, deliver, fast=1) as lanes:
        for _ in range(5):
            assert lanes.submit("t")
            await until(lambda: lanes.under_way == 0)
        delivered.set()
    assert polled["t"] == 5


def lost() -> float:
    labels = {"reason": "bug"}
    return REGISTRY.get_sample_value("minestream_polls_skipped_total", labels) or 0.0


@pytest.mark.parametrize("where", ["poll", "deliver"])
async def test_a_fault_of_our_own_costs_one_poll_only(where: str) -> None:
    delivered: list[str] = []

    async def poll(target: str) -> str:
        if target == "bad" and where == "poll":
            raise RuntimeError("boom")
        return target

    async def deliver(target: str) -> None:
        if target == "bad":
            raise RuntimeError("boom")
        delivered.append(target)

    before = lost()
    async with running(poll, deliver) as lanes:
        lanes.submit("bad")
        lanes.submit("good")
        await until(lambda: delivered == ["good"])
        assert lost() - before == (where == "poll")
        assert lanes.submit("bad")


async def test_at_the_end_polls_finish_within_the_grace_or_are_cancelled() -> None:
    finished: list[str] = []

    async def poll(target: str) -> str:
        await asyncio.sleep(0.02 if target == "short" else 30)
        return target

    async def deliver(target: str) -> None:
        finished.append(target)

    async with asyncio.timeout(5), running(poll, deliver, grace_s=0.2) as lanes:
        lanes.submit("short")
        lanes.submit("long")
        await asyncio.sleep(0)
    assert finished == ["short"]
    assert not lanes.submit("short")


async def test_with_more_than_can_be_polled_the_important_keep_their_rate_and_others_wait() -> None:
    polled: Counter[str] = Counter()
    ends = asyncio.Semaphore(0)
    ticks = 7

    async def poll(target: str) -> str:
        await ends.acquire()
        polled[target] += 1
        return target

    async with running(poll, hand_over_s=60.0) as lanes:
        left_out: Counter[str] = Counter()
        for tick in range(1, ticks + 1):  # time for 20 polls; 10 + 40 targets want one
            for number in range(40):
                left_out["usual"] += not lanes.submit(f"usual{number}")
            for number in range(10):
                left_out["important"] += not lanes.submit(f"important{number}", priority=5)
            for _ in range(20):
                ends.release()
            await until(lambda many=20 * tick: polled.total() == many)  # type: ignore[misc]
    assert left_out["important"] == 0
    assert all(polled[f"important{number}"] == ticks for number in range(10))
    assert left_out["usual"] > 20
    assert all(polled[f"usual{number}"] for number in range(40)), "who is left out waits already"


async def test_under_lasting_overload_the_lowest_are_polled_now_and_then() -> None:
    polled: Counter[str] = Counter()
    slots = asyncio.Semaphore(0)

    async def poll(target: str) -> str:
        await slots.acquire()
        polled[target] += 1
        return target

    rounds = 60
    async with running(poll, fast=1, hand_over_s=60.0) as lanes:
        for number in range(rounds):  # one slot for five that are due
            for name in ("important", "important too"):
                lanes.submit(name, priority=5)
            for name in ("a", "b", "c"):
                lanes.submit(name)
            slots.release()
            await until(lambda many=number + 1: polled.total() == many)  # type: ignore[misc]
    assert min(polled[name] for name in ("a", "b", "c")) >= 3
    assert polled["important"] + polled["important too"] >= rounds * 3 // 4 - 2


async def test_what_is_urgent_goes_before_all_that_wait_also_where_it_waited_already() -> None:
    release, order = asyncio.Event(), list[str]()

    async def poll(target: str) -> str:
        order.append(target)
        await release.wait()
        return target

    async with running(poll, fast=1) as lanes:
        for name in ("running", "a", "b", "c"):
            assert lanes.submit(name)
        assert lanes.submit("new", priority=50)
        assert lanes.submit("c", priority=100)
        assert not lanes.submit("c", priority=100), "it is in front already"
        assert not lanes.submit("running", priority=100), "it runs"
        assert lanes.waits("a")
        assert not lanes.waits("running")
        release.set()
        await until(lambda: lanes.under_way == 0)
    assert order == ["running", "c", "new", "a", "b"]


async def test_lateness_counts_from_when_a_target_was_due_until_its_poll_begins() -> None:
    name = "minestream_poll_lateness_seconds_sum"
    before = REGISTRY.get_sample_value(name) or 0.0

    async def poll(target: str) -> str:
        await asyncio.sleep(0.05)
        return target

    async with running(poll, fast=1) as lanes:
        now_s = SystemClock().monotonic()
        lanes.submit("a", due_s=now_s - 7.0)
        lanes.submit("b", due_s=now_s)
        await until(lambda: lanes.under_way == 0)
    assert 7.04 < (REGISTRY.get_sample_value(name) or 0.0) - before < 9.0


async def test_the_polls_under_way_of_all_lanes_of_a_process_are_shown() -> None:
    release = asyncio.Event()

    async def poll(target: str) -> str:
        await release.wait()
        return target

    def shown(lane: str) -> float:
        return REGISTRY.get_sample_value("minestream_polls_in_flight", {"lane": lane}) or 0.0

    before = shown("fast") + shown("slow")
    async with running(poll) as one, running(poll) as other:
        for lanes in (one, other):
            lanes.submit("a")
        await until(lambda: sum(one.running) + sum(other.running) == 2)
        assert shown("fast") + shown("slow") - before == 2
        release.set()
    assert shown("fast") + shown("slow") == before
