"""Records that break our contract: set aside, untouched, with the reason in their headers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from minestream_schemas.event import Event, Topic


class DeadLetterKind(StrEnum):
    """Why a record was set aside."""

    SCHEMA = "schema"
    """No schema accepts it."""
    BUG = "bug"
    """Our code raised at it, three times."""
    TOO_OLD = "too_old"
    """It is older than raw retention: its window and partition are gone."""
    TOO_NEW = "too_new"
    """Its time lies more than a day ahead of our clock."""
    STORE = "store"
    """The database refuses this very row (found by halving its batch)."""


class DeadLetterHeader(StrEnum):
    """Headers added to the record; its own stand beside them."""

    TOPIC = "dlq-topic"
    PARTITION = "dlq-partition"
    OFFSET = "dlq-offset"
    KIND = "dlq-kind"
    REASON = "dlq-reason"
    AT = "dlq-at"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record is set aside.

    Args:
        kind: in a word.
        reason: for people; without the record's own contents.
    """

    kind: DeadLetterKind
    reason: str


def dead_letter_headers(
    *, topic: str, partition: int, offset: int, kind: str, reason: str, at: datetime
) -> dict[str, bytes]:
    """The headers that tell where a record lay and why it was set aside.

    Args:
        topic: where it lay.
        partition: of that topic.
        offset: on that partition.
        kind: a ``DeadLetterKind``.
        reason: for people; without the record's own contents.
        at: when it was set aside.
    """
    said = {
        DeadLetterHeader.TOPIC: topic,
        DeadLetterHeader.PARTITION: str(partition),
        DeadLetterHeader.OFFSET: str(offset),
        DeadLetterHeader.KIND: kind,
        DeadLetterHeader.REASON: reason,
        DeadLetterHeader.AT: at.isoformat(),
    }
    # plain strings: Kafka's client takes no other
    return {name.value: text.encode("utf-8", "backslashreplace") for name, text in said.items()}


class DeadLetter(Event):
    """The value is the foreign record's own, so there is nothing to say about its fields."""


def dead_letter_topic(service: str) -> Topic:
    """The topic of one consumer group's dead letters.

    Args:
        service: the consuming service, which is its group's name too.
    """
    return Topic(
        name=f"minestream.dlq.{service}.v1",
        event=DeadLetter,
        description=f"Records that {service} could not take, untouched, the reason in headers.",
        key="(the record's own)",
        partitions=1,
        retention=timedelta(days=30),
        max_message_bytes=16 * 1024 * 1024,
        producers=frozenset({service}),
        consumers=frozenset({"timescale-sink"}),
    )


DEAD_LETTERS: Final = tuple(
    map(
        dead_letter_topic,
        ("processor", "timescale-sink", "alerter", "abacus-sink", "api-gateway"),
    )
)
