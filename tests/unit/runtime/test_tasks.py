"""Tasks by the clock, in chains and at events: each once at a time, and no fault ends the loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from minestream_runtime.clock import SystemClock
from minestream_runtime.errors import SourceRejectedError, SourceUnavailableError
from minestream_runtime.tasks import Tasks
from minestream_runtime.tasks.agenda import Agenda, End, Terms
from minestream_runtime.tasks.cron import Cron

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOURLY = Terms(Cron("0 * * * *"))


def agenda(**terms: Terms) -> Agenda:
    made = Agenda()
    for name, its in terms.items():
        made.add(name, its, NOON)
    return made


def through(made: Agenda, name: str, at: datetime, end: End = End.OK) -> float | None:
    """Begin and end a task; the pause after it."""
    assert name in made.due(at)
    made.began(name, at)
    pause_s, _ = made.ended(name, end, at)
    return pause_s


def test_a_task_is_due_at_its_ticks_and_once_at_each() -> None:
    made = agenda(a=HOURLY)
    assert made.due(NOON + 59 * MINUTE) == []
    assert made.next_at() == NOON + 60 * MINUTE
    through(made, "a", NOON + 60 * MINUTE)
    assert made.due(NOON + 61 * MINUTE) == []
    assert made.next_at() == NOON + 120 * MINUTE


def test_ticks_that_come_while_it_runs_are_left_out_and_counted() -> None:
    made = agenda(a=HOURLY)
    at = NOON + 60 * MINUTE
    assert made.began("a", at) == 0
    assert made.due(NOON + 121 * MINUTE) == []
    assert made.ended("a", End.OK, NOON + 181 * MINUTE) == (None, 2)
    assert made.due(NOON + 181 * MINUTE) == []
    assert made.next_at() == NOON + 240 * MINUTE


def test_a_machine_that_slept_through_ticks_runs_once_and_counts_the_others() -> None:
    made = agenda(a=HOURLY)
    late = NOON + 330 * MINUTE
    assert made.due(late) == ["a"]
    assert made.began("a", late) == 4
    assert made.ended("a", End.OK, late) == (None, 0)
    assert made.due(late) == []


def test_a_task_that_missed_ticks_in_an_earlier_life_runs_once_at_the_start() -> None:
    for ok_at, due in ((NOON - 26 * 60 * MINUTE, ["a"]), (NOON - 30 * MINUTE, [])):
        made = Agenda(ok_at={"a": ok_at, "gone": NOON})
        made.add("a", Terms(Cron("0 3 * * *")), NOON)
        assert made.due(NOON) == due
        assert made.ok_at == {"a": ok_at, "gone": NOON}


def test_tasks_of_one_tick_are_staggered_each_in_its_own_place_and_replicas_too() -> None:
    terms = Terms(Cron("0 * * * *"), spread_s=600.0)
    made = agenda(**{f"t{number}": terms for number in range(50)})
    at = [made.due(NOON + timedelta(seconds=second)) for second in range(601)]
    assert at[0] == []
    assert len(at[300]) in range(10, 41)
    assert len(at[600]) == 50
    places = set()
    for whose in ("0", "1", "2"):
        one = Agenda(whose=whose)
        one.add("t", terms, NOON)
        places.add(one.next_at())
    assert len(places) == 3


def test_a_task_that_fails_is_tried_again_with_longer_pauses_and_then_waits_for_its_tick() -> None:
    made = agenda(a=Terms(Cron("0 * * * *"), tries=4, pause_s=5.0, longest_pause_s=15.0))
    at, pauses = NOON + 60 * MINUTE, []
    for _ in range(4):
        pause_s = through(made, "a", at, End.AGAIN)
        pauses.append(pause_s)
        at += timedelta(seconds=pause_s or 0.0)
    assert pauses == [5.0, 10.0, 15.0, None]
    assert made.due(at + MINUTE) == []
    assert through(made, "a", NOON + 120 * MINUTE, End.AGAIN) == 5.0


def test_untold_a_task_is_tried_three_times_five_and_ten_seconds_apart() -> None:
    made, at = agenda(a=HOURLY), NOON + 60 * MINUTE
    for pause_s in (5.0, 10.0):
        assert through(made, "a", at, End.AGAIN) == pause_s
        at += timedelta(seconds=pause_s)
    assert through(made, "a", at, End.AGAIN) is None


def test_a_failure_that_trying_again_does_not_mend_waits_for_the_next_tick() -> None:
    made = agenda(a=HOURLY)
    assert through(made, "a", NOON + 60 * MINUTE, End.FAILED) is None
    assert made.next_at() == NOON + 120 * MINUTE


def test_a_task_follows_when_all_before_it_have_succeeded_and_not_when_one_failed() -> None:
    made = agenda(
        a=Terms(on=frozenset({"go"})),
        b=Terms(on=frozenset({"go"})),
        c=Terms(after=("a", "b")),
        d=Terms(after=("c",)),
    )
    assert made.tell("go") == ["a", "b"]
    through(made, "a", NOON)
    through(made, "b", NOON, End.FAILED)
    assert made.due(NOON) == []
    made.tell("go")
    through(made, "b", NOON)
    assert made.due(NOON) == ["a", "c"]
    through(made, "c", NOON)
    assert made.due(NOON) == ["a", "d"]
    through(made, "a", NOON)
    assert made.due(NOON) == ["d"], "c needs b anew too"


def test_an_event_that_comes_while_its_task_runs_makes_it_run_once_more() -> None:
    made = agenda(a=Terms(on=frozenset({"changed"})))
    made.tell("changed")
    made.began("a", NOON)
    made.tell("changed")
    made.tell("changed")
    assert made.due(NOON) == []
    made.ended("a", End.OK, NOON)
    through(made, "a", NOON)
    assert made.due(NOON) == []
    assert made.tell("unknown") == []


def test_a_clock_that_was_ahead_and_is_put_right_leaves_no_task_waiting_for_years() -> None:
    made = Agenda(ok_at={"a": NOON + timedelta(days=900)})
    made.add("a", HOURLY, NOON + timedelta(days=1000))
    assert made.due(NOON + timedelta(days=1000)) == ["a"]
    through(made, "a", NOON + timedelta(days=1000))
    assert made.due(NOON) == []
    assert made.next_at() == NOON + 60 * MINUTE


def test_what_would_never_run_or_follows_nobody_is_refused() -> None:
    made = agenda(a=HOURLY)
    for name, terms, why in (
        ("a", HOURLY, "already"),
        ("b", Terms(), "never runs"),
        ("b", Terms(after=("a", "z")), "unknown ones: z"),
        ("b", Terms(after=("b",)), "unknown ones: b"),
    ):
        with pytest.raises(ValueError, match=why):
            made.add(name, terms, NOON)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(tasks: Tasks) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        loop = group.create_task(tasks.run())
        yield
        loop.cancel()


async def test_whatever_a_task_raises_the_others_go_on_and_it_runs_again_next_time() -> None:
    runs: list[str] = []
    tasks = Tasks(SystemClock())
    faults: dict[str, Exception] = {
        "bug": RuntimeError("boom"),
        "refused": SourceRejectedError("no"),
        "away": SourceUnavailableError("later"),
    }

    async def run(name: str) -> None:
        runs.append(name)
        if name in faults and runs.count(name) < 3:
            raise faults[name]
        if name == "slow" and runs.count(name) == 1:
            await asyncio.sleep(60)

    for name in (*faults, "slow", "well"):
        tasks.add(name, partial(run, name), on={"go"}, pause_s=0.01, deadline_s=0.1)

    def has_run(name: str, count: int) -> bool:
        return runs.count(name) == count

    with capture_logs() as logs:
        async with running(tasks):
            tasks.tell("go")
            await until(lambda: len(runs) == 1 + 1 + 3 + 2 + 1)
            await until(lambda: "well" in runs and tasks.fault() is not None)
            await until(lambda: tasks.fault() == "bug: RuntimeError; refused: source_rejected: no")
            for count in (2, 3):
                tasks.tell("go")
                await until(partial(has_run, "bug", count))
            await until(lambda: tasks.fault() is None)
    said = {(line["event"], line["task"]) for line in logs}
    assert ("task_raised", "bug") in said
    assert {("task_works", name) for name in (*faults, "slow")} <= said


async def test_a_task_that_is_cancelled_from_within_is_tried_again() -> None:
    runs: list[int] = []

    async def run() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise asyncio.CancelledError

    tasks = Tasks(SystemClock())
    tasks.add("a", run, on={"go"}, pause_s=0.01)
    async with running(tasks):
        tasks.tell("go")
        await until(lambda: len(runs) == 2 and tasks.fault() is None)


async def test_each_runs_once_at_a_time_while_others_run_beside_it() -> None:
    under_way: set[str] = set()
    release, most = asyncio.Event(), 0

    async def run(name: str) -> None:
        nonlocal most
        assert name not in under_way
        under_way.add(name)
        most = max(most, len(under_way))
        await release.wait()
        under_way.discard(name)

    tasks = Tasks(SystemClock())
    tasks.add("a", lambda: run("a"), on={"go"})
    tasks.add("b", lambda: run("b"), cron="* * * * * *")
    async with running(tasks):
        tasks.tell("go")
        await until(lambda: most == 2)
        tasks.tell("go")
        await asyncio.sleep(0.02)
        release.set()
        await until(lambda: not under_way)


async def test_a_restart_knows_what_has_succeeded(tmp_path: Path) -> None:
    file = tmp_path / "state" / "tasks"
    runs: list[int] = []

    class Noon(SystemClock):
        at = NOON

        def now(self) -> datetime:
            return self.at

    async def life(at: datetime) -> None:
        clock = Noon()
        clock.at = at

        async def run() -> None:
            runs.append(1)

        tasks = Tasks(clock, state=file)
        tasks.add("daily", run, cron="0 2 * * *", on={"go"})
        async with running(tasks):
            if not file.exists():
                tasks.tell("go")
                await until(file.exists)
            await asyncio.sleep(0.05)

    await life(NOON)
    await life(NOON + timedelta(hours=3))
    assert len(runs) == 1
    await life(NOON + timedelta(days=3))
    assert len(runs) == 2
    file.write_text("{")
    await life(NOON + timedelta(days=3))
    assert len(runs) == 2
