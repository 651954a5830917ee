"""Runs tasks when they are due, side by side, each once at a time; none of them ends the loop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from minestream_runtime.clock import Clock
from minestream_runtime.errors import Disposition, MinestreamError
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_runtime.state_file import StateFile
from minestream_runtime.tasks.agenda import Agenda, End, Terms
from minestream_runtime.tasks.cron import Cron

_LONGEST_SLEEP_S: Final = 10.0
"""The wall clock may jump."""
_SHORTEST_SLEEP_S: Final = 0.01


@dataclass(slots=True)
class _Work:
    run: Callable[[], Awaitable[None]]
    deadline_s: float
    fault: str | None = None


class Tasks:
    """A service's tasks.

        tasks = Tasks(clock, zone="Europe/Berlin", state=settings.state_dir / "pool.tasks")
        tasks.add("payouts", poll_payouts, cron="0 * * * *", spread_s=300)
        tasks.add("reconciliation", reconcile, cron="30 2 * * *", on={"account_changed"})
        tasks.add("report", report, after=("payouts", "reconciliation"))
        group.create_task(tasks.run())
        tasks.tell("account_changed")

    What a task raises is logged once per transition and counted. An error that may pass by itself
    (disposition RETRY, or beyond the deadline) is tried again after a pause; any other waits for
    the task's next occasion. A task that has missed its ticks because the process was not there
    runs once at its start, if ``state`` is kept.

    Args:
        clock: instants, for cron; and durations.
        zone: in which lines of cron are read.
        whose: the replica, for the stagger.
        state: the file that keeps when each task last succeeded; None: in memory alone.
    """

    def __init__(
        self, clock: Clock, *, zone: str = "UTC", whose: str = "", state: Path | None = None
    ) -> None:
        self._clock = clock
        self._zone = zone
        self._file = StateFile(state, dict[str, datetime]) if state is not None else None
        known = self._file.load() if self._file is not None else None
        self._agenda = Agenda(whose=whose, ok_at=known)
        self._works: dict[str, _Work] = {}
        self._wake = asyncio.Event()
        self._log = structlog.get_logger()

    def add(
        self,
        name: str,
        run: Callable[[], Awaitable[None]],
        *,
        cron: str | None = None,
        spread_s: float = 0.0,
        after: tuple[str, ...] = (),
        on: set[str] | frozenset[str] = frozenset(),
        tries: int = 3,
        pause_s: float = 5.0,
        deadline_s: float = 600.0,
    ) -> None:
        """Take a task in; at least one of ``cron``, ``after`` and ``on`` says when it runs.

        Args:
            name: its own, in logs and metrics.
            run: does it.
            cron: at these ticks; see ``Cron``.
            spread_s: seconds over which tasks of the same tick are staggered; each has its place.
            after: each time when all of these have succeeded; they are added before it.
            on: each time when one of these events is told.
            tries: at most so many for one occasion.
            pause_s: before the second try, s; doubles each time, up to 300 s.
            deadline_s: for one try.

        Raises:
            ValueError: the line, the zone, the name, or what it comes after is wrong.
        """
        when = Cron(cron, self._zone) if cron is not None else None
        terms = Terms(when, spread_s, tuple(after), frozenset(on), tries, pause_s)
        self._agenda.add(name, terms, self._clock.now())
        self._works[name] = _Work(run, deadline_s)
        for outcome in ("ok", "failed", "left_out"):
            counter("minestream_task_runs_total").labels(name, outcome)
        if (ok_at := self._agenda.ok_at.get(name)) is not None:
            gauge("minestream_task_ok_at_seconds").labels(name).set(ok_at.timestamp())
        self._wake.set()

    def tell(self, event: str) -> None:
        """Something has happened: the tasks that wait for it run, each once more if it runs now."""
        if self._agenda.tell(event):
            self._wake.set()

    def fault(self) -> str | None:
        """Which tasks have failed last time, for people; None: none."""
        failed = [f"{name}: {work.fault}" for name, work in self._works.items() if work.fault]
        return "; ".join(failed) or None

    async def run(self) -> None:
        """Run what is due until cancelled; tasks that run then are cancelled too."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                now = self._clock.now()
                for name in self._agenda.due(now):
                    self._left_out(name, self._agenda.began(name, now))
                    group.create_task(self._run(name, self._works[name]))
                await self._sleep(now)

    async def _sleep(self, now: datetime) -> None:
        at = self._agenda.next_at()
        wait_s = _LONGEST_SLEEP_S if at is None else (at - now).total_seconds()
        try:
            async with asyncio.timeout(min(max(wait_s, _SHORTEST_SLEEP_S), _LONGEST_SLEEP_S)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _run(self, name: str, work: _Work) -> None:
        began_s = self._clock.monotonic()
        end, fault = await self._try(name, work)
        histogram("minestream_task_seconds").labels(name).observe(self._clock.monotonic() - began_s)
        now = self._clock.now()
        again_s, left_out = self._agenda.ended(name, end, now)
        counter("minestream_task_runs_total").labels(
            name, "ok" if end is End.OK else "failed"
        ).inc()
        self._left_out(name, left_out)
        if fault is not None and (fault != work.fault or again_s is None):
            self._log.warning("task_failed", task=name, reason=fault, again_in_s=again_s)
        elif fault is None and work.fault is not None:
            self._log.info("task_works", task=name, after=work.fault)
        work.fault = fault
        if end is End.OK:
            gauge("minestream_task_ok_at_seconds").labels(name).set(now.timestamp())
            if self._file is not None:
                self._file.save(self._agenda.ok_at)
        self._wake.set()

    async def _try(self, name: str, work: _Work) -> tuple[End, str | None]:
        """One try; how it ended, and what for people was wrong."""
        try:
            async with asyncio.timeout(work.deadline_s) as limit:
                await work.run()
        except TimeoutError:
            if limit.expired():
                return End.AGAIN, f"not done within {work.deadline_s:g} s"
            return End.AGAIN, "something that it waited for took too long"
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return End.AGAIN, "it was cancelled from within"
        except MinestreamError as exc:
            retry = exc.disposition is Disposition.RETRY
            return End.AGAIN if retry else End.FAILED, f"{exc.kind}: {exc}"
        except Exception as exc:  # noqa: BLE001 - one task's fault is not the others'
            self._log.exception("task_raised", task=name)
            return End.FAILED, type(exc).__name__
        return End.OK, None

    def _left_out(self, name: str, ticks: int) -> None:
        if ticks:
            counter("minestream_task_runs_total").labels(name, "left_out").inc(ticks)
            self._log.warning("task_ticks_left_out", task=name, ticks=ticks)
