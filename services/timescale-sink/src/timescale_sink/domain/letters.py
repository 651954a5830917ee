"""What a dead letter says about itself."""

from collections.abc import Mapping
from datetime import UTC, datetime

from minestream_schemas.dead_letter import DeadLetterHeader
from timescale_sink.domain.source import Letter, Source

_NEVER = datetime.fromtimestamp(0, tz=UTC)
_OURS = frozenset(header.value for header in DeadLetterHeader)


def legible(raw: bytes) -> str:
    """Any bytes as text that any database takes: no NUL, nothing that is not UTF-8."""
    return raw.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


def letter_from(
    *,
    place: Source,
    key: bytes | None,
    value: bytes | None,
    headers: Mapping[str, bytes],
    at: datetime | None,
) -> Letter:
    """Read a record of a dead-letter topic. Never fails: what it does not say is where it lies.

    Args:
        place: where the dead letter itself lies.
        key: of the record.
        value: of the record.
        headers: the record's own and those of ``DeadLetterHeader``.
        at: Kafka's timestamp, for a letter that does not say its own; neither: 1970.
    """
    said = {name: legible(content or b"") for name, content in headers.items()}
    return Letter(
        service=place.topic.removeprefix("minestream.dlq.").rpartition(".")[0],
        source=_source(said) or place,
        kind=said.get(DeadLetterHeader.KIND, "unknown"),
        reason=said.get(DeadLetterHeader.REASON, "the dead letter does not say"),
        at=_instant(said.get(DeadLetterHeader.AT)) or at or _NEVER,
        key=key,
        value=value,
        headers={
            legible(name.encode("utf-8", "backslashreplace")): text
            for name, text in said.items()
            if name not in _OURS
        },
    )


def _source(said: Mapping[str, str]) -> Source | None:
    try:
        return Source(
            topic=said[DeadLetterHeader.TOPIC],
            partition=int(said[DeadLetterHeader.PARTITION]),
            offset=int(said[DeadLetterHeader.OFFSET]),
        )
    except (KeyError, ValueError):
        return None


def _instant(text: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None
