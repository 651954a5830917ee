"""Asks the pool over HTTP: always for what only HTTP tells, and for all while the feed is down."""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from math import inf

import structlog

from collector_pool.adapters.asking import tell
from collector_pool.adapters.standing import Standing
from collector_pool.adapters.teller import Teller
from collector_pool.domain.sayings import HTTP, PROXY, Saying, answered, failed, updating
from collector_pool.settings import PoolSettings
from minestream_runtime.breaker import Breaker
from minestream_runtime.clock import Clock
from minestream_runtime.polite import Answer, PoliteClient
from minestream_runtime.polite.gate import of_gate
from minestream_schemas.pool import PoolMessage
from minestream_schemas.raw import PollStatus


@dataclass(frozen=True, slots=True)
class Poll:
    """Something that is asked again and again.

    Args:
        client: whom.
        path: below its address.
        dialect: of the answer.
        message: what about.
        every_s: how often.
        always: also while the feed is there.
        keyed: the account's key goes along.
    """

    client: PoliteClient
    path: str
    dialect: str
    message: PoolMessage
    every_s: float
    always: bool = False
    keyed: bool = False


class Web:
    """The polls of one account.

    Args:
        settings: the key, and how long a refused one rests.
        polls: what is asked.
        standing: whether the feed is down.
        teller: publishes.
        clock: instants and durations.
    """

    def __init__(
        self,
        settings: PoolSettings,
        polls: list[Poll],
        standing: Standing,
        teller: Teller,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._polls = polls
        self._standing = standing
        self._teller = teller
        self._clock = clock
        self._fed: dict[str, bool] = {}
        self._failing: set[str] = set()
        self._workers_told_s = -inf
        self._breakers: defaultdict[PoliteClient, Breaker] = defaultdict(Breaker)
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            for poll in self._polls:
                group.create_task(self._keep_asking(poll))

    async def _keep_asking(self, poll: Poll) -> None:
        due_s = self._clock.monotonic()
        while True:
            if not poll.always:
                await self._standing.down.wait()
            left_s = due_s - self._clock.monotonic()
            if left_s > 0:
                await asyncio.sleep(left_s)
                continue
            status = await self._ask(poll)
            refused = status is PollStatus.UNAUTHORISED
            pause_s = self._settings.pool_refused_s if refused else poll.every_s
            due_s = self._clock.monotonic() + max(pause_s, poll.every_s)

    async def _ask(self, poll: Poll) -> PollStatus:
        breaker = self._breakers[poll.client]
        if not breaker.allows(self._clock.monotonic()):
            return PollStatus.ERROR  # it was away five times in a row, and rests
        key = self._settings.pool_api_key
        params = {"apiKey": key} if poll.keyed and key is not None else {}
        answer = await poll.client.ask(poll.path, params=params, urgent=self._is_urgent(poll))
        answer = of_gate(answer, keyed=poll.keyed or poll.dialect == PROXY)
        tell(breaker, answer, self._clock.monotonic())
        sayings = _sayings(poll, answer)
        status = sayings[0].status if sayings else PollStatus.OK
        if poll.message is PoolMessage.WORKER and status is PollStatus.OK:
            self._workers_told_s = self._clock.monotonic()
        if poll.keyed and status is PollStatus.UNAUTHORISED:
            self._standing.key_refused(sayings[0].error or "")
        elif poll.keyed and status is PollStatus.OK:
            self._standing.key_taken()
        self._tell_transition(poll, status, sayings)
        await self._teller.publish(sayings, updating=self._is_fed(poll, status, answer))
        return status

    def _is_urgent(self, poll: Poll) -> bool:
        """May it use what the quota keeps? Workers may, when what they said last is half stale."""
        age_s = self._clock.monotonic() - self._workers_told_s
        return poll.message is PoolMessage.WORKER and age_s > self._settings.pool_fresh_s / 2

    def _is_fed(self, poll: Poll, status: PollStatus, answer: Answer) -> bool:
        """The open proxy says by its status whether its rates are alive."""
        if poll.message is PoolMessage.STATUS and status is PollStatus.OK:
            self._fed[poll.dialect] = updating(json.loads(answer.body or b"null"))
        return self._fed.get(poll.dialect, True)

    def _tell_transition(self, poll: Poll, status: PollStatus, sayings: list[Saying]) -> None:
        name = f"{poll.dialect}/{poll.path}"
        if status is PollStatus.OK and name in self._failing:
            self._failing.discard(name)
            self._log.info("source_answers", path=poll.path)
        elif status is not PollStatus.OK and name not in self._failing:
            self._failing.add(name)
            self._log.warning(
                "source_fails", path=poll.path, status=status.value, error=sayings[0].error
            )


def _sayings(poll: Poll, answer: Answer) -> list[Saying]:
    saying = Saying(
        poll.dialect,
        poll.message,
        answer.fetched_at,
        latency_ms=answer.latency_ms,
        http_status=answer.http_status,
        snapshot=True,
    )
    if answer.status is PollStatus.OK and answer.body is not None:
        return answered(saying, answer.body.decode(errors="replace"))
    garbage = answer.status is PollStatus.GARBAGE and answer.body is not None
    body = (answer.body or b"").decode(errors="replace") if garbage else None
    return [failed(saying, answer.status, answer.error or answer.status.value, body)]


def polls_of(
    settings: PoolSettings, http: PoliteClient | None, proxy: PoliteClient | None, *, feed: bool
) -> list[Poll]:
    """What is asked of whom.

    Args:
        settings: how often.
        http: the pool's HTTP API.
        proxy: the open proxy before its feed.
        feed: is there a feed? Without one all is asked always.
    """
    polls: list[Poll] = []
    if http is not None:
        status_s, account_s = settings.pool_status_every_s, settings.pool_account_every_s
        polls.append(Poll(http, "status", HTTP, PoolMessage.STATUS, status_s, always=True))
        if settings.key:
            polls += [
                Poll(http, path, HTTP, message, account_s, always=not feed, keyed=True)
                for path, message in (
                    ("wallet", PoolMessage.WALLET),
                    ("walletEx", PoolMessage.WORKER),
                )
            ]
        if settings.key and feed:  # the feed tells balances, and neither payouts nor thresholds
            payouts_s = settings.pool_payouts_every_s
            polls.append(
                Poll(http, "wallet", HTTP, PoolMessage.WALLET, payouts_s, always=True, keyed=True)
            )
    if proxy is not None:
        every_s = settings.pool_profitability_every_s or (900.0 if feed else 60.0)
        polls += [
            Poll(proxy, path, PROXY, message, every_s, always=not feed)
            for path, message in (
                ("status", PoolMessage.STATUS),
                ("profitability", PoolMessage.PROFITABILITY),
            )
        ]
    return polls
