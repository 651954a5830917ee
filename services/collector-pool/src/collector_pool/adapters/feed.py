"""Follows the pool's feed: joins again whenever it ends, listens, and asks for the whole."""

import asyncio
import random
from functools import partial
from typing import Final

import structlog

from collector_pool.adapters.inbox import Heard, Inbox
from collector_pool.adapters.standing import Standing
from collector_pool.adapters.wamp import Door, Link, joined
from collector_pool.domain.profiles import Names, Profile, call_of, keyed, topic_of
from collector_pool.domain.sayings import WAMP, Saying, failed
from collector_pool.settings import PoolSettings
from minestream_runtime.backoff import Backoff
from minestream_runtime.clock import Clock
from minestream_runtime.errors import SourceRejectedError, SourceUnavailableError
from minestream_schemas.pool import PoolMessage
from minestream_schemas.raw import PollStatus

FIRST_S: Final = 0.5
MOST_S: Final = 10.0
HEALTHY_S: Final = 5.0
"""A session of so long resets the back-off; a shorter one does not, whoever ended it."""
_AGAIN_S: Final = 5.0
"""No procedure is called more often, unless it failed."""


class Feed:
    """The account's feed.

    Args:
        settings: limits, and the account's key.
        profile: where to join, what to listen to, how to ask for the whole.
        inbox: takes what is heard.
        standing: is told how we stand.
        clock: instants and durations.
    """

    def __init__(
        self,
        settings: PoolSettings,
        profile: Profile,
        *,
        inbox: Inbox,
        standing: Standing,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._door = door_of(settings, profile)
        self._topics = profile.topics
        self._procedures = profile.procedures
        self._inbox = inbox
        self._standing = standing
        self._clock = clock
        self._wanted = {message: asyncio.Event() for message in profile.procedures}
        self._failing: set[PoolMessage] = set()
        self._heard_s = 0.0
        self._full = False
        self._log = structlog.get_logger()

    def want(self, message: PoolMessage) -> None:
        """Ask for the whole of something once more, soon."""
        if message in self._wanted:
            self._wanted[message].set()

    async def run(self) -> None:
        """Join, and join again, until cancelled."""
        backoff = Backoff(FIRST_S, MOST_S)
        while True:
            began_s = self._clock.monotonic()
            try:
                async with joined(self._door) as link:
                    began_s = self._clock.monotonic()
                    self._standing.joined()
                    await self._follow(link)
            except SourceRejectedError as exc:
                tell = self._standing.refused(str(exc))
                self._failed(PollStatus.UNAUTHORISED, str(exc), tell=tell)
                wait_s = self._settings.pool_refused_s * random.uniform(0.9, 1.1)  # noqa: S311
            except SourceUnavailableError as exc:
                if self._clock.monotonic() - began_s >= HEALTHY_S:
                    backoff.reset()
                tell = self._standing.lost(str(exc))
                self._failed(PollStatus.TIMEOUT, str(exc), tell=tell)
                wait_s = backoff.next_s()
            await asyncio.sleep(wait_s)

    def _failed(self, status: PollStatus, error: str, *, tell: bool) -> None:
        if tell:
            self._inbox.offer(Heard(failed(self._saying(PoolMessage.WORKER), status, error)))

    async def _follow(self, link: Link) -> None:
        """Listen until the session ends.

        Raises:
            SourceRejectedError: the router does not want us any more.
            SourceUnavailableError: the session is over, or says nothing.
        """
        # no group: one that fails while it is cancelled drops the cancellation (before 3.13)
        tasks = [asyncio.ensure_future(link.ended())]
        try:
            refused = await self._subscribe(link, self._topics)
            self._heard_s = self._clock.monotonic()
            tasks.append(asyncio.ensure_future(self._watch()))
            tasks.append(asyncio.ensure_future(self._subscribe_again(link, refused)))
            for message, name in self._procedures.items():
                tasks.append(asyncio.ensure_future(self._keep_whole(link, message, name)))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _subscribe(self, link: Link, topics: Names) -> Names:
        """Listen to topics; those that the router refused."""
        refused: dict[PoolMessage, str] = {}
        for message, name in topics.items():
            try:
                await link.subscribe(
                    topic_of(name, self._settings.key), partial(self._hear, message)
                )
            except SourceRejectedError as exc:
                refused[message] = name
                await self._refused(message, str(exc))
        return refused

    async def _subscribe_again(self, link: Link, refused: Names) -> None:
        """Try what was refused now and then: a key may be taken later, and no one would tell."""
        while refused:
            await asyncio.sleep(self._settings.pool_refused_s)
            before, refused = refused, await self._subscribe(link, refused)
            for message in before.keys() - refused.keys():
                self.want(message)
        await link.ended()

    def _hear(self, message: PoolMessage, content: object) -> None:
        self._heard_s = self._clock.monotonic()
        room = self._inbox.offer(Heard(self._saying(message), content))
        if not room:
            for each in self._wanted.values():
                each.set()
        if room is self._full:
            self._full = not room
            tell = self._log.info if room else self._log.warning
            tell("queue_has_room" if room else "queue_full", most=self._settings.pool_queue)

    def _saying(self, message: PoolMessage) -> Saying:
        return Saying(WAMP, message, self._clock.now())

    async def _watch(self) -> None:
        """End a session that says nothing: pings prove the socket, not the subscriptions."""
        silence_s = self._settings.pool_silence_s
        while True:
            left_s = silence_s - (self._clock.monotonic() - self._heard_s)
            if left_s <= 0:
                raise SourceUnavailableError(f"nothing said for {silence_s:g} s")
            await asyncio.sleep(left_s)

    async def _keep_whole(self, link: Link, message: PoolMessage, name: str) -> None:
        """Ask for the whole now, and whenever it is wanted again."""
        wanted = self._wanted[message]
        wanted.set()
        backoff = Backoff(0.25, 30.0)
        while True:
            await wanted.wait()
            wanted.clear()
            wait_s = _AGAIN_S
            try:
                await self._ask(link, message, name)
                backoff.reset()
            except SourceRejectedError as exc:
                await self._refused(message, str(exc))
                wanted.set()
                wait_s = self._settings.pool_refused_s
            except SourceUnavailableError as exc:
                await self._not_answered(message, str(exc))
                wanted.set()
                wait_s = backoff.next_s()
            await asyncio.sleep(wait_s)

    async def _ask(self, link: Link, message: PoolMessage, name: str) -> None:
        procedure, args = call_of(name, self._settings.key)
        began_s = self._clock.monotonic()
        content = await link.call(procedure, *args)
        saying = Saying(
            WAMP,
            message,
            self._clock.now(),
            latency_ms=(self._clock.monotonic() - began_s) * 1000,
            snapshot=True,
        )
        await self._inbox.put(Heard(saying, content))
        if message in self._failing:
            self._failing.discard(message)
            self._log.info("whole_answered", message=message.value)
        if keyed(name):
            self._standing.key_taken()

    async def _not_answered(self, message: PoolMessage, error: str) -> None:
        if message not in self._failing:
            self._failing.add(message)
            self._log.warning("whole_not_answered", message=message.value, error=error)
            saying = failed(self._saying(message), PollStatus.ERROR, error)
            await self._inbox.put(Heard(saying))

    async def _refused(self, message: PoolMessage, error: str) -> None:
        self._standing.key_refused(error)
        if message not in self._failing:
            self._failing.add(message)
            saying = failed(self._saying(message), PollStatus.UNAUTHORISED, error)
            await self._inbox.put(Heard(saying))


def door_of(settings: PoolSettings, profile: Profile) -> Door:
    """Where a profile joins its feed, and as whom."""
    return Door(
        url=profile.wamp_url or "",
        realm=profile.realm,
        auth=profile.auth,
        authid=profile.authid,
        secret=profile.secret,
        ca_file=settings.pool_ca_file,
        ping_s=settings.pool_ping_s,
        ping_timeout_s=settings.pool_ping_timeout_s,
    )
