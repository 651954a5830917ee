"""The door of edge sites: whose key, how often, which items, whereto, and a word on each."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec

from api_gateway.adapters.collector.body import Limits, items_of
from api_gateway.adapters.collector.items import (
    Message,
    Record,
    Refusal,
    message_of,
    read_item,
)
from api_gateway.adapters.collector.keyring import Keyring
from api_gateway.adapters.collector.log import UploadLog
from api_gateway.adapters.collector.owners import Owners
from api_gateway.adapters.collector.publishing import publish
from api_gateway.adapters.database import Writer
from api_gateway.adapters.database.collectors import known_miners
from api_gateway.domain.collector.claims import ClaimRules
from api_gateway.domain.collector.keys import CollectorKey
from api_gateway.domain.collector.pace import Pace
from api_gateway.domain.collector.records import Directory, to_poll
from api_gateway.domain.collector.uploads import Logged, Result
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import Clock
from minestream_runtime.kafka import Producer
from minestream_runtime.metrics import counter, histogram
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.upload import Refused, Taken, reporter_of

_UNPACKING: Final = 2
_UNDER_WAY: Final = 2
_BURST: Final = 60
_ITEMS_A_TURN: Final = 50
_REPEATED_WITHIN_S: Final = 60.0
_REMEMBERED: Final = 1000
Read = Message | Record | Refusal


class TooManyError(Exception):
    """A key uploads more often than it may.

    Args:
        wait_s: seconds until it may again.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many uploads: wait {wait_s:.1f} s")
        self.wait_s = wait_s


