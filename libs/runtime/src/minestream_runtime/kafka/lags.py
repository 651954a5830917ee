"""How many records wait, reckoned from how far a service is, not from what it has committed."""

from collections.abc import Iterable, Mapping

from minestream_runtime.kafka.consumer import Consumer, Partition
from minestream_runtime.metrics import gauge
from minestream_schemas.event import Topic


async def lags_of(consumer: Consumer, positions: Mapping[Partition, int]) -> dict[Partition, int]:
    """How many records wait on each partition.

    Args:
        consumer: asks Kafka.
        positions: the offset of the next record of each.

    Raises:
        BrokerUnavailableError: Kafka is away.
    """
    ends = await consumer.ends(positions)
    return {partition: max(0, end - positions[partition]) for partition, end in ends.items()}


def show_lags(topics: Iterable[Topic], lags: Mapping[Partition, int]) -> None:
    """Tell the metric how many records wait on each topic."""
    waiting = dict.fromkeys((topic.name for topic in topics), 0)
    for partition, lag in lags.items():
        waiting[partition.topic] += lag
    for topic, lag in waiting.items():
        gauge("minestream_consumer_lag_records").labels(topic).set(lag)
