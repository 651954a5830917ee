"""Where a client goes on from, and what it is not told twice, case by case."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api_gateway.domain.stream.entries import Entry, Kind, Place, Scope
from api_gateway.domain.stream.feed import Feed
from api_gateway.domain.stream.subscription import Bounds, Subscription
from minestream_schemas.alert import ALERT
from minestream_schemas.event import Topic
from minestream_schemas.gap import GAP
from minestream_schemas.telemetry import TELEMETRY

T0 = datetime(2026, 1, 31, 12, tzinfo=UTC)
READINGS: Place = (TELEMETRY.name, 0)
EVERYTHING = Scope(frozenset({Kind.READING}))


class Stream:
    """A feed of one partition of readings, and of one or two of gaps."""

    def __init__(
        self, *, begins: int = 0, part_bytes: int = 10_000, kept_bytes: int = 10**6, gaps: int = 1
    ) -> None:
        self.feed = Feed("cluster", Bounds(kept_bytes=kept_bytes, part_bytes=part_bytes))
        self.feed.begin({READINGS: begins} | {(GAP.name, number): 0 for number in range(gaps)})
        self._offset = begins

    def say(self, miner: str, *, site: str = "a", arrived: datetime = T0) -> None:
        body = json.dumps([miner, self._offset]).encode()
        at = T0 + timedelta(seconds=self._offset)
        entry = Entry(Kind.READING, miner, site, at, body, body, READINGS, self._offset)
        self.feed.add(entry, arrived)
        self._offset += 1

    def subscribe(self, cursor: str | None = None, scope: Scope = EVERYTHING) -> Subscription:
        subscription = Subscription.named("s", scope)
        self.feed.subscribe(subscription, cursor)
        return subscription

    def one(self, subscription: Subscription) -> dict[str, Any]:
        message = self.feed.next(subscription)
        assert message is not None
        said: dict[str, Any] = json.loads(message.text(subscription.identity))
        return said

    def rest(self, subscription: Subscription) -> list[dict[str, Any]]:
        said = []
        while (message := self.feed.next(subscription)) is not None:
            said.append(json.loads(message.text(subscription.identity)))
        return said


def cursor_of(stream: Stream) -> str:
    return str(stream.rest(stream.subscribe())[-1]["cursor"])


def test_a_cursor_whose_next_record_is_kept_is_gone_on_from() -> None:
    stream = Stream()
    cursor = cursor_of(stream)
    stream.say("m")
    stream.feed.settle(T0)  # what has just come is kept
    resumed, changes = stream.rest(stream.subscribe(cursor))
    assert resumed["type"] == "resumed"
    assert changes["reading"] == [["m", 0]]


def test_a_cursor_whose_next_record_is_not_kept_is_too_old() -> None:
    stream = Stream()
    cursor = cursor_of(stream)
    stream.say("m")
    stream.say("m", arrived=T0 + timedelta(seconds=9))
    stream.feed.settle(T0 + timedelta(seconds=1))
    reset, snapshot = stream.rest(stream.subscribe(cursor))
    assert (reset["type"], snapshot["type"]) == ("reset", "snapshot")
    assert "too old" in reset["reason"]
    assert snapshot["reading"] == [["m", 1]]


def test_as_many_records_are_kept_after_a_day_as_after_a_minute() -> None:
    stream = Stream(kept_bytes=5000)
    for _ in range(1000):
        stream.say("m")
        stream.feed.settle(T0)
    cursor = cursor_of(stream)
    for _ in range(5):
        stream.say("m")
        stream.feed.settle(T0)
    resumed, changes = stream.rest(stream.subscribe(cursor))
    assert resumed["type"] == "resumed"
    assert len(changes["reading"]) == 5


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (Stream(begins=7), Stream(begins=5)),  # the topics were made anew
        (Stream(gaps=1), Stream(gaps=2)),  # a partition that the cursor knows nothing of
    ],
)
def test_a_cursor_of_other_topics_is_not_gone_on_from(then: Stream, now: Stream) -> None:
    scope = Scope(frozenset({Kind.READING, Kind.GAP}))
    cursor = str(then.rest(then.subscribe(scope=scope))[-1]["cursor"])
    reset, snapshot = now.rest(now.subscribe(cursor, scope))
    assert (reset["type"], snapshot["type"]) == ("reset", "snapshot")
    assert "another life" in reset["reason"]


def test_what_a_snapshot_told_ahead_of_its_cursor_is_not_told_again() -> None:
    stream = Stream(part_bytes=1)
    stream.say("m")
    stream.say("n")
    subscription = stream.subscribe()
    first = stream.one(subscription)
    assert (first["reading"], first["more"]) == ([["m", 0]], True)
    stream.say("m")
    stream.say("n")
    told = [row for said in stream.rest(subscription) for row in said["reading"]]
    assert told == [["n", 3], ["m", 2]]


def test_a_miner_that_moves_away_before_its_turn_is_not_in_the_snapshot_of_its_old_site() -> None:
    stream = Stream(part_bytes=1)
    stream.say("m")
    stream.say("n")
    subscription = stream.subscribe(scope=Scope(frozenset({Kind.READING}), frozenset({"a"})))
    assert stream.one(subscription)["reading"] == [["m", 0]]
    stream.say("n", site="b")
    assert [said["reading"] for said in stream.rest(subscription)] == [[]]


@pytest.mark.parametrize(("kind", "topic"), [(Kind.GAP, GAP), (Kind.ALERT, ALERT)])
def test_who_heard_of_a_gap_or_an_alert_hears_of_its_end_though_the_miner_has_moved_to_another_site(
    kind: Kind, topic: Topic
) -> None:
    stream = Stream()

    def tell(site: str, number: int, *, ended: bool) -> None:
        body = json.dumps([site, ended]).encode()
        told = Entry(kind, "m", site, T0, body, place=(topic.name, 0), told_of="g", ended=ended)
        told.number, told.offset = number, number - 1
        stream.feed.add(told, T0)

    here = Scope(frozenset({kind}), sites=frozenset({"a"}))
    there = Scope(frozenset({kind}), sites=frozenset({"b"}))
    subscriptions = [stream.subscribe(scope=scope) for scope in (here, there)]
    tell("a", 1, ended=False)
    tell("b", 2, ended=True)
    told = [
        [one for message in stream.rest(each) for one in message.get(kind.value, [])]
        for each in subscriptions
    ]
    assert told == [[["a", False], ["b", True]], []]
