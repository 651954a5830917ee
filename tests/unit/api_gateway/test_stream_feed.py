"""What a feed tells, whatever happens in whatever order: nothing missed, nothing out of order."""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from api_gateway.domain.stream import cursors
from api_gateway.domain.stream.entries import NOWHERE, Entry, Kind, Place, Scope
from api_gateway.domain.stream.feed import Feed
from api_gateway.domain.stream.messages import Message
from api_gateway.domain.stream.subscription import Bounds, Subscription
from minestream_schemas.alert import ALERT
from minestream_schemas.anomaly import ANOMALY
from minestream_schemas.gap import GAP
from minestream_schemas.telemetry import TELEMETRY

T0 = datetime(2026, 1, 31, 12, tzinfo=UTC)
FOREVER = T0 - timedelta(days=1)
PARTITIONS = 2
MINERS = [f"miner-{n}" for n in range(6)]
PLACES: list[Place] = [
    (topic.name, n) for topic in (TELEMETRY, GAP, ANOMALY, ALERT) for n in range(PARTITIONS)
]
SCOPES = [
    Scope(frozenset({Kind.STATUS})),
    Scope(frozenset({Kind.STATUS}), sites=frozenset({"site-0"})),
    Scope(frozenset({Kind.READING}), miners=frozenset({"miner-1", "miner-2"})),
    Scope(frozenset({Kind.READING, Kind.STATUS, Kind.GAP})),
    Scope(frozenset({Kind.GAP, Kind.ANOMALY}), sites=frozenset({"site-1"})),
    Scope(frozenset({Kind.ALERT})),
    Scope(frozenset(Kind), sites=frozenset({"site-0"}), miners=frozenset({"miner-1"})),
]


def site(miner: str) -> str:
    return f"site-{int(miner[-1]) % 2}"


def reading(miner: str, n: int, place: Place, offset: int, at: datetime) -> Entry:
    said = {"m": miner, "n": n, "at": at.timestamp()}
    return Entry(
        Kind.READING,
        miner,
        site(miner),
        at,
        body=json.dumps(said | {"fill": "x" * 40}).encode(),
        row=json.dumps(said).encode(),
        place=place,
        offset=offset,
    )


def gap(miner: str, number: int, place: Place, offset: int, *, ended: bool) -> Entry:
    body = json.dumps({"id": f"{miner}/{number}", "ended": ended}).encode()
    return Entry(
        Kind.GAP, miner, site(miner), T0, body,
        place=place, offset=offset, told_of=f"{miner}/{number}", ended=ended,
    )  # fmt: skip


def alert(told_of: str, number: int, place: Place, offset: int, *, ended: bool) -> Entry:
    miner = told_of.partition("/")[0]
    body = json.dumps({"id": told_of, "number": number, "ended": ended}).encode()
    return Entry(
        Kind.ALERT, miner, site(miner), T0, body,
        place=place, offset=offset, told_of=told_of, number=number, ended=ended,
    )  # fmt: skip


def anomaly(miner: str, n: int, place: Place, offset: int) -> Entry:
    body = json.dumps({"m": miner, "n": n}).encode()
    return Entry(Kind.ANOMALY, miner, site(miner), T0, body, place=place, offset=offset)


def copy_of(entry: Entry, *, stored: bool = False) -> Entry:
    place, offset = (("", -1), -1) if stored else (entry.place, entry.offset)
    return Entry(
        entry.kind, entry.subject, entry.site_id, entry.at, entry.body, entry.row,
        place, offset, entry.told_of, entry.number, entry.ended,
    )  # fmt: skip


