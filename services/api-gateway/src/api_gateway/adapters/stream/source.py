"""Where the stream comes from: the database once, then Kafka, and again when either was away."""

import asyncio
from typing import Final

import structlog

from api_gateway.adapters.database import Reader
from api_gateway.adapters.stream.hub import Hub
from api_gateway.adapters.stream.loading import load
from api_gateway.adapters.stream.partitions import Partitions
from api_gateway.adapters.stream.records import TOPICS
from api_gateway.domain.stream.feed import Feed
from api_gateway.domain.stream.subscription import Bounds
from api_gateway.settings import GatewaySettings
from minestream_runtime.backoff import Backoff
from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.clock import Clock
from minestream_runtime.errors import BrokerUnavailableError, Disposition, MinestreamError
from minestream_runtime.kafka import Consumer, cluster_id
from minestream_schemas.alert import ALERT

_BATCH: Final = 1000
_MOST_BATCHES: Final = 20_000
_QUIET_S: Final = 3.0
_LAG_EVERY_S: Final = 10.0


class Source:
    """Feeds a hub.

    The database's newest rows and the offsets that were committed with them are read in one
    transaction, and Kafka is followed from there: nothing lies in between. Alerts are committed
    before they are published: their topic is followed from where it ended before that.

    Args:
        settings: where Kafka is, and how much is kept.
        reader: for the beginning.
        clock: what "now" is.
        hub: is fed.
    """

    def __init__(self, settings: GatewaySettings, reader: Reader, clock: Clock, hub: Hub) -> None:
        self._settings = settings
        self._reader = reader
        self._clock = clock
        self._hub = hub
        self._followed: tuple[Partitions, Feed] | None = None
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Feed for ever; what is away is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure())
            tasks.create_task(self._feed())

    async def _feed(self) -> None:
        backoff, waits = Backoff(), ""
        while True:
            heed_cancellation()
            try:
                async with Consumer(self._settings, TOPICS) as consumer:
                    partitions = Partitions(consumer, kept_bytes=self._settings.stream_kept_bytes)
                    feed = await self._begin(consumer, partitions)
                    self._log.info("stream_began", miners=feed.miners)
                    self._hub.begin(feed)
                    backoff.reset()
                    waits = ""
                    self._followed = partitions, feed
                    try:
                        await self._follow(consumer, feed)
                    finally:
                        self._followed = None
            except MinestreamError as exc:
                if exc.disposition is not Disposition.RETRY:
                    raise
                if waits != exc.kind:
                    self._log.warning("stream_waits", error_type=exc.kind, reason=str(exc))
                waits = exc.kind
                self._hub.end(exc.kind)
            await asyncio.sleep(backoff.next_s())

    async def _begin(self, consumer: Consumer, partitions: Partitions) -> Feed:
        namespace, bounds = self._settings.topic_namespace, self._settings.stream_kept_bytes
        feed = Feed(f"{await cluster_id(self._settings)} {namespace}", Bounds(kept_bytes=bounds))
        # before the table is read, so that it has all that lies before them
        alert_ends = await partitions.ends_of(ALERT)
        beginning = await load(self._reader, namespace=namespace, alert_ends=alert_ends)
        for entry in beginning.entries:
            feed.add(entry, self._clock.now())
        begins = await partitions.begin(beginning.offsets)
        feed.begin(begins, alerts_up_to=beginning.alerts_up_to)
        for _ in range(_MOST_BATCHES):
            if partitions.reached(feed.offsets):
                break
            found = await consumer.records(wait_s=_QUIET_S, most=_BATCH)
            if not found:
                break  # the last records are none that a reader is given
            self._hub.take(feed, found)
            self._hub.settle(feed)
        return feed

    async def _follow(self, consumer: Consumer, feed: Feed) -> None:
        backoff = Backoff()
        while True:
            heed_cancellation()
            try:
                found = await consumer.records(wait_s=1.0, most=_BATCH)
            except BrokerUnavailableError as exc:
                self._log.info("stream_stands_still", error_type=exc.kind, reason=str(exc))
                await asyncio.sleep(backoff.next_s())
                continue
            backoff.reset()
            if found:
                self._hub.take(feed, found)

    async def _measure(self) -> None:
        while True:
            try:
                if self._followed is not None:
                    partitions, feed = self._followed
                    await partitions.measure(feed.offsets)
            except BrokerUnavailableError as exc:
                self._log.info("lag_not_known", error_type=exc.kind)
            await asyncio.sleep(_LAG_EVERY_S)
