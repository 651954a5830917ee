"""Of a worker that only hashes on one change in a while is told, and none of them is lost."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector_pool.domain.pacing import Pacer, paced
from collector_pool.domain.records import Records
from collector_pool.domain.sayings import WAMP, Saying, heard
from minestream_schemas.pool import PoolMessage
from minestream_schemas.raw import PollStatus

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHOLE = {"uuid": "a", "miner_name": "r01", "coin_name": "Litecoin", "hashrate": 9.0, "x": [1]}


class Feed:
    """Changes of workers as the feed says them, told through a pacer."""

    def __init__(self, every_s: float = 60.0) -> None:
        self.records = Records()
        self.pacer = Pacer(every_s)
        self.at = NOON
        self.told: list[Saying] = []

    def says(self, content: object, *, snapshot: bool = False, after_s: float = 5.0) -> int:
        self.at += timedelta(seconds=after_s)
        saying = Saying(WAMP, PoolMessage.WORKER, self.at, snapshot=snapshot)
        now, _ = paced(self.pacer, heard(saying, content, self.records), self.at)
        self.told += now
        return len(now)

    def due(self, after_s: float) -> int:
        self.at += timedelta(seconds=after_s)
        due = self.pacer.due(self.at)
        self.told += due
        return len(due)


def bodies(told: list[Saying]) -> list[dict[str, Any]]:
    return [json.loads(each.body or "") for each in told]


@pytest.fixture
def feed() -> Feed:
    this = Feed()
    assert this.says([WHOLE], snapshot=True) == 1
    return this


def test_of_counts_one_change_a_minute_is_told_with_all_that_changed_since(feed: Feed) -> None:
    assert sum(feed.says({"uuid": "a", "hashrate": 9.0 + n / 8}) for n in range(1, 11)) == 0
    assert feed.says({"uuid": "a", "share_count": 4}, after_s=1) == 0
    assert feed.says({"uuid": "a", "all_time_share_count": 7}) == 1, "the next minute"
    last = feed.told[-1]
    assert json.loads(last.body or "") == {
        "uuid": "a",
        "hashrate": 10.25,
        "share_count": 4,
        "all_time_share_count": 7,
    }
    assert json.loads(last.merged or "") == WHOLE | json.loads(last.body or "")
    assert last.received_at == feed.at


@pytest.mark.parametrize(
    "change",
    [
        {"coin_name": "Dogecoin"},
        {"difficulty": 65536.0},
        {"miner_name": "r02"},
        {"algorithm_name": "SHA-256"},
        {"hashrate": 0},
        {"hashrate": None},
        {"hashrate": 0.0, "share_count": 3},
    ],
)
def test_what_is_no_count_is_told_at_once_with_what_waited(
    feed: Feed, change: dict[str, Any]
) -> None:
    feed.says({"uuid": "a", "share_count": 2})
    assert feed.says({"uuid": "a", **change}) == 1
    assert bodies(feed.told)[-1] == {"uuid": "a", "share_count": 2, **change}
    assert feed.says({"uuid": "a", "share_count": 5}) == 0


def test_a_worker_that_hashes_again_is_told_at_once(feed: Feed) -> None:
    feed.says({"uuid": "a", "hashrate": 0})
    assert feed.says({"uuid": "a", "hashrate": 0, "share_count": 1}) == 0
    assert feed.says({"uuid": "a", "hashrate": 1.5}) == 1


def test_the_last_change_of_a_worker_that_says_no_more_is_told_by_itself(feed: Feed) -> None:
    feed.says({"uuid": "a", "hashrate": 8.5})
    assert feed.due(after_s=60) == 0, "the next change may bring it along"
    assert feed.due(after_s=60) == 1
    assert bodies(feed.told)[-1] == {"uuid": "a", "hashrate": 8.5}
    assert feed.due(after_s=600) == 0


def test_what_has_queued_for_long_is_told_in_the_order_in_which_it_was_said(feed: Feed) -> None:
    queued: list[Saying] = []
    for hashrate in (8.5, 8.6):
        feed.at += timedelta(seconds=60 if not queued else 1)
        saying = Saying(WAMP, PoolMessage.WORKER, feed.at)
        queued += heard(saying, {"uuid": "a", "hashrate": hashrate}, feed.records)
    told, _ = paced(feed.pacer, queued, feed.at + timedelta(minutes=5))
    assert [each["hashrate"] for each in bodies(told)] == [8.5, 8.6]


def test_a_whole_record_has_what_waited_in_it(feed: Feed) -> None:
    feed.says({"uuid": "a", "hashrate": 8.5})
    assert feed.says([WHOLE | {"hashrate": 8.6}], snapshot=True) == 1
    assert feed.pacer.rest() == []


def test_a_clock_that_was_set_back_holds_nothing(feed: Feed) -> None:
    feed.says({"uuid": "a", "hashrate": 8.5})
    assert feed.says({"uuid": "a", "hashrate": 8.6}, after_s=-86_400) == 1


def test_what_is_of_nobody_known_or_unreadable_never_waits(feed: Feed) -> None:
    assert feed.says({"uuid": "b", "hashrate": 1.0}) == 1
    assert feed.says({"hashrate": 1.0}) == 1
    assert feed.told[-1].status is PollStatus.GARBAGE


def test_whoever_wants_each_change_has_each() -> None:
    feed = Feed(every_s=0)
    feed.says([WHOLE], snapshot=True)
    assert [feed.says({"uuid": "a", "hashrate": float(n)}, after_s=0) for n in range(3)] == [1] * 3
    assert feed.due(after_s=1) == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.dictionaries(
                st.sampled_from(["hashrate", "share_count", "coin_name", "x"]),
                st.integers(0, 3) | st.none() | st.just([1]),
            ),
            st.floats(0, 200),
        ),
        max_size=30,
    )
)
def test_whatever_is_said_the_told_changes_lead_to_the_same_records(
    said: list[tuple[str, dict[str, Any], float]],
) -> None:
    feed = Feed()
    feed.says([WHOLE, WHOLE | {"uuid": "b"}], snapshot=True)
    known = {each["uuid"]: each for each in bodies(feed.told)}
    truth = {name: dict(record) for name, record in known.items()}
    for name, change, after_s in said:
        truth[name] |= change
        feed.says({"uuid": name, **change}, after_s=after_s)
        feed.due(after_s=0)
    for each in (*feed.told, *feed.pacer.rest()):
        known[json.loads(each.body or "")["uuid"]] |= json.loads(each.body or "")
        assert each.snapshot or json.loads(each.merged or "") == known[each.about or ""]
    assert known == truth
