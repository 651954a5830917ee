"""The Faust app: the safe subset of its settings, behind the fence (ADR 0004)."""

import logging
from collections.abc import Sequence
from typing import Any, Final

import faust

from minestream_schemas.event import Event, Topic
from processor.adapters.fence import fence
from processor.adapters.sends import partition_by_key
from processor.settings import PARTITIONS, ProcessorSettings

_LARGEST_SEND_BYTES: Final = 8 * 1024 * 1024
_MINERS: Final = "miner"
_WORKERS: Final = "pool"
_UNWRITTEN_BYTES: Final = 4 * 1024 * 1024
"""How much of one partition RocksDB gathers before it goes to a file. By Faust's default, 64 MiB,
a worker with all partitions of both tables grew for hours, to 3 GiB."""


def _changelog(table: str, key: str) -> Topic:
    """Made before Faust starts: it would make the topic itself, and not find it for a second."""
    return Topic(
        name=f"minestream.processor-{table}-changelog",
        event=Event,
        description="The processor's state, as Faust keeps it: ours alone, so in no registry.",
        key=key,
        retention=None,
        compacted=True,
        max_message_bytes=_LARGEST_SEND_BYTES,
        producers=frozenset({"processor"}),
        consumers=frozenset({"processor"}),
    )


CHANGELOG: Final = _changelog(_MINERS, "(the miner's id)")
POOL_CHANGELOG: Final = _changelog(_WORKERS, "(the pool worker's subject)")


def make_app(
    settings: ProcessorSettings, *, fenced: bool = True, held: Sequence[Topic] = ()
) -> faust.App:
    """A Faust app that starts when it is told to; no agent, table or topic yet.

    Args:
        settings: broker, group, state folder.
        fenced: False only to show what the fence is for.
        held: topics whose records come only after ``FencedConsumer.release``.
    """
    settings.folder.mkdir(parents=True, exist_ok=True)
    app = _Quick(
        settings.group("processor"),
        broker=[f"kafka://{address}" for address in settings.kafka_bootstrap.split(",")],
        store="rocksdb://",
        datadir=str(settings.folder),
        # a static member: killed and started again in time, it has its partitions back at once
        consumer_group_instance_id=f"{settings.group('processor')}-{settings.instance}",
        processing_guarantee="at_least_once",
        topic_partitions=PARTITIONS,
        topic_replication_factor=settings.kafka_replication,
        topic_disable_leader=True,
        table_standby_replicas=settings.standby_replicas,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=settings.commit_every_s,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 5,
        broker_max_poll_records=500,
        producer_linger=0.02,
        producer_max_batch_size=256 * 1024,
        producer_max_request_size=_LARGEST_SEND_BYTES,
        producer_compression_type="lz4",
        producer_partitioner=partition_by_key,
        producer_request_timeout=90.0,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.finalize()
    # Faust's services log under the module of their class: ours would, with every start and stop
    logging.getLogger("processor").setLevel(logging.WARNING)
    if fenced:
        fence(app, held=frozenset(topic.named(settings.topic_namespace) for topic in held))
    return app


class _Quick(faust.App):
    """Without Faust's own monitor among the sensors: averages for a page that is not served."""

    async def on_first_start(self) -> None:
        """See ``faust.App``."""
        await super().on_first_start()
        self.sensors.remove(self.monitor)


def bytes_topic(app: faust.App, settings: ProcessorSettings, topic: Topic) -> Any:
    """A registered topic, raw bytes in and out: decoding is ours, so that it cannot kill an agent.

    Args:
        app: Faust's.
        settings: which say the namespace.
        topic: from the registry.
    """
    return app.topic(
        topic.named(settings.topic_namespace),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        allow_empty=True,
    )


def state_table(app: faust.App) -> Any:
    """The table of the miners: a blob for each."""
    return _table(app, _MINERS)


def pool_table(app: faust.App) -> Any:
    """The table of the pools' workers: a blob for each, on its miner's partition."""
    return _table(app, _WORKERS)


def _table(app: faust.App, name: str) -> Any:
    return app.Table(
        name,
        key_type=bytes,
        value_type=bytes,
        partitions=PARTITIONS,
        options={"write_buffer_size": _UNWRITTEN_BYTES},
    )
