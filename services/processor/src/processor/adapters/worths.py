"""What pool and markets had said as of a reading, from the workers' table and the references."""

from minestream_schemas.telemetry import MinerTelemetry
from processor.adapters.state_codec import decode_pool
from processor.adapters.states import States
from processor.domain.miner_state import Worth, to_us
from processor.domain.pool_state import said_at
from processor.domain.references import Limits, References


class Worths:
    """Looks up.

    Args:
        workers: the pools' workers' states, co-partitioned with the miners'.
        references: rates, prices, networks.
        limits: how old each may be.
    """

    def __init__(self, workers: States, references: References, limits: Limits) -> None:
        self._workers = workers
        self._references = references
        self._limits = limits

    def of(self, partition: int, key: bytes, reading: MinerTelemetry) -> Worth:
        """What had been said by the instant of a reading, whenever that is looked at.

        Args:
            partition: on which the miner's records are.
            key: the miner's id.
            reading: its algorithm, instant and pool count.
        """
        at_us = to_us(reading.ts)
        blob = self._workers.get(partition, key)
        said = None
        if blob:
            said = said_at(decode_pool(blob), at_us, max_age_us=self._limits.worker_us)
        return self._references.worth(reading.algorithm, said, at_us, pool_url=reading.pool_url)
