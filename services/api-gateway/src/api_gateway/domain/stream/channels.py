"""Who wants what: subscriptions to the same are one channel, found by site and by miner."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from api_gateway.domain.stream.entries import Entry, Kind, Scope
from api_gateway.domain.stream.messages import Message
from api_gateway.domain.stream.subscription import Subscription


@dataclass(slots=True, eq=False)
class Channel:
    """All subscriptions of one scope.

    Args:
        scope: theirs.
        floor: the place after which ``recent`` has all entries of the scope.
        recent: what came since the last push.
        readings: how many readings of the scope there have been.
        shared: the message from a place on, for the subscriptions that stand there.
    """

    scope: Scope
    floor: int
    recent: list[Entry] = field(default_factory=list)
    readings: int = 0
    shared: dict[tuple[int, int], Message] = field(default_factory=dict)
    subscriptions: set[Subscription] = field(default_factory=set)


class Channels:
    """The channels there are; those that an entry is for are found without looking at the rest."""

    def __init__(self) -> None:
        self._by_scope: dict[Scope, Channel] = {}
        self._all: set[Channel] = set()
        self._by_site: defaultdict[str, set[Channel]] = defaultdict(set)
        self._by_miner: defaultdict[str, set[Channel]] = defaultdict(set)
        self.touched: set[Channel] = set()
        """Those that have something new."""

    def join(self, subscription: Subscription, head: int) -> Channel:
        """Add a subscription; the place where the stream stands is where a new channel begins."""
        channel = self._by_scope.get(subscription.scope)
        if channel is None:
            channel = self._by_scope[subscription.scope] = Channel(subscription.scope, head)
            for group in self._groups(channel.scope):
                group.add(channel)
        channel.subscriptions.add(subscription)
        return channel

    def leave(self, subscription: Subscription) -> None:
        """Remove a subscription, and its channel with the last."""
        channel = self.of(subscription)
        channel.subscriptions.discard(subscription)
        if channel.subscriptions:
            return
        del self._by_scope[channel.scope]
        self.touched.discard(channel)
        for group in self._groups(channel.scope):
            group.discard(channel)
        for name in channel.scope.sites:
            if not self._by_site[name]:
                del self._by_site[name]
        for name in channel.scope.miners:
            if not self._by_miner[name]:
                del self._by_miner[name]

    def of(self, subscription: Subscription) -> Channel:
        """The channel that it has joined."""
        return self._by_scope[subscription.scope]

    def give(self, entry: Entry) -> bool:
        """Hand an entry to the channels that want it.

        Returns:
            whether any does.
        """
        wanted = False
        for channel in self._wanting(entry):
            if entry.kind not in channel.scope.entry_kinds:
                continue
            wanted = True
            channel.recent.append(entry)
            channel.shared.clear()
            if entry.kind is Kind.READING:
                channel.readings += 1
            self.touched.add(channel)
        return wanted

    def settle(self, head: int) -> None:
        """What is recent has been pushed to all who could take it."""
        for channel in self.touched:
            channel.recent.clear()
            channel.shared.clear()
            channel.floor = head
        self.touched.clear()

    def _groups(self, scope: Scope) -> Iterator[set[Channel]]:
        if scope.everything:
            yield self._all
        yield from (self._by_site[name] for name in scope.sites)
        yield from (self._by_miner[name] for name in scope.miners)

    def _wanting(self, entry: Entry) -> set[Channel]:
        by_site = self._by_site.get(entry.site_id or "", set())
        return self._all | by_site | self._by_miner.get(entry.subject, set())
