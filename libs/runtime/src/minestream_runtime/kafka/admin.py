"""Creates topics from the registry, and compares a broker with it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from minestream_runtime.errors import BrokerUnavailableError, ConfigurationError
from minestream_runtime.settings import Settings
from minestream_schemas.event import Topic

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class TopicState:
    """A registered topic as a broker has it: None partitions where it has not."""

    topic: Topic
    name: str
    partitions: int | None


def broker_config(topic: Topic) -> dict[str, str]:
    """The broker's configuration of a topic, from its registration."""
    config = {"max.message.bytes": str(topic.max_message_bytes)}
    if topic.compacted:
        config |= {
            "cleanup.policy": "compact",
            "min.cleanable.dirty.ratio": "0.1",
            "segment.ms": str(_HOUR_MS),
        }
    if topic.retention is not None:
        config["retention.ms"] = str(int(topic.retention.total_seconds() * 1000))
    return config


async def _admin(settings: Settings) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap, request_timeout_ms=15_000
    )
    try:
        await admin.start()
    except errors.KafkaError as exc:
        await admin.close()
        raise BrokerUnavailableError(f"no Kafka at {settings.kafka_bootstrap}: {exc}") from exc
    return admin


async def topic_states(settings: Settings, topics: Iterable[Topic]) -> list[TopicState]:
    """Look registered topics up on the broker.

    Raises:
        BrokerUnavailableError: when no broker answers.
    """
    admin = await _admin(settings)
    try:
        there = set(await admin.list_topics())
        wanted = [(topic, topic.named(settings.topic_namespace)) for topic in topics]
        known = [name for _, name in wanted if name in there]
        described = await admin.describe_topics(known) if known else []
        counts = {entry["topic"]: len(entry["partitions"]) for entry in described}
        return [TopicState(topic, name, counts.get(name)) for topic, name in wanted]
    finally:
        await admin.close()


async def ensure_topics(settings: Settings, topics: Iterable[Topic]) -> list[str]:
    """Create the topics that are missing, and wait for them; never change one that is there.

    Returns:
        the names of those created.

    Raises:
        BrokerUnavailableError: when no broker answers.
        ConfigurationError: when a topic is there with another number of partitions.
    """
    wanted = list(topics)
    states = await topic_states(settings, wanted)
    _refuse_unequal(states)
    missing = [
        NewTopic(
            state.name,
            state.topic.partitions,
            settings.kafka_replication,
            topic_configs=broker_config(state.topic),
        )
        for state in states
        if state.partitions is None
    ]
    if not missing:
        return []
    admin = await _admin(settings)
    try:
        answer = await admin.create_topics(missing)
    finally:
        await admin.close()
    for name, code, *reason in answer.topic_errors:
        if code not in {errors.NoError.errno, errors.TopicAlreadyExistsError.errno}:
            raise ConfigurationError(f"topic {name} could not be created: {code} {reason}")
    _refuse_unequal(await _all_there(settings, wanted))
    return [topic.name for topic in missing]


def _refuse_unequal(states: Iterable[TopicState]) -> None:
    for state in states:
        if state.partitions not in {None, state.topic.partitions}:
            raise ConfigurationError(
                f"topic {state.name} has {state.partitions} partitions, "
                f"{state.topic.partitions} are registered: move to a new version of the topic"
            )


async def _all_there(settings: Settings, topics: Iterable[Topic]) -> list[TopicState]:
    """What was created is known to a broker a moment later: wait for that."""
    for _ in range(200):
        states = await topic_states(settings, topics)
        if all(state.partitions is not None for state in states):
            return states
        await asyncio.sleep(0.05)
    raise BrokerUnavailableError("topics were created and have not appeared: look at the broker")


async def cluster_id(settings: Settings) -> str:
    """The name that the cluster gave itself when it was made: other offsets, another name.

    Raises:
        BrokerUnavailableError: when no broker answers.
    """
    admin = await _admin(settings)
    try:
        described = await admin.describe_cluster()
    except errors.KafkaError as exc:
        raise BrokerUnavailableError(f"no Kafka at {settings.kafka_bootstrap}: {exc}") from exc
    finally:
        await admin.close()
    return str(described["cluster_id"])


async def committed(settings: Settings, group: str, topic: Topic) -> dict[int, int]:
    """How far a group has committed on a topic, by partition: offsets of the next records.

    Args:
        settings: which broker and namespace.
        group: the service, as ``Consumer`` takes it.
        topic: which one; partitions without a commit are left out.

    Raises:
        BrokerUnavailableError: when no broker answers.
    """
    admin = await _admin(settings)
    try:
        offsets = await admin.list_consumer_group_offsets(settings.group(group))
    except errors.KafkaError as exc:
        raise BrokerUnavailableError(f"no Kafka at {settings.kafka_bootstrap}: {exc}") from exc
    finally:
        await admin.close()
    name = topic.named(settings.topic_namespace)
    return {where.partition: at.offset for where, at in offsets.items() if where.topic == name}


async def topic_names(settings: Settings) -> list[str]:
    """The topics of our namespace that the broker has, those that services made included.

    Raises:
        BrokerUnavailableError: when no broker answers.
    """
    admin = await _admin(settings)
    try:
        there = await admin.list_topics()
    finally:
        await admin.close()
    return sorted(name for name in there if name.startswith(f"{settings.topic_namespace}."))


async def delete_topics(settings: Settings, names: Iterable[str]) -> None:
    """Delete topics with all their records; those that are not there are left out.

    Raises:
        BrokerUnavailableError: when no broker answers.
        ConfigurationError: the broker refuses.
    """
    wanted = list(names)
    if not wanted:
        return
    admin = await _admin(settings)
    try:
        answer = await admin.delete_topics(wanted)
    finally:
        await admin.close()
    for name, code, *_ in answer.topic_error_codes:
        if code not in {errors.NoError.errno, errors.UnknownTopicOrPartitionError.errno}:
            raise ConfigurationError(f"topic {name} could not be deleted: {code}")
