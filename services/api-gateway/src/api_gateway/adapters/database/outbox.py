"""The fleet's outbox: what was committed and is to be on Kafka."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from minestream_runtime.database.outbox import Outbox
from minestream_runtime.database.pool import Connection

_CHANNEL: Final = "fleet_outbox"
_RELAY_LOCK: Final = 0x4F757462  # "Outb"
OUTBOX: Final = Outbox("fleet", lock=_RELAY_LOCK, channel=_CHANNEL)


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent. ``topic`` is the registered name, without namespace."""

    topic: str
    key: str
    value: str | None


async def enqueue(
    connection: Connection,
    messages: Sequence[Message],
    *,
    advanced: Callable[[int], None] = lambda _done: None,
) -> int | None:
    """Write messages into the transaction that is under way, and wake the relay at its commit.

    Args:
        connection: of the transaction.
        messages: in the order in which they are to be sent.
        advanced: told how many have been written.

    Returns:
        the id of the last; None where there are none.
    """
    if not messages:
        return None
    async with connection.cursor() as cursor:
        async with cursor.copy("COPY fleet.outbox (topic, key, value) FROM STDIN") as copy:
            for number, message in enumerate(messages, start=1):
                await copy.write_row((message.topic, message.key, message.value))
                advanced(number)
        await cursor.execute("SELECT pg_notify(%s, '')", (_CHANNEL,))
        await cursor.execute("SELECT currval('fleet.outbox_id_seq')")
        row = await cursor.fetchone()
    return None if row is None else int(row[0])
