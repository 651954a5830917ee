"""The state of the stream: the newest of everything, the last minutes, and what is owed to whom.

All of it happens in single steps: a snapshot and the place from which changes follow it are taken
at once, so nothing lies between them.
"""

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import takewhile
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from api_gateway.domain.stream import cursors, messages
from api_gateway.domain.stream.alerts import Alerts
from api_gateway.domain.stream.channels import Channel, Channels
from api_gateway.domain.stream.cursors import CursorRefusedError, Offsets
from api_gateway.domain.stream.entries import (
    FROM_READINGS,
    IN_SNAPSHOTS,
    NOWHERE,
    RARE,
    Entry,
    Kind,
    Place,
    Scope,
)
from api_gateway.domain.stream.history import History
from api_gateway.domain.stream.messages import Message
from api_gateway.domain.stream.subscription import (
    Bounds,
    Snapshot,
    Subscription,
    Veil,
    part_of,
    thinned,
)

_seq: Final = attrgetter("seq")
_NONE: Final[Offsets] = MappingProxyType({})


class Feed:
    """One life of the stream.

    Args:
        cluster: whose offsets these are; cursors of another are refused.
        bounds: how much is kept, and how much goes into a message.
    """

    def __init__(self, cluster: str, bounds: Bounds) -> None:
        self.channels = Channels()
        self.head = 0
        """The place of the newest entry."""
        self.data_at: datetime | None = None
        """The newest instant of any reading."""
        self.offsets: dict[Place, int] = {}
        """Of the next record, by partition."""
        self._floors: dict[Place, int] = {}
        self._cluster = cluster
        self._bounds = bounds
        self._newest: dict[str, Entry] = {}
        self._of_site: dict[str, dict[str, None]] = {}
        self._gaps: dict[str, Entry] = {}
        self._alerts = Alerts()
        self._readings = History(bounds.kept_bytes)
        self._rare = History(bounds.kept_bytes // 4)

    @property
    def miners(self) -> int:
        """How many have been heard of."""
        return len(self._newest)

    def begin(self, offsets: Offsets, *, alerts_up_to: Offsets = _NONE) -> None:
        """Follow partitions from these offsets on; what was added before came with them.

        Args:
            offsets: of the first record that will come, by partition.
            alerts_up_to: of the first that may be later than the alerts that were added before.
        """
        self.offsets = dict(offsets)
        self._alerts.begin(alerts_up_to)
        self._floors = dict(offsets)
        self._readings.begins_after = self._rare.begins_after = self.head

    def add(self, entry: Entry, arrived: datetime) -> bool:
        """Take an entry in.

        Args:
            entry: the next of its partition; or, before ``begin``, from the database.
            arrived: when that was.

        Returns:
            whether anybody wants it.
        """
        self.head += 1
        entry.seq = self.head
        if entry.kind is Kind.READING:
            self._note_reading(entry)
        elif entry.kind is Kind.GAP:
            self._note_gap(entry)
        elif entry.kind is Kind.ALERT:
            self._alerts.note(entry)
        if entry.place == NOWHERE:
            return False
        self.offsets[entry.place] = entry.offset + 1
        (self._readings if entry.kind is Kind.READING else self._rare).add(entry, arrived)
        return self.channels.give(entry)

    def skip(self, place: Place, offset: int) -> None:
        """A record of a partition that is no event."""
        self.offsets[place] = offset + 1

    def settle(self, before: datetime) -> None:
        """What is recent has been pushed; let go of what arrived before an instant."""
        self.channels.settle(self.head)
        for history in (self._readings, self._rare):
            for entry in history.trim(before):
                self._floors[entry.place] = entry.offset + 1

    def subscribe(self, subscription: Subscription, cursor: str | None) -> None:
        """Begin a subscription: from a cursor if it is good, else with a snapshot."""
        channel = self.channels.join(subscription, self.head)
        if cursor is None:
            self._begin_snapshot(subscription, channel)
            return
        try:
            self._resume(subscription, channel, cursor)
        except CursorRefusedError as exc:
            subscription.notices.append(messages.reset(str(exc)))
            self._begin_snapshot(subscription, channel)

    def next(self, subscription: Subscription) -> Message | None:
        """The next message to a subscription; None: it has everything."""
        if subscription.notices:
            return subscription.notices.popleft()
        if subscription.snapshot is not None:
            return self._part(subscription, subscription.snapshot)
        if subscription.pos >= self.head:
            return None
        channel = self.channels.of(subscription)
        if subscription.veil is None and subscription.pos >= channel.floor:
            return self._shared(subscription, channel)
        return self._catch_up(subscription, channel)

    def _note_reading(self, entry: Entry) -> None:
        if self.data_at is None or entry.at > self.data_at:
            self.data_at = entry.at
        known = self._newest.get(entry.subject)
        if known is not None:
            entry.newest = entry.at >= known.at
            if not entry.newest:
                return
            del self._newest[entry.subject]  # its place in the order is the last one's
            if known.site_id != entry.site_id:
                self._of_site[known.site_id or ""].pop(entry.subject)
        self._newest[entry.subject] = entry
        self._of_site.setdefault(entry.site_id or "", {})[entry.subject] = None

    def _note_gap(self, entry: Entry) -> None:
        if not entry.ended:
            self._gaps[entry.told_of] = entry
            return
        opened = self._gaps.pop(entry.told_of, None)
        if opened is not None:  # the miner may have moved since: who heard of it hears of its end
            entry.site_id = opened.site_id

    def _cursor(self, scope: Scope) -> str:
        return cursors.encode(self.offsets, cluster=self._cluster, scope=scope)

    def _begin_snapshot(self, subscription: Subscription, channel: Channel) -> None:
        scope = subscription.scope
        rare = [*self._gaps.values(), *self._alerts.firing()] if scope.kinds & RARE else []
        subscription.pos = self.head
        subscription.counted = channel.readings
        subscription.veil = None
        subscription.snapshot = Snapshot(
            cursor=self._cursor(scope),
            miners=list(self._miners(scope))[::-1] if scope.kinds & FROM_READINGS else [],
            rare=[entry for entry in rare if scope.takes(entry)][::-1],
            veil=Veil(self.head),
        )

    def _miners(self, scope: Scope) -> Iterator[str]:
        if scope.everything:
            yield from self._newest
            return
        sites = [self._of_site.get(site, {}) for site in sorted(scope.sites)]
        for of_site in sites:
            yield from of_site
        for miner in sorted(scope.miners):
            if miner in self._newest and not any(miner in of_site for of_site in sites):
                yield miner

    def _part(self, subscription: Subscription, snapshot: Snapshot) -> Message | None:
        scope, most = subscription.scope, self._bounds.part_bytes
        kinds = scope.kinds if snapshot.catches_up else scope.kinds & IN_SNAPSHOTS
        lists: dict[Kind, list[bytes]] = {kind: [] for kind in Kind if kind in kinds}
        size = 0
        while snapshot.rare and size < most:
            entry = snapshot.rare.pop()
            lists[entry.kind].append(entry.body)
            size += entry.size
        while snapshot.miners and size < most:
            entry = self._newest[snapshot.miners.pop()]
            if not scope.takes(entry):
                continue  # it has moved to another site
            if entry.seq > subscription.pos:
                snapshot.veil.told[entry.subject] = snapshot.veil.until = entry.seq
            subscription.counted += snapshot.catches_up
            for kind, text in ((Kind.STATUS, entry.row), (Kind.READING, entry.body)):
                if kind in lists:
                    lists[kind].append(text)
                    size += len(text)
        ends = not snapshot.miners and not snapshot.rare
        if ends:
            self._end_snapshot(subscription, snapshot)
        if not snapshot.catches_up:
            return messages.snapshot(lists, cursor=snapshot.cursor if ends else None)
        if not any(lists.values()):
            return self.next(subscription)
        return messages.changes(lists, cursor=subscription.cursor, coalesced=0)

    def _end_snapshot(self, subscription: Subscription, snapshot: Snapshot) -> None:
        subscription.snapshot = None
        subscription.veil = snapshot.veil if snapshot.veil.told else None
        if not snapshot.catches_up:
            subscription.counted += len(snapshot.veil.told)
        subscription.cursor = snapshot.cursor

    def _resume(self, subscription: Subscription, channel: Channel, cursor: str) -> None:
        scope = subscription.scope
        seen = cursors.decode(cursor, cluster=self._cluster, scope=scope)
        topics = cursors.topics_of(scope)
        places = [place for place in self.offsets if place[0] in topics]
        for place in places:
            if place not in seen or seen[place] > self.offsets[place]:
                raise CursorRefusedError("it is from another life of the topics")
            if seen[place] < self._floors[place]:
                raise CursorRefusedError("it is too old: what follows it is no longer kept")
        missed = sum(self.offsets[place] - seen[place] for place in places)
        first = self.head + 1
        readings = 0
        for entry in self._backwards():
            if missed == 0:
                break
            if entry.offset >= seen.get(entry.place, entry.offset + 1):
                missed -= 1
                first = entry.seq
                readings += entry.kind is Kind.READING and scope.takes(entry)
        subscription.pos = first - 1
        subscription.counted = channel.readings - readings
        subscription.cursor = cursor
        subscription.veil = Veil(self.head, seen=seen)
        subscription.notices.append(messages.resumed(cursor))

    def _backwards(self) -> Iterator[Entry]:
        return merge(
            reversed(self._readings.after(0)),
            reversed(self._rare.after(0)),
            key=_seq,
            reverse=True,
        )

    def _shared(self, subscription: Subscription, channel: Channel) -> Message | None:
        """What all who stand at the same place get: made for the first, and kept."""
        stood = subscription.pos, subscription.counted
        message = channel.shared.get(stood)
        if message is None:
            waiting = [entry for entry in channel.recent if entry.seq > subscription.pos]
            most = self._bounds.waiting_bytes
            message = self._tell(subscription, channel, waiting, most_bytes=most)
            if message is not None and subscription.pos == self.head:
                channel.shared[stood] = message
            return message
        subscription.pos, subscription.counted = self.head, channel.readings
        subscription.cursor = message.cursor
        return message

    def _catch_up(self, subscription: Subscription, channel: Channel) -> Message | None:
        if subscription.scope.kinds & RARE and subscription.pos < self._rare.begins_after:
            self._begin_snapshot(subscription, channel)
            return messages.reset("too much was waiting for you")
        most = self._bounds.part_bytes
        return self._tell(subscription, channel, self._waiting(subscription), most_bytes=most)

    def _waiting(self, subscription: Subscription) -> list[Entry]:
        """What came after a subscription's place; only the newest of a miner if more is gone."""
        scope, pos = subscription.scope, subscription.pos
        readings: list[Entry] = []
        if Kind.READING in scope.kinds and pos >= self._readings.begins_after:
            readings = self._readings.after(pos)
        elif scope.kinds & FROM_READINGS:
            later = takewhile(lambda entry: entry.seq > pos, reversed(self._newest.values()))
            readings = list(later)[::-1]
        rare = self._rare.after(pos) if scope.kinds & RARE else []
        waiting = sorted(readings + rare, key=_seq) if rare else readings
        return [entry for entry in waiting if scope.takes(entry)]

    def _tell(
        self,
        subscription: Subscription,
        channel: Channel,
        waiting: list[Entry],
        *,
        most_bytes: int,
    ) -> Message | None:
        scope, veil = subscription.scope, subscription.veil
        shown = [entry for entry in waiting if veil is None or not veil.hides(entry)]
        wanted = thinned(shown, scope, self._bounds)
        part = part_of(wanted, scope, most_bytes=most_bytes)
        if not part.whole and (len(wanted) < len(shown) or Kind.READING not in scope.kinds):
            subscription.snapshot = Snapshot(
                cursor=self._cursor(scope),
                miners=[each.subject for each in reversed(wanted) if each.kind is Kind.READING],
                rare=[each for each in reversed(wanted) if each.kind is not Kind.READING],
                veil=Veil(self.head),
                catches_up=True,
            )
            subscription.pos = self.head
            return self._part(subscription, subscription.snapshot)
        subscription.counted += part.told
        subscription.pos = self.head if part.whole else part.upto
        if veil is not None and subscription.pos >= veil.until:
            subscription.veil = None
        if not any(part.lists.values()):
            return None
        coalesced = 0
        if part.whole:
            coalesced = max(0, channel.readings - subscription.counted)
            subscription.counted = channel.readings
            subscription.cursor = self._cursor(scope)
        return messages.changes(part.lists, cursor=subscription.cursor, coalesced=coalesced)
