"""What a channel is: a way to tell people, which says whether trying again helps."""

from dataclasses import dataclass
from typing import ClassVar, Protocol
from uuid import UUID

from minestream_runtime.errors import Disposition, MinestreamError
from minestream_schemas.alert import Alert


class DeliveryDelayedError(MinestreamError):
    """The far side did not take it now. Try again.

    Args:
        text: why; holds no secret.
        after_s: what the far side asked for; None: nothing.
    """

    kind: ClassVar[str] = "delivery_delayed"
    disposition: ClassVar[Disposition] = Disposition.RETRY

    def __init__(self, text: str, *, after_s: float | None = None) -> None:
        super().__init__(text)
        self.after_s = after_s


class DeliveryRefusedError(MinestreamError):
    """The far side will never take this: a human must see to it."""

    kind: ClassVar[str] = "delivery_refused"
    disposition: ClassVar[Disposition] = Disposition.DEAD_LETTER


@dataclass(frozen=True, slots=True)
class Notification:
    """One row of the ledger: one transition for one channel.

    Args:
        notification_id: the same at every try, so that the far side knows a double.
        alert: what to tell.
        traceparent: for the far side, if it traces too.
    """

    notification_id: UUID
    alert: Alert
    traceparent: str | None = None


class Channel(Protocol):
    """One way to tell people."""

    @property
    def name(self) -> str:
        """As the ledger calls it."""

    @property
    def where(self) -> str:
        """The far side's host: all of its address that may be shown."""

    async def send(self, notification: Notification) -> str | None:
        """Tell.

        Returns:
            a remark about what was taken; None: nothing to remark.

        Raises:
            DeliveryDelayedError: try again.
            DeliveryRefusedError: never try this one again.
        """