class Door:
    """Takes uploads.

    Args:
        settings: limits.
        writer: keys, claims, inventory and log.
        producer: to Kafka.
        clock: instants and paces.
    """

    def __init__(
        self, settings: GatewaySettings, writer: Writer, producer: Producer, clock: Clock
    ) -> None:
        self.keys = Keyring(writer, clock)
        self.log = UploadLog(
            writer,
            clock,
            keep_s=settings.upload_log_keep_s,
            claim_keep_s=settings.upload_claim_keep_s,
        )
        self.limits = Limits(
            settings.upload_wire_bytes, settings.upload_bytes, settings.upload_items
        )
        self._interval_s = settings.upload_interval_s
        rules = ClaimRules(timedelta(seconds=settings.upload_claim_keep_s), settings.upload_claims)
        self._owners = Owners(writer, clock, rules)
        self._pace = Pace(per_minute=settings.upload_rate_per_min, burst=_BURST)
        self._writer = writer
        self._producer = producer
        self._clock = clock
        self._under_way: Counter[int] = Counter()
        self._unpacking = asyncio.Semaphore(_UNPACKING)
        self._came: OrderedDict[tuple[int, bytes], tuple[float, datetime]] = OrderedDict()

    def enter(self, key: CollectorKey) -> None:
        """Begin an upload; ``leave`` ends it.

        Raises:
            TooManyError: this key has come too often, or twice at the same time already.
        """
        if self._under_way[key.key_id] >= _UNDER_WAY:
            raise TooManyError(1.0)
        wait_s = self._pace.wait_s(key.key_id, self._clock.monotonic())
        if wait_s > 0:
            raise TooManyError(max(wait_s, 1.0))
        self._under_way[key.key_id] += 1

    def leave(self, key: CollectorKey) -> None:
        """An upload has ended."""
        self._under_way[key.key_id] -= 1

    async def take(self, key: CollectorKey, body: bytes, encoding: str) -> Taken:
        """Publish what an upload brings.

        Args:
            key: whose.
            body: as it came.
            encoding: its Content-Encoding; empty: none.

        Raises:
            BodyRefusedError: nothing of it can be taken.
            KeyRevokedError: nothing was published.
            StoreUnavailableError: whose its miners are cannot be known; nothing was published.
        """
        began_s = self._clock.monotonic()
        async with self._unpacking:
            items = await items_of(body, encoding=encoding, limits=self.limits)
            read = await self._read(items, key.site_id)
        if any(isinstance(each, Record) for each in read):
            read = await self._placed(read, key)
        result = await self._published(await self._owned(read, key))
        took_s = self._clock.monotonic() - began_s
        told = result.told(took_s * 1000)
        self._note(key, result, told, len(body))
        histogram("collector_upload_seconds").observe(took_s)
        return told

    async def _read(self, items: Sequence[msgspec.Raw], site_id: str) -> list[Read]:
        read: list[Read] = []
        now = self._clock.now()
        for place, item in enumerate(items):
            if place % _ITEMS_A_TURN == 0:
                await asyncio.sleep(0)  # others have their turn
            read.append(read_item(bytes(item), site_id, now))
        return read

    async def _placed(self, read: list[Read], key: CollectorKey) -> list[Read]:
        """Records become the polls that they were, of miners that the inventory knows."""
        records = [each.record for each in read if isinstance(each, Record)]
        known = await known_miners(
            self._writer,
            key.site_id,
            names={(record.miner_id or "").strip().lower() for record in records},
            hosts={(record.ip_address or "").strip().lower() for record in records},
        )
        directory = Directory(key.site_id, known)
        received_at = self._received_at(
            key, [each.body for each in read if isinstance(each, Record)]
        )
        placed: list[Read] = []
        for each in read:
            if not isinstance(each, Record):
                placed.append(each)
                continue
            event = to_poll(
                each.record,
                each.body,
                directory.find(each.record),
                site_id=key.site_id,
                received_at=received_at,
                interval_s=self._interval_s,
            )
            placed.append(message_of(RAW_MINER, event, event.to_json()))
        return placed

    def _received_at(self, key: CollectorKey, bodies: Sequence[str]) -> datetime:
        """When these came first: records without an instant of their own are not doubled."""
        digest = sha256()
        for body in bodies:
            digest.update(body.encode())
        now_s, mark = self._clock.monotonic(), (key.key_id, digest.digest())
        while self._came and (
            len(self._came) > _REMEMBERED
            or now_s - next(iter(self._came.values()))[0] > _REPEATED_WITHIN_S
        ):
            self._came.popitem(last=False)
        return self._came.setdefault(mark, (now_s, self._clock.now()))[1]

    async def _owned(self, read: list[Read], key: CollectorKey) -> list[Read]:
        """What is said of another site's miner is refused, and of more than a site may claim."""
        # its own gaps need no claim: they are told also where it has no room for another name
        own = reporter_of(key.site_id)
        names = {each.owned for each in read if isinstance(each, Message)} - {own}
        refused = await self._owners.refused(names, key)
        return [
            Refusal("site", refused[each.owned])
            if isinstance(each, Message) and each.owned in refused
            else each
            for each in read
        ]

    async def _published(self, read: list[Read]) -> Result:
        messages = [each for each in read if isinstance(each, Message)]
        fates = iter(zip(messages, await publish(self._producer, messages), strict=True))
        published: list[bool | None] = []
        refused: list[Refused] = []
        waiting: list[int] = []
        for index, each in enumerate(read):
            if isinstance(each, Refusal):
                refused.append(Refused(index=index, kind=each.kind, reason=each.reason))
                continue
            message, fate = next(fates)
            if fate == "published":
                published.append(message.online)
            elif fate == "waiting":
                waiting.append(index)
            else:
                refused.append(Refused(index=index, kind=fate, reason="too large for its topic"))
        return Result(tuple(published), tuple(refused), tuple(waiting))

    def _note(self, key: CollectorKey, result: Result, told: Taken, wire_bytes: int) -> None:
        counter("collector_upload_requests_total").labels(key.site_id, result.outcome).inc()
        items = counter("collector_upload_items_total")
        items.labels(key.site_id, "published").inc(told.processed)
        items.labels(key.site_id, "refused").inc(len(told.refused))
        items.labels(key.site_id, "waiting").inc(len(told.waiting))
        self.log.note(
            Logged(
                at=self._clock.now(),
                key_id=key.key_id,
                site_id=key.site_id,
                outcome=result.outcome,
                wire_bytes=wire_bytes,
                processed=told.processed,
                refused=len(told.refused),
                waiting=len(told.waiting),
                online=told.online,
                offline=told.offline,
                took_ms=told.processing_time_ms,
            )
        )
