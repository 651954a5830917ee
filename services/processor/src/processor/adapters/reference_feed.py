"""Reads the topics of inventory, rates, prices and networks: to their ends first, then on.

Every worker reads all of them, in no group: a reading may need any coin's price.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
import structlog
from msgspec import Meta

from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import INVENTORY
from minestream_schemas.market import INDICATORS, NETWORK, PRICE
from minestream_schemas.pool import POOL_RATE
from minestream_schemas.units import Algorithm
from processor.domain.miner_state import to_us
from processor.domain.references import Indicators, Network, References

TOPICS: Final = (INVENTORY, POOL_RATE, PRICE, INDICATORS, NETWORK)
_WAIT_S: Final = 0.1
_AT_ONCE: Final = 500
"""Records taken in one turn of the loop: some 10 ms."""
_PAUSE_S: Final = 0.5

_Note = Callable[[Record, bytes], None]
_Aware = Annotated[datetime, Meta(tz=True)]
_Positive = Annotated[float, Meta(gt=0)]
_NotNegative = Annotated[float, Meta(ge=0)]


class _Entry(msgspec.Struct):
    """Of ``InventoryEntry`` what is needed here."""

    miner_id: str
    site_id: str
    workers: tuple[str, ...] = ()


class _Rate(msgspec.Struct):
    """Of ``PoolRate``."""

    event_id: UUID
    ts: _Aware
    pool: str
    algorithm: Algorithm
    usd_per_hs_day: _NotNegative | None = None
    fee_ratio: Annotated[float, Meta(ge=0, le=1)] | None = None


class _Price(msgspec.Struct):
    """Of ``CoinPrice``."""

    event_id: UUID
    ts: _Aware
    coin_id: str
    price_usd: _Positive


class _Indicators(msgspec.Struct):
    """Of ``CoinIndicators``."""

    event_id: UUID
    ts: _Aware
    coin_id: str
    rsi_14: float | None = None
    ma_50_usd: float | None = None
    ma_200_usd: float | None = None
    volatility_30d_ratio: float | None = None


class _Network(msgspec.Struct):
    """Of ``NetworkState``."""

    event_id: UUID
    ts: _Aware
    coin_id: str
    difficulty: _Positive
    block_reward_coins: _Positive


class ReferenceFeed:
    """Keeps ``References`` as new as the topics are.

    Args:
        settings: where Kafka is.
        references: what is kept.
        on_removed: told of each miner that the inventory lets go.
    """

    def __init__(
        self, settings: Settings, references: References, on_removed: Callable[[bytes], None]
    ) -> None:
        self._settings = settings
        self._references = references
        self._on_removed = on_removed
        self._consumer: Consumer | None = None
        self._positions: dict[Partition, int] = {}
        self._moved = asyncio.Event()
        self._log = structlog.get_logger()
        self._apply: dict[str, _Note] = {
            INVENTORY.name: self._note_entry,
            POOL_RATE.name: self._note_rate,
            PRICE.name: self._note_price,
            INDICATORS.name: self._note_indicators,
            NETWORK.name: self._note_network,
        }

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            BrokerUnavailableError: no Kafka, or not all topics, at the start.
        """
        async with Consumer(self._settings, TOPICS) as consumer:
            self._consumer = consumer
            while True:
                try:
                    for record in await consumer.records(wait_s=_WAIT_S, most=_AT_ONCE):
                        self.note(record)
                    self._positions = await consumer.positions()
                except BrokerUnavailableError as exc:
                    self._log.debug("references_not_read", error=str(exc))
                    await asyncio.sleep(_PAUSE_S)
                else:
                    self._moved.set()

    async def caught_up(self) -> None:
        """Wait until everything is known that is on the topics now.

        Raises:
            BrokerUnavailableError: Kafka is away.
        """
        await self._next_read()
        consumer = self._consumer
        if consumer is None:
            raise BrokerUnavailableError("references are not read")
        ends = await consumer.ends(consumer.owned())
        while any(self._positions.get(where, 0) < end for where, end in ends.items()):
            await self._next_read()

    async def _next_read(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    def note(self, record: Record) -> None:
        """Take one record in; one that cannot be read is left out and told of in the log."""
        topic = record.partition.topic
        try:
            if record.value is not None:
                self._apply[topic](record, record.value)
            elif topic == INVENTORY.name and record.key:
                self._references.workers.remove(record.key.decode())
                self._on_removed(record.key)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            self._log.warning(
                "reference_left_out", topic=topic, offset=record.offset, error=str(exc)
            )

    def _note_entry(self, _: Record, value: bytes) -> None:
        entry = _ENTRY.decode(value)
        self._references.workers.enter(entry.miner_id, entry.site_id, entry.workers)

    def _note_rate(self, _: Record, value: bytes) -> None:
        rate = _RATE.decode(value)
        self._references.note_rate(
            rate.algorithm,
            rate.pool,
            at_us=to_us(rate.ts),
            event_id=rate.event_id.bytes,
            usd=rate.usd_per_hs_day,
            fee_ratio=rate.fee_ratio,
        )

    def _note_price(self, record: Record, value: bytes) -> None:
        price = _PRICE.decode(value)
        at_us = to_us(price.ts)
        self._references.note_price(
            price.coin_id, at_us=at_us, event_id=price.event_id.bytes, usd=price.price_usd
        )
        self._references.first_of_bucket(price.coin_id, at_us=at_us, offset=record.offset)

    def _note_indicators(self, _: Record, value: bytes) -> None:
        said = _INDICATORS.decode(value)
        self._references.note_indicators(
            said.coin_id,
            at_us=to_us(said.ts),
            event_id=said.event_id.bytes,
            indicators=Indicators(
                said.rsi_14, said.ma_50_usd, said.ma_200_usd, said.volatility_30d_ratio
            ),
        )

    def _note_network(self, _: Record, value: bytes) -> None:
        said = _NETWORK.decode(value)
        self._references.note_network(
            said.coin_id,
            at_us=to_us(said.ts),
            event_id=said.event_id.bytes,
            network=Network(said.difficulty, said.block_reward_coins),
        )


_ENTRY: Final = msgspec.json.Decoder(_Entry)
_RATE: Final = msgspec.json.Decoder(_Rate)
_PRICE: Final = msgspec.json.Decoder(_Price)
_INDICATORS: Final = msgspec.json.Decoder(_Indicators)
_NETWORK: Final = msgspec.json.Decoder(_Network)
