"""The errors that loops branch on: by disposition, never by class.

MinestreamError
├── SourceUnavailableError     RETRY        a device or service did not answer
├── SourceRejectedError        QUARANTINE   it answered 401 or 403
├── PayloadInvalidError        DEAD_LETTER  it answered what nobody can read
├── BrokerUnavailableError     RETRY        Kafka is away
├── RecordRefusedError         DEAD_LETTER  whoever publishes it for us will never take this record
│   └── RecordTooLargeError    DEAD_LETTER  Kafka will never take this record
├── StoreUnavailableError      RETRY        the database is away or full
├── StoreRejectedError         DEAD_LETTER  the database refuses this very row
├── BugError                   DEAD_LETTER  our own code raised at this very record
├── PartitionLostError         RETRY        another instance owns the partition now
├── DeadLetterLimitError       CRASH        too many dead letters: stop before all are drained
├── MembershipLostError        CRASH        the group refuses us for good: start again, as new
├── ConfigurationError         CRASH        start-up cannot go on; the text says what to change
└── CgminerError               its own tree: minestream_runtime.devices.cgminer.errors
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import ClassVar


class Disposition(StrEnum):
    """What to do with the unit of work that failed."""

    RETRY = "retry"
    DEAD_LETTER = "dead_letter"
    QUARANTINE = "quarantine"
    """Stop asking this target, tell a human."""
    CRASH = "crash"


class MinestreamError(Exception):
    """The base: a low-cardinality ``kind`` (``error.type``) and what to do about it."""

    kind: ClassVar[str] = "error"
    disposition: ClassVar[Disposition] = Disposition.CRASH


class SourceUnavailableError(MinestreamError):
    """A device or service did not answer in time. Try again."""

    kind = "source_unavailable"
    disposition = Disposition.RETRY


class SourceRejectedError(MinestreamError):
    """A device or service answered 401 or 403: trying again would lock us out."""

    kind = "source_rejected"
    disposition = Disposition.QUARANTINE


class PayloadInvalidError(MinestreamError):
    """What came cannot be read."""

    kind = "payload_invalid"
    disposition = Disposition.DEAD_LETTER


class BrokerUnavailableError(MinestreamError):
    """Kafka is away."""

    kind = "broker_unavailable"
    disposition = Disposition.RETRY


class RecordRefusedError(MinestreamError):
    """The record will never be taken, however often it is sent."""

    kind = "record_refused"
    disposition = Disposition.DEAD_LETTER


class RecordTooLargeError(RecordRefusedError):
    """The record is larger than its topic allows."""

    kind = "record_too_large"


class StoreUnavailableError(MinestreamError):
    """The database is away, full or too busy. The whole transaction may be tried again."""

    kind = "store_unavailable"
    disposition = Disposition.RETRY


class StoreRejectedError(MinestreamError):
    """The database refuses a row of this batch for what is in it."""

    kind = "store_rejected"
    disposition = Disposition.DEAD_LETTER


class BugError(MinestreamError):
    """Our own code raised what it should not; only these count towards the dead-letter limit."""

    kind = "bug"
    disposition = Disposition.DEAD_LETTER


class PartitionLostError(MinestreamError):
    """Another instance has moved the partition's offset: what we hold is not ours to write."""

    kind = "partition_lost"
    disposition = Disposition.RETRY


class MembershipLostError(MinestreamError):
    """A consumer's group has refused it again and again: only a fresh process can join."""

    kind = "membership_lost"
    disposition = Disposition.CRASH


class DeadLetterLimitError(MinestreamError):
    """More dead letters than the limit allows: a flood must stop the service, not drain away."""

    kind = "dead_letter_limit"
    disposition = Disposition.CRASH


class ConfigurationError(MinestreamError):
    """A setting or a surrounding system is wrong; the text says what to change."""

    kind = "configuration"
    disposition = Disposition.CRASH


@contextmanager
def unit_of_work() -> Iterator[None]:
    """Guard the handling of one record: whatever it raises becomes an error with a disposition.

    Raises:
        BugError: for any exception that is not ours; the text names its type and place only.
    """
    try:
        yield
    except MinestreamError:
        raise
    except Exception as exc:
        place = exc.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "" if place is None else f" at {place.tb_frame.f_code.co_name}:{place.tb_lineno}"
        raise BugError(f"{type(exc).__name__}{where}") from exc
