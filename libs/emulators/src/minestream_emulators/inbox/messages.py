"""What came, by the id that its sender gave it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

_MOST: Final = 20_000


@dataclass(slots=True)
class Message:
    """One message, however often it came.

    Args:
        channel: webhook or mail.
        key: the ``Idempotency-Key`` or ``Message-ID``.
        title: one line.
        text: for people.
        received_at: when it came first.
        alert: what the web hook's JSON says; None for mails.
        headers: those that a test looks at.
        times: how often it came.
        differed: did a later copy say something else?
    """

    channel: str
    key: str
    title: str
    text: str
    received_at: datetime
    alert: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    differed: bool = False

    def worded(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "channel": self.channel,
            "key": self.key,
            "title": self.title,
            "text": self.text,
            "received_at": self.received_at.isoformat(),
            "alert": self.alert,
            "headers": self.headers,
            "times": self.times,
            "differed": self.differed,
        }


class Messages:
    """Keeps messages in the order in which they came first; the oldest go when there are many."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Message] = {}

    def take(self, message: Message) -> bool:
        """Keep a message; False: it had come before, which is counted."""
        known = self._kept.get((message.channel, message.key))
        if known is not None:
            known.times += 1
            known.differed = known.differed or known.text != message.text
            return False
        self._kept[message.channel, message.key] = message
        if len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]
        return True

    def shown(self, channel: str | None = None) -> list[Message]:
        """All of them, or those of one channel."""
        return [each for each in self._kept.values() if channel in {None, each.channel}]

    def clear(self) -> int:
        """Forget all; how many there were."""
        count = len(self._kept)
        self._kept.clear()
        return count
