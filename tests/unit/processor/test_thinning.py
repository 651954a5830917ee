"""Of a worker's changes those are told that say something."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.unit.dialects.pool_messages import message

from minestream_dialects.prohashing import normalise_pool
from minestream_emulators.outside import Outside
from minestream_emulators.prohashing.book import Book
from minestream_emulators.running import emulated_fleet
from minestream_emulators.troubles import Troubles
from minestream_schemas.pool import PoolMessage, PoolWorker
from processor.domain.thinning import Thinner

AT = datetime(2026, 11, 21, 14, tzinfo=UTC)


def _worker(second: float, **more: Any) -> PoolWorker:
    fields: dict[str, Any] = {
        "event_id": uuid4(),
        "raw_event_id": uuid4(),
        "subject": "site-a-r01-s01",
        "ts": AT + timedelta(seconds=second),
        "account_id": "prohashing-main",
        "pool": "prohashing",
        "worker": "l9-1",
        "hashrate_hs": 1e10 + second,
        "shares_total": int(second),
    }
    return PoolWorker.model_validate(fields | more)


def _told(*workers: PoolWorker, every_s: float = 60.0) -> list[float]:
    thinner = Thinner(every_s)
    return [(each.ts - AT).total_seconds() for each in workers if thinner.keeps(each)]


def test_a_worker_that_only_hashes_on_is_told_once_a_minute() -> None:
    assert _told(*(_worker(second) for second in range(0, 300, 5))) == [0, 60, 120, 180, 240]


@pytest.mark.parametrize(
    "change",
    [
        {"coin": "Dogecoin"},
        {"state": "offline"},
        {"difficulty": 5.0},
        {"miner_id": "site-a-r01-s02"},
        {"quality_flags": ("field_invalid:hashrate_hs",)},
    ],
)
def test_a_change_of_anything_else_is_told_at_once(change: dict[str, Any]) -> None:
    workers = (_worker(0), _worker(5), _worker(10, **change), _worker(15, **change), _worker(20))
    assert _told(*workers) == [0, 10, 20]


def test_a_worker_that_stands_still_is_told_so_at_once_as_nothing_may_follow() -> None:
    hashing = [_worker(second) for second in (1, 6, 30, 35)]
    still = [_worker(second, hashrate_hs=0.0) for second in (11, 16)]
    told = _told(*hashing[:2], *still, *hashing[2:])
    assert told == [1, 11, 30]


def test_workers_and_their_connections_are_told_apart() -> None:
    others = ({"worker": "l9-2"}, {"worker_id": "8e0c"}, {"account_id": "prohashing-2"})
    assert _told(_worker(0), *(_worker(1, **other) for other in others), _worker(2)) == [0, 1, 1, 1]


def test_what_was_told_is_told_when_it_comes_again_and_what_was_not_is_not() -> None:
    thinner = Thinner(60.0)
    first, second = _worker(0), _worker(5)
    assert [thinner.keeps(each) for each in (first, second, first, second)] == [
        *(True, False),
        *(True, False),
    ]


def test_whoever_begins_in_the_middle_soon_chooses_the_same() -> None:
    workers = [_worker(second) for second in range(0, 300, 7)]
    whole, late = _told(*workers), _told(*workers[5:])
    assert set(late) - set(whole) == {35.0}
    assert [second for second in late if second >= 60] == [
        second for second in whole if second >= 60
    ]


def test_nothing_is_thinned_where_that_is_not_wanted() -> None:
    assert len(_told(*(_worker(second) for second in range(10)), every_s=0)) == 10


async def test_ten_minutes_of_a_feed_are_a_twelfth_of_its_changes() -> None:
    """Measured on the emulated pool's feed: each worker is looked at every five seconds."""
    now = [AT]
    async with emulated_fleet(miners=24, mix={"l9-1.2.7": 1.0}, now=lambda: now[0]) as fleet:
        book = Book(Outside(fleet, Troubles(lambda: 0.0)).fleet, AT.timestamp())
        thinner, said, kept, others = Thinner(60.0), 0, 0, 0
        seen: dict[str, Any] = {}
        for _ in range(120):
            now[0] += timedelta(seconds=5)
            book.advance(now[0].timestamp())
            for change, whole in book.look(24):
                raw = message(
                    PoolMessage.WORKER, change, merged=json.dumps(whole), received_at=now[0]
                )
                (worker,) = normalise_pool(raw, miner_of=lambda _: None)
                assert isinstance(worker, PoolWorker)
                said += 1
                kept += thinner.keeps(worker)
                others += seen.get(worker.worker, worker.coin) != worker.coin
                seen[worker.worker] = worker.coin
    assert said > 2_500
    assert kept <= 24 * 11 + others
    assert kept < said / 8
