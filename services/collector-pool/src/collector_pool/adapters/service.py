"""Puts the collector together: feed, HTTP polls, and the way out."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import structlog
from pydantic import SecretStr

from collector_pool.adapters.accounts import Accounts
from collector_pool.adapters.accounts_file import load_accounts
from collector_pool.adapters.feed import Feed
from collector_pool.adapters.inbox import Heard, Inbox
from collector_pool.adapters.open_gaps import end_left, left_open
from collector_pool.adapters.standing import Standing
from collector_pool.adapters.teller import Teller
from collector_pool.adapters.web import Web, polls_of
from collector_pool.domain.pacing import Pacer, paced
from collector_pool.domain.profiles import Profile
from collector_pool.domain.records import Records
from collector_pool.domain.sayings import Saying, heard
from collector_pool.settings import PoolSettings
from minestream_dialects.pools.port import Account
from minestream_runtime.clock import Clock, SystemClock
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.health import Health
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.settings import open_outlet
from minestream_runtime.polite import Manners, PoliteClient
from minestream_runtime.usage import Per, Quota, Usage
from minestream_schemas.pool import PoolMessage
from minestream_schemas.raw import PollStatus

_LAST_WORDS_S: Final = 5.0
_LOOK_S: Final = 1.0
MANNERS: Final = Manners(calls_per_min=30, tries=2)
"""Of each of two sources: 3,600 calls an hour in all, where 4,500 are allowed."""


async def collect(settings: PoolSettings, health: Health) -> None:
    """Follow all accounts until cancelled; without any there is nothing to do.

    Args:
        settings: from the environment.
        health: a pool that is away or refuses us is noted there, and leaves us ready.

    Raises:
        ConfigurationError: the spool cannot be used.
    """
    accounts = _accounts(settings)
    left = left_open(settings, [each.account_id for each in accounts])
    if settings.profile() is None and not accounts and not left:
        hint = "set MINESTREAM_POOL_PROFILE or MINESTREAM_POOLS_FILE"
        structlog.get_logger().info("nothing_to_follow", hint=hint)
        await asyncio.Event().wait()
        return
    clock = SystemClock()
    async with (
        open_outlet(settings, clock, subject=settings.collector_id) as outlet,
        asyncio.TaskGroup() as group,
    ):
        health.notes["link"] = lambda: (
            f"Kafka away since {outlet.link_down_since}, spooling"
            if outlet.link_down_since
            else None
        )
        group.create_task(outlet.run())
        group.create_task(
            end_left(left, outlet, at=clock.now(), collector_id=settings.collector_id)
        )
        if accounts:
            group.create_task(Accounts(settings, accounts, outlet, clock).run(health))
        if (profile := settings.profile()) is not None:
            group.create_task(_follow(settings, profile, outlet, clock, health))


def _accounts(settings: PoolSettings) -> tuple[Account, ...]:
    """The accounts of the file.

    Raises:
        ConfigurationError: it has faults.
    """
    if settings.pools_file is None:
        return ()
    accounts = load_accounts(settings.pools_file, os.environ)
    if settings.profile() and settings.pool_account in {each.account_id for each in accounts}:
        raise ConfigurationError(
            f"{settings.pools_file}: {settings.pool_account} is MINESTREAM_POOL_ACCOUNT already"
        )
    return accounts


async def _follow(
    settings: PoolSettings, profile: Profile, outlet: Outlet, clock: Clock, health: Health
) -> None:
    """Follow the account of the settings until cancelled."""
    teller = Teller(settings, outlet, clock)
    standing = Standing(settings.pool_account, settings.pool_fallback_after_s)
    async with clients(settings, profile, clock) as (http, proxy), asyncio.TaskGroup() as group:
        group.create_task(teller.watch())
        polls = polls_of(settings, http, proxy, feed=profile.wamp_url is not None)
        group.create_task(Web(settings, polls, standing, teller, clock).run())
        if profile.wamp_url is not None:
            health.notes["pool"] = standing.note
            inbox = Inbox(settings.pool_queue, settings.pool_account)
            feed = Feed(settings, profile, inbox=inbox, standing=standing, clock=clock)
            group.create_task(feed.run())
            pacer = Pacer(settings.pool_worker_every_s)
            group.create_task(_publish_heard(inbox, teller, feed, pacer, clock))


@asynccontextmanager
async def clients(
    settings: PoolSettings, profile: Profile, clock: Clock
) -> AsyncIterator[tuple[PoliteClient | None, PoliteClient | None]]:
    """The pool's HTTP API and the open proxy, where a profile has them, within one quota."""
    most = settings.pool_calls_per_hour
    bearer = {"Authorization": SecretStr(f"Bearer {settings.key}")} if settings.key else {}
    usage = Usage(
        "prohashing",
        clock,
        quotas=(Quota(Per.HOUR, most, kept=most // 10),),
        state=settings.state_dir / f"{settings.collector_id}.prohashing.usage",
    )
    async with AsyncExitStack() as stack:
        http = proxy = None
        if profile.http_url is not None:
            http = await stack.enter_async_context(
                PoliteClient("prohashing", profile.http_url, clock, manners=MANNERS, usage=usage)
            )
        if profile.proxy_url is not None:
            proxy = await stack.enter_async_context(
                PoliteClient(
                    "prohashing-proxy",
                    profile.proxy_url,
                    clock,
                    manners=MANNERS,
                    headers=bearer,
                    usage=usage,
                )
            )
        yield http, proxy


async def _publish_heard(
    inbox: Inbox, teller: Teller, feed: Feed, pacer: Pacer, clock: Clock
) -> None:
    """Publish what the feed says until cancelled; what was heard by then is published too."""
    records = Records()
    try:
        while True:
            sayings = _sayings(await _heard_lately(inbox), records)
            if any(map(_is_of_nobody_known, sayings)):
                feed.want(PoolMessage.WORKER)
            told, later = paced(pacer, sayings, clock.now())
            teller.hears(later)
            await _to_its_end(teller.publish(told))
    finally:
        last, _ = paced(pacer, _sayings(inbox.rest(), records), clock.now())
        await _to_its_end(teller.publish([*last, *pacer.rest()]))


async def _heard_lately(inbox: Inbox) -> list[Heard]:
    """The next messages; none of them in a second: what waits may be due."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_S):
            return await inbox.take()
    return []


async def _to_its_end(publishing: Coroutine[None, None, None]) -> None:
    """Publish, also if we are told to stop meanwhile: then it has five seconds more."""
    task = asyncio.ensure_future(publishing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_LAST_WORDS_S)
        task.cancel()  # what has no acknowledgement yet goes to the spool
        await asyncio.wait({task})
        raise


def _sayings(messages: list[Heard], records: Records) -> list[Saying]:
    return [
        saying
        for message in messages
        for saying in (
            heard(message.saying, message.content, records)
            if message.saying.status is PollStatus.OK
            else [message.saying]
        )
    ]


def _is_of_nobody_known(saying: Saying) -> bool:
    """A change of a worker whose whole record nobody has told yet."""
    return (
        saying.message is PoolMessage.WORKER
        and saying.status is PollStatus.OK
        and not saying.snapshot
        and saying.merged is None
    )
