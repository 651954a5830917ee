"""The miners' states: blobs in RocksDB, and the changelog from which another worker rebuilds them.

The table stays Faust's where a partition is recovered or moves. What each event reads and writes
goes to the same RocksDB and the same changelog directly.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from processor.adapters.sends import StrictProducer


class States:
    """One blob for each miner, by partition.

    Args:
        table: Faust's.
        producer: gives the app's, which does not exist before the app has started.
    """

    def __init__(self, table: Any, producer: Callable[[], StrictProducer]) -> None:
        self._table = table
        self._producer = producer
        self._acknowledged: dict[int, Any] = {}

    def get(self, partition: int, key: bytes) -> bytes | None:
        """A miner's blob; None where there is none.

        Args:
            partition: on which its event is.
            key: the miner's id.
        """
        blob: bytes | None = self._database(partition).get(key)
        return blob

    async def put(self, partition: int, key: bytes, blob: bytes) -> None:
        """Keep a miner's blob: in RocksDB before anything else can run, then in the changelog.

        Args:
            partition: on which its event is.
            key: the miner's id.
            blob: the state.
        """
        self._database(partition).put(key, blob)
        await self._producer().put(
            self._table.changelog_topic.get_topic_name(),
            key=key,
            value=blob,
            partition=partition,
            delivered=partial(self._acknowledged.__setitem__, partition),
        )

    def note_recovered(self) -> None:
        """Note how far RocksDB and changelog agree: recovery begins there, not at the beginning.

        Behind by what was acknowledged since is harmless: that is read and written once more.
        """
        store = self._table.data
        for partition, metadata in self._acknowledged.items():
            if partition in store._dbs:  # noqa: SLF001 - else it has moved, and this would open it
                store.set_persisted_offset(metadata.topic_partition, metadata.offset)
        self._acknowledged.clear()

    def forget(self) -> None:
        """Partitions have moved: how far the old ones were acknowledged is the past."""
        self._acknowledged.clear()

    def stored(self, partition: int) -> list[tuple[bytes, bytes]]:
        """All keys and blobs of one partition, as RocksDB has them."""
        return list(self._table.data._visible_items(self._database(partition)))  # noqa: SLF001 - Faust iterates over all partitions only

    def _database(self, partition: int) -> Any:
        return self._table.data._db_for_partition(partition)  # noqa: SLF001 - as above
