"""Where the stream begins on each partition, and how far behind it is."""

from collections.abc import Mapping
from typing import Final

import structlog

from api_gateway.adapters.stream.records import TOPICS
from api_gateway.domain.stream.entries import Place
from minestream_runtime.kafka import Consumer, Partition
from minestream_runtime.kafka.lags import lags_of, show_lags
from minestream_schemas.event import Topic

_MOST_TO_CATCH_UP: Final = 50_000
"""Records of one partition; more than that behind, the stream begins with what is newest."""
_TYPICAL_BYTES: Final = 2048


class Partitions:
    """The partitions of the stream's topics.

    Args:
        consumer: without a group.
        kept_bytes: of the records from before its beginning that are read again, so that cursors
            outlive a restart of the gateway.
    """

    def __init__(self, consumer: Consumer, *, kept_bytes: int) -> None:
        self._consumer = consumer
        self._again = max(1, kept_bytes // _TYPICAL_BYTES // TOPICS[0].partitions)
        self._log = structlog.get_logger()
        self._ends: dict[Partition, int] = {}

    async def ends_of(self, topic: Topic) -> dict[Place, int]:
        """Where the partitions of a topic end now.

        Raises:
            BrokerUnavailableError: Kafka is away.
        """
        wanted = [each for each in self._consumer.owned() if each.topic == topic.name]
        ends = await self._consumer.ends(wanted)
        return {(each.topic, each.number): end for each, end in ends.items()}

    async def begin(self, stored: Mapping[Place, int]) -> dict[Place, int]:
        """Go to where the database ends, and some records further back.

        Args:
            stored: offset of the first record that the database has not, by partition.

        Returns:
            the offset of the first record that will come, by partition.

        Raises:
            BrokerUnavailableError: Kafka is away.
        """
        owned = self._consumer.owned()
        firsts = await self._consumer.beginnings(owned)
        self._ends = await self._consumer.ends(owned)
        begins: dict[Place, int] = {}
        for partition, end in self._ends.items():
            place = (partition.topic, partition.number)
            wanted = min(stored.get(place, 0), end - self._again)
            start = max(firsts[partition], wanted, end - _MOST_TO_CATCH_UP)
            missed = start - max(firsts[partition], stored.get(place, 0))
            if missed > 0:
                self._log.warning("stream_begins_late", topic=place[0], partition=place[1])
            self._consumer.seek(partition, start)
            begins[place] = start
        return begins

    def reached(self, offsets: Mapping[Place, int]) -> bool:
        """Has all come that was there at the beginning?"""
        return all(offsets[p.topic, p.number] >= end for p, end in self._ends.items())

    async def measure(self, offsets: Mapping[Place, int]) -> None:
        """Tell how far behind the stream is.

        Raises:
            BrokerUnavailableError: Kafka is away.
        """
        read = {each: offsets[each.topic, each.number] for each in self._consumer.owned()}
        show_lags(TOPICS, await lags_of(self._consumer, read))