class Page:
    """A client: what it has been told, as a page would keep it."""

    def __init__(self, name: str, scope: Scope) -> None:
        self.scope = scope
        self.subscription = Subscription.named(name, scope)
        self.rows: dict[str, dict[str, Any]] = {}
        self.open: set[str] = set()
        self.alerts: dict[str, dict[str, Any]] = {}
        """Each that it was told of, by its newest transition: they may come twice, and late."""
        self.cursor: str | None = None
        self.forget()

    def forget(self) -> None:
        """A snapshot follows: what was counted counts no more."""
        self.latest: dict[str, int] = defaultdict(lambda: -1)
        self.told = self.coalesced = 0
        self.anomalies: list[tuple[str, int]] = []
        self.owed: list[Entry] | None = None
        """What happened since; None: not known, as the snapshot is taken bit by bit."""

    def hear(self, message: Message) -> str:
        said = json.loads(message.text(self.subscription.identity))
        assert said["id"] == "a"
        match said["type"]:
            case "reset":
                self.forget()
                self.cursor = None
                self.rows.clear()
                self.open.clear()
                self.alerts.clear()
            case "snapshot":
                self._hear_snapshot(said)
            case "changes":
                assert any(said.get(kind) for kind in Kind)
                self._hear_changes(said)
        self.cursor = said.get("cursor", self.cursor)
        return str(said["type"])

    def _hear_snapshot(self, said: dict[str, Any]) -> None:
        assert said["more"] == ("cursor" not in said)
        for row in said.get("status", []) + said.get("reading", []):
            self._note(row)
        self.open |= {each["id"] for each in said.get("gap", [])}
        self._note_alerts(said)

    def _hear_changes(self, said: dict[str, Any]) -> None:
        self.coalesced += said["coalesced"]
        self.told += len(said.get("reading" if Kind.READING in self.scope.kinds else "status", []))
        for row in said.get("status", []):
            assert row["at"] >= self.rows.get(row["m"], row)["at"]
            self._note(row)
        for body in said.get("reading", []):
            assert body["n"] > self.latest[body["m"]], "out of order, or twice"
            self.latest[body["m"]] = body["n"]
            self._note(body)
        for each in said.get("gap", []):
            (self.open.discard if each["ended"] else self.open.add)(each["id"])
        self._note_alerts(said)
        self.anomalies += [(each["m"], each["n"]) for each in said.get("anomaly", [])]

    def _note_alerts(self, said: dict[str, Any]) -> None:
        for each in said.get("alert", []):
            if each["number"] > self.alerts.get(each["id"], {"number": 0})["number"]:
                self.alerts[each["id"]] = each

    @property
    def firing(self) -> set[str]:
        return {name for name, each in self.alerts.items() if not each["ended"]}

    def _note(self, row: dict[str, Any]) -> None:
        known = self.rows.get(row["m"])
        if known is None or row["at"] >= known["at"]:
            self.rows[row["m"]] = {key: row[key] for key in ("m", "n", "at")}


