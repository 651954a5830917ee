"""Which of a worker's many changes are told at once, and which wait. Pure: time comes in sayings.

A feed tells each share. Of a worker that only hashes on, one change in each bucket of time is told;
those that wait are joined to the next that is told, so that nothing is lost between two of them.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from collector_pool.domain.sayings import Saying
from minestream_schemas.pool import PoolMessage
from minestream_schemas.raw import PollStatus

_AT_ONCE: Final = frozenset(
    {"miner_name", "algorithm_name", "coin_name", "difficulty", "miner_hardware"}
)
"""Whatever of a record is read and is no count."""
_HASHRATE: Final = "hashrate"


class Pacer:
    """Remembers when each worker was told last, and what waits.

    Args:
        every_s: a bucket; the processor's are the same, so that each change told is a row. 0:
            nothing waits.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._told: dict[str, tuple[int, bool]] = {}
        self._waiting: dict[str, Saying] = {}

    def take(self, saying: Saying) -> Saying | None:
        """What is to be told now: it, with what waited before it; None: it waits.

        Args:
            saying: of the feed, in order.
        """
        worker = saying.about
        is_record = saying.message is PoolMessage.WORKER and saying.status is PollStatus.OK
        if self._every_s <= 0 or worker is None or not is_record:
            return saying
        if saying.merged is None:
            if saying.snapshot:  # whole: what waited is in it
                self._waiting.pop(worker, None)
                self._note(worker, saying, json.loads(saying.body or "{}"))
            return saying
        waiting = self._waiting.pop(worker, None)
        joined = saying if waiting is None else _joined(waiting, saying)
        record = json.loads(saying.merged)
        told = self._told.get(worker)
        news = not _AT_ONCE.isdisjoint(json.loads(saying.body or "{}"))
        if not news and told == (self._bucket(saying.received_at), _hashes(record)):
            self._waiting[worker] = joined
            return None
        self._note(worker, saying, record)
        return joined

    def due(self, now: datetime) -> list[Saying]:
        """What has waited for a change in the next bucket, and none came."""
        if not self._told:
            return []
        current, due = self._bucket(now), list[Saying]()
        while self._told:
            worker, (bucket, _) = next(iter(self._told.items()))
            if bucket in {current, current - 1}:
                break
            del self._told[worker]  # whoever was told longest ago is the first
            if worker in self._waiting:
                due.append(self._waiting.pop(worker))
        return due

    def rest(self) -> list[Saying]:
        """All that waits, when nothing more will come."""
        waiting, self._waiting = self._waiting, {}
        return list(waiting.values())

    def _note(self, worker: str, saying: Saying, record: dict[str, Any]) -> None:
        self._told.pop(worker, None)
        self._told[worker] = self._bucket(saying.received_at), _hashes(record)

    def _bucket(self, at: datetime) -> int:
        return int(at.timestamp() // self._every_s)


def paced(
    pacer: Pacer, sayings: Iterable[Saying], now: datetime
) -> tuple[list[Saying], list[Saying]]:
    """What is told now, in order, and what of the sayings was not told at once.

    Args:
        pacer: of the feed.
        sayings: further ones, in order; they may have queued for long.
        now: what has waited too long by then is told behind them.
    """
    told: list[Saying] = []
    waiting: list[Saying] = []
    for saying in sayings:
        joined = pacer.take(saying)
        if joined is None:
            waiting.append(saying)
        else:
            told.append(joined)
    return told + pacer.due(now), waiting


def _joined(before: Saying, after: Saying) -> Saying:
    """Two changes of a worker as one."""
    changed = json.loads(before.body or "{}") | json.loads(after.body or "{}")
    return replace(after, body=json.dumps(changed))


def _hashes(record: dict[str, Any]) -> bool:
    """Does the worker hash? That it has begun to, or stands still, is told at once."""
    return bool(record.get(_HASHRATE))
