"""The one place that speaks Kafka; everybody else sees topics, records and our own errors."""

from minestream_runtime.kafka.admin import (
    TopicState,
    cluster_id,
    committed,
    delete_topics,
    ensure_topics,
    topic_names,
    topic_states,
)
from minestream_runtime.kafka.consumer import Consumer, Ownership, Partition, Record
from minestream_runtime.kafka.producer import Producer

__all__ = [
    "Consumer",
    "Ownership",
    "Partition",
    "Producer",
    "Record",
    "TopicState",
    "cluster_id",
    "committed",
    "delete_topics",
    "ensure_topics",
    "topic_names",
    "topic_states",
]