class World(RuleBasedStateMachine):
    """Events, clients that take what they like when they like, breaks, and new lives."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[Place, list[Entry]] = {place: [] for place in PLACES}
        self.events: list[Entry] = []
        self.pages: list[Page] = []
        self.stored: tuple[dict[Place, int], int] = (dict.fromkeys(PLACES, 0), 0)
        self.open: dict[str, int] = {}
        self.alerts: dict[str, Entry] = {}
        """The alerter's table: each alert by its newest transition."""
        self.outbox: list[Entry] = []

    @initialize(kept=strategies.sampled_from([2_000, 20_000, 10**9]))
    def begin(self, kept: int) -> None:
        self.bounds = Bounds(kept_bytes=kept, part_bytes=150, waiting_bytes=600)
        self.feed = Feed("cluster", self.bounds)
        self.feed.begin(dict.fromkeys(PLACES, 0))

    def _happen(self, entry: Entry) -> None:
        self.records[entry.place].append(entry)
        self.events.append(entry)
        self.feed.add(copy_of(entry), T0)
        for page in self.pages:
            if page.owed is not None and page.scope.takes(entry):
                page.owed.append(entry)

    def _place(self, topic: str, miner: str) -> tuple[Place, int]:
        place = (topic, int(miner[-1]) % PARTITIONS)
        return place, len(self.records[place])

    @rule(miner=strategies.sampled_from(MINERS), late_s=strategies.sampled_from([0, 0, 0, 90]))
    def say(self, miner: str, late_s: int) -> None:
        n = len(self.events)
        at = T0 + timedelta(seconds=n - late_s)
        self._happen(reading(miner, n, *self._place(TELEMETRY.name, miner), at))

    @rule(miner=strategies.sampled_from(MINERS))
    def open_or_close_a_gap(self, miner: str) -> None:
        ended = miner in self.open
        number = self.open.pop(miner) if ended else self.open.setdefault(miner, len(self.events))
        self._happen(gap(miner, number, *self._place(GAP.name, miner), ended=ended))

    @rule(miner=strategies.sampled_from(MINERS), ended=strategies.booleans())
    def alert_or_resolve(self, miner: str, *, ended: bool) -> None:
        """The alerter commits; it publishes later."""
        firing = [e for e in self.alerts.values() if e.subject == miner and not e.ended]
        if firing:
            name, number = firing[0].told_of, firing[0].number + 1
        else:
            name, number, ended = f"{miner}/{len(self.alerts)}", 1, False
        entry = alert(name, number, NOWHERE, -1, ended=ended)
        self.alerts[name] = entry
        self.outbox.append(entry)

    @rule(again=strategies.booleans())
    def publish_alerts(self, *, again: bool) -> None:
        """In order; after a crash what was published already comes once more."""
        for entry in self.outbox * (1 + again):
            place, offset = self._place(ALERT.name, entry.subject)
            self._happen(alert(entry.told_of, entry.number, place, offset, ended=entry.ended))
        self.outbox.clear()

    @rule(miner=strategies.sampled_from(MINERS))
    def be_odd(self, miner: str) -> None:
        self._happen(anomaly(miner, len(self.events), *self._place(ANOMALY.name, miner)))

    @rule()
    def store(self) -> None:
        offsets = {place: len(records) for place, records in self.records.items()}
        self.stored = offsets, len(self.events)

    @rule(scope=strategies.sampled_from(SCOPES), eager=strategies.booleans())
    def connect(self, *, scope: Scope, eager: bool) -> None:
        if len(self.pages) < 6:
            page = Page("a", scope)
            self.pages.append(page)
            self.feed.subscribe(page.subscription, None)
            if eager:
                self._take(page, 1000)
                page.owed = []

    @rule(which=strategies.integers(0, 5), messages=strategies.integers(1, 4))
    def take(self, which: int, messages: int) -> None:
        if which < len(self.pages):
            self._take(self.pages[which], messages)

    @rule(lazy=strategies.sets(strategies.integers(0, 5)))
    def push(self, lazy: set[int]) -> None:
        for index, page in enumerate(self.pages):
            if index not in lazy:
                self._take(page, 1000)
        self.feed.settle(FOREVER)

    @rule(which=strategies.integers(0, 5))
    def break_and_come_back(self, which: int) -> None:
        if which < len(self.pages):
            page = self.pages[which]
            self.feed.channels.leave(page.subscription)
            self._come_back(page)

    @rule(back=strategies.integers(0, 8))
    def restart(self, back: int) -> None:
        offsets, count = self.stored
        feed = Feed("cluster", self.bounds)
        newest: dict[str, Entry] = {}
        gaps: dict[str, Entry] = {}
        for entry in self.events[:count]:
            if entry.kind is Kind.READING:
                known = newest.get(entry.subject)
                if known is None or entry.at > known.at:
                    newest[entry.subject] = entry
            elif entry.kind is Kind.GAP:
                gaps[entry.told_of] = entry
        still_open = [each for each in gaps.values() if not each.ended]
        for entry in [*newest.values(), *still_open, *self.alerts.values()]:
            feed.add(copy_of(entry, stored=True), T0)
        ends = {place: len(self.records[place]) for place in PLACES if place[0] == ALERT.name}
        begins = {place: max(0, offset - back) for place, offset in (offsets | ends).items()}
        feed.begin(begins, alerts_up_to=ends)
        for place in PLACES:
            for entry in self.records[place][begins[place] :]:
                feed.add(copy_of(entry), T0)
        self.feed = feed
        for page in self.pages:
            self._come_back(page)

    def _come_back(self, page: Page) -> None:
        page.subscription = Subscription.named("a", page.scope)
        page.forget()
        if page.cursor is None:
            page.rows.clear()
            page.open.clear()
            page.alerts.clear()
        self.feed.subscribe(page.subscription, page.cursor)

    def _take(self, page: Page, messages: int) -> None:
        for _ in range(messages):
            message = self.feed.next(page.subscription)
            if message is None:
                return
            cursor = page.cursor
            if page.hear(message) == "resumed":
                assert cursor is not None
                seen = cursors.decode(cursor, cluster="cluster", scope=page.scope)
                page.owed = [
                    entry
                    for entry in self.events
                    if page.scope.takes(entry) and entry.offset >= seen[entry.place]
                ]

    def _has_all(self, page: Page) -> bool:
        owed = page.subscription
        return not (owed.notices or owed.snapshot or owed.pos < self.feed.head)

    @invariant()
    def who_has_taken_all_knows_which_alerts_fire_once_all_is_published(self) -> None:
        for page in self.pages:
            if Kind.ALERT in page.scope.kinds and not self.outbox and self._has_all(page):
                assert page.firing == {
                    name for name, e in self.alerts.items() if not e.ended and page.scope.takes(e)
                }

    @invariant()
    def who_has_taken_all_knows_all(self) -> None:
        if not hasattr(self, "feed"):
            return
        for page in self.pages:
            subscription = page.subscription
            if not self._has_all(page):
                continue
            scope = page.scope
            if Kind.GAP in scope.kinds:
                assert page.open == {
                    f"{miner}/{number}"
                    for miner, number in self.open.items()
                    if scope.everything or site(miner) in scope.sites or miner in scope.miners
                }
            if scope.kinds & {Kind.STATUS, Kind.READING}:
                newest: dict[str, Entry] = {}
                for entry in self.events:
                    if entry.kind is Kind.READING and scope.takes(entry):
                        known = newest.get(entry.subject)
                        if known is None or entry.at >= known.at:
                            newest[entry.subject] = entry
                assert {miner: row["n"] for miner, row in page.rows.items()} == {
                    miner: json.loads(entry.row)["n"] for miner, entry in newest.items()
                }
            if page.owed is not None:
                readings = [entry for entry in page.owed if entry.kind is Kind.READING]
                channel = self.feed.channels.of(subscription)
                untold = channel.readings - subscription.counted  # late ones: the next message says
                assert page.told + page.coalesced + untold == len(readings)
                odd = [json.loads(e.body) for e in page.owed if e.kind is Kind.ANOMALY]
                assert sorted(page.anomalies) == sorted((each["m"], each["n"]) for each in odd)


World.TestCase.settings = settings(max_examples=80, stateful_step_count=60, deadline=None)
TestWorld = World.TestCase


def test_who_takes_a_turn_late_is_not_given_what_was_made_for_another_before() -> None:
    feed = Feed("cluster", Bounds())
    feed.begin(dict.fromkeys(PLACES, 0))
    pages = [Page("a", SCOPES[0]), Page("a", SCOPES[0])]
    for page in pages:
        feed.subscribe(page.subscription, None)
        assert feed.next(page.subscription) is not None
    for n, page in enumerate(pages):
        feed.add(reading("miner-0", n, PLACES[0], n, T0 + timedelta(seconds=n)), T0)
        message = feed.next(page.subscription)
        assert message is not None
        page.hear(message)
    assert pages[1].rows["miner-0"]["n"] == 1
