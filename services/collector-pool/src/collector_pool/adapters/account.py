"""One account at one pool: its snapshots, each built once per cycle, and its income."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any, Final

import structlog

from collector_pool.adapters.asking import Asker, earliest
from collector_pool.adapters.teller import Teller
from collector_pool.domain.cycles import Given, event_of
from minestream_dialects.pools.port import Account, Call, Pool, Span
from minestream_runtime.clock import Clock, new_event_id
from minestream_runtime.errors import SourceRejectedError, SourceUnavailableError
from minestream_runtime.tasks import Tasks
from minestream_schemas.pool import PoolMessage, RawPool
from minestream_schemas.raw import PollStatus

LATELY: Final = timedelta(days=2)
LONG: Final = timedelta(days=35)
STARTED: Final = "pools_started"
_INCOME: Final = (PoolMessage.REWARDS, PoolMessage.PAYOUTS)
_LEAST_PAUSE_S: Final = 0.05


class Follower:
    """Follows an account.

    Args:
        account: as its operator describes it.
        pool: where it is.
        asker: asks for it.
        teller: publishes.
        collector_id: who we are.
        clock: instants and durations.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        account: Account,
        pool: Pool[Any],
        asker: Asker,
        teller: Teller,
        *,
        collector_id: str,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._account = account
        self._pool = pool
        self._asker = asker
        self._teller = teller
        self._collector_id = collector_id
        self._clock = clock
        self._sleep = sleep
        self._failing: dict[str, str] = {}
        self._log = structlog.get_logger().bind(account_id=account.account_id, source=pool.name)

    async def run(self) -> None:
        """Tell a snapshot in each interval, and one more when a pause is over, until cancelled."""
        due_s = self._clock.monotonic()
        while True:
            between = self._clock.monotonic() < due_s
            given = await self._cycle(PoolMessage.SNAPSHOT, LATELY, between=between)
            now_s = self._clock.monotonic()
            if not between:
                due_s = max(due_s + self._account.interval_s, now_s + _LEAST_PAUSE_S)
            wait_s, again_at = max(due_s - now_s, _LEAST_PAUSE_S), earliest(given)
            if again_at is not None:
                held_s = (again_at - self._clock.now()).total_seconds()
                wait_s = min(wait_s, max(held_s, _LEAST_PAUSE_S))
            await self._sleep(wait_s)

    def add_tasks(self, tasks: Tasks, *, payouts: str, history: str, reconcile: str) -> None:
        """Take in what runs by the clock.

        Args:
            tasks: the service's.
            payouts: line of cron: what was paid lately.
            history: what was earned lately.
            reconcile: both, for five weeks; also once at the start.
        """
        calls = self._calls(LATELY)
        about = {call.message for call in calls}
        name = self._account.account_id
        if not about & set(_INCOME):
            return
        paid = PoolMessage.PAYOUTS if PoolMessage.PAYOUTS in about else PoolMessage.REWARDS

        async def payouts_lately() -> None:
            await self._income(paid, LATELY)

        async def earned_lately() -> None:
            await self._income(PoolMessage.REWARDS, LATELY)

        async def all_again() -> None:
            for message in _INCOME:
                if message in about:
                    await self._income(message, LONG)

        tasks.add(f"payouts {name}", payouts_lately, cron=payouts, spread_s=120)
        if paid is not PoolMessage.REWARDS:
            tasks.add(f"history {name}", earned_lately, cron=history, spread_s=600)
        tasks.add(
            f"reconcile {name}", all_again, cron=reconcile, on=frozenset({STARTED}), spread_s=1200
        )

    def note(self) -> str | None:
        """What is unusual, for whoever looks at our health."""
        if self._asker.refused:
            whose = f"{self._pool.name} refuses the key of {self._account.account_id}"
            return f"{whose}: {self._asker.refusals}"
        failing = "; ".join(f"{name}: {why}" for name, why in sorted(self._failing.items()))
        return f"{self._account.account_id}: {failing}" if failing else None

    async def _income(self, message: PoolMessage, span: timedelta) -> None:
        """Ask for income and tell it.

        Raises:
            SourceRejectedError: the pool refuses the key.
            SourceUnavailableError: it gave nothing; worth another try.
        """
        given = await self._cycle(message, span)
        if all(each.status is PollStatus.OK and not each.stale for each in given):
            return
        why = next((each.error for each in given if each.error), "nothing came")
        if any(self._asker.refuses(each.name) for each in given):
            raise SourceRejectedError(why)
        raise SourceUnavailableError(why)

    def _calls(self, span: timedelta) -> tuple[Call, ...]:
        now = self._clock.now()
        return self._pool.calls(self._account, Span(now - span, now))

    async def _cycle(
        self, message: PoolMessage, span: timedelta, *, between: bool = False
    ) -> list[Given]:
        """Ask all calls of one kind, and tell what came.

        Args:
            message: which kind.
            span: how far back, of income.
            between: two cycles; then nothing is told but a new answer.
        """
        about = "" if message is PoolMessage.SNAPSHOT else f"{span.days} days"
        given = [
            await self._asker.ask(call, about=about)
            for call in self._calls(span)
            if call.message is message
        ]
        self._tell_transitions(given)
        news = [each for each in given if each.asked and each.status is PollStatus.OK]
        news = [each for each in news if not each.stale]
        if news or (not between and any(each.asked or each.stale for each in given)):
            await self._teller.tell(self._event(message, given), news=_bodies(news))
        return given

    def _event(self, message: PoolMessage, given: list[Given]) -> RawPool:
        now = self._clock.now()
        return event_of(
            given,
            new_event_id(now),
            account_id=self._account.account_id,
            pool=self._pool.name,
            message=message,
            collector_id=self._collector_id,
            at=now,
            coin=self._account.coin,
            payout_scheme=self._account.payout_scheme,
        )

    def _tell_transitions(self, given: Iterable[Given]) -> None:
        for each in given:
            if each.error is None and each.name in self._failing:
                del self._failing[each.name]
                self._log.info("source_answers", call=each.name)
            elif each.error is not None and each.name not in self._failing:
                self._log.warning(
                    "source_fails",
                    call=each.name,
                    error=each.why,
                    shown_meanwhile="the last answer" if each.stale else None,
                    until=each.not_before.isoformat() if each.not_before else None,
                )
            if each.error is not None:
                self._failing[each.name] = each.why


def _bodies(given: Iterable[Given]) -> dict[str, str]:
    return {name: body.body or "" for each in given for name, body in each.endpoints.items()}
