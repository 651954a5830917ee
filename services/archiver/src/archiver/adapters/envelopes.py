"""Reads of each record no more than where it belongs; its bytes are kept whatever they are."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec

from archiver.domain.places import FIELDS, Envelope
from minestream_schemas.event import Topic

Reader = Callable[[bytes | None], Envelope | None]
_Aware = Annotated[datetime, msgspec.Meta(tz=True)]
_REFUSED: Final = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)


def reader_of(topic: Topic) -> Reader:
    """What reads the envelopes of a topic's records.

    Args:
        topic: its event tells its time and its source in fields that ``FIELDS`` names.
    """
    fields = FIELDS[topic.event]
    names = {"event_id": UUID, fields.at: _Aware, topic.key: str, fields.source: str}
    shape = msgspec.defstruct(topic.event.__name__, list(names.items()), gc=False)
    decoder = msgspec.json.Decoder(shape)

    def read(value: bytes | None) -> Envelope | None:
        """The envelope of one record; None: it does not say id, time, subject and source."""
        if value is None:
            return None
        try:
            found: Any = decoder.decode(value)
            return Envelope(
                str(found.event_id),
                getattr(found, fields.at).astimezone(UTC),
                getattr(found, topic.key),
                getattr(found, fields.source),
            )
        except _REFUSED:
            return None

    return read
