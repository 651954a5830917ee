"""Where a record is kept: by topic, by source and by the day on which its event happened."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final, NamedTuple, Self

from minestream_schemas.event import Event, Topic
from minestream_schemas.market import RawMarket
from minestream_schemas.pool import RawPool
from minestream_schemas.raw import RawMiner

SERVICE: Final = "archiver"
UNREADABLE: Final = "unreadable"
"""The source of records that do not say theirs."""
_SLUG_LENGTH: Final = 63
_UNSAFE: Final = re.compile(r"[^a-z0-9]+")
_NEVER: Final = date(1970, 1, 1)
_NAME: Final = re.compile(
    r"(?P<topic>.+)-p(?P<partition>\d+)(?:-g(?P<generation>\d+))?"
    r"-(?P<first>\d+)-(?P<last>\d+)\.parquet"
)


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of a raw event tell its time and its source."""

    at: str
    source: str


FIELDS: Final[dict[type[Event], Fields]] = {
    RawMiner: Fields(at="polled_at", source="dialect"),
    RawPool: Fields(at="received_at", source="pool"),
    RawMarket: Fields(at="fetched_at", source="source"),
}


def archived(topics: Iterable[Topic]) -> tuple[Topic, ...]:
    """The topics whose registration names us as a consumer.

    Raises:
        ValueError: of one of them it is not known which fields tell time and source.
    """
    ours = tuple(topic for topic in topics if SERVICE in topic.consumers)
    unknown = [topic.name for topic in ours if topic.event not in FIELDS]
    if unknown:
        raise ValueError(f"no time and source are known of {', '.join(unknown)}")
    return ours


class Envelope(NamedTuple):
    """What a record says about itself.

    Args:
        event_id: as text.
        at: when its event happened, aware.
        subject: whose it is: the field that is the topic's key.
        source: where it came from, as it says it.
    """

    event_id: str
    at: datetime
    subject: str
    source: str


class Place(NamedTuple):
    """A folder of the lake, named as hives are, so that readers skip what they do not want."""

    subject: str
    source: str
    day: date

    @property
    def folder(self) -> PurePosixPath:
        """Its path within the lake."""
        return PurePosixPath(self.subject, f"source={self.source}", f"date={self.day}")


def place_of(subject: str, envelope: Envelope | None, kafka_at: datetime | None) -> Place:
    """Where a record belongs.

    Args:
        subject: of its topic.
        envelope: what it says; None: nothing that can be read.
        kafka_at: when it was published, for records that do not say their own time.
    """
    if envelope is not None:
        return Place(subject, slug(envelope.source), envelope.at.astimezone(UTC).date())
    return Place(subject, UNREADABLE, _NEVER if kafka_at is None else kafka_at.date())


@lru_cache(maxsize=4096)
def slug(text: str) -> str:
    """A source's name as part of a path: small letters, digits and hyphens."""
    safe = _UNSAFE.sub("-", text.casefold()).strip("-")
    return safe[:_SLUG_LENGTH].strip("-") or "unknown"


class Name(NamedTuple):
    """What a file's name tells.

    Args:
        topic: registered name.
        partition: its number.
        generation: 0 unless the topic has begun anew (see ``cuts``).
        first: the offset of its first record.
        last: the offset of its last record.
    """

    topic: str
    partition: int
    generation: int
    first: int
    last: int

    @property
    def text(self) -> str:
        """The name itself."""
        anew = f"-g{self.generation}" if self.generation else ""
        return f"{self.topic}-p{self.partition}{anew}-{self.first}-{self.last}.parquet"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The name of a file of the lake; None: it is none."""
        found = _NAME.fullmatch(text)
        if found is None:
            return None
        numbers = (int(found[part] or 0) for part in ("partition", "generation", "first", "last"))
        return cls(found["topic"], *numbers)
