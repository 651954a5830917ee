"""Of a worker's many changes those that say something: one a minute, and each that is not a count.

A feed tells each share; of a worker that only hashes on, a row a minute is enough.
"""

from collections import OrderedDict
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

from minestream_schemas.pool import PoolWorker

COUNTED: Final = frozenset(
    {
        *("event_id", "raw_event_id", "ts", "last_share_at"),
        *("hashrate_hs", "hashrate_1h_hs", "hashrate_24h_hs"),
        *("shares_total", "shares_recent", "stale_total", "rejected_total"),
    }
)
"""What changes with each share; a change of anything else is told at once, and so is standstill."""
_SAID: Final = attrgetter(*sorted(set(PoolWorker.model_fields) - COUNTED))
_MOST_WORKERS: Final = 200_000


class _Told(NamedTuple):
    bucket: int
    ts: datetime
    said: tuple[object, ...]
    hashes: bool


class Thinner:
    """Remembers what was last told of each worker.

    Buckets of time, not pauses: whoever begins in the middle chooses the same from the next bucket
    on, so a replay tells what was told.

    Args:
        every_s: a bucket; 0: everything is told.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._told: OrderedDict[tuple[str, str, str | None], _Told] = OrderedDict()

    def keeps(self, worker: PoolWorker) -> bool:
        """Is it worth a row? What was told is told again when it comes again.

        Args:
            worker: in the order in which it was said; a late one is always kept.
        """
        if self._every_s <= 0:
            return True
        key = (worker.account_id, worker.worker, worker.worker_id)
        bucket = int(worker.ts.timestamp() // self._every_s)
        said = _Told(bucket, worker.ts, _SAID(worker), bool(worker.hashrate_hs))
        told = self._told.get(key)
        if told is not None and worker.ts > told.ts and said._replace(ts=told.ts) == told:
            return False
        if told is None or worker.ts > told.ts:
            self._told[key] = said
            self._told.move_to_end(key)
            if len(self._told) > _MOST_WORKERS:
                self._told.popitem(last=False)
        return True
