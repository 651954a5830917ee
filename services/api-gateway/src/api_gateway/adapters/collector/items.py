"""One item of an upload: an event to publish, a record to place, or the reason for neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from api_gateway.domain.collector.claims import not_its_own
from api_gateway.domain.collector.uploads import beyond
from api_gateway.domain.inventory import unstorable
from minestream_runtime.kafka.producer import key_of
from minestream_runtime.traces import Headers
from minestream_schemas.event import Event, Topic
from minestream_schemas.gap import Gap, gap_id_of
from minestream_schemas.inventory import Detected
from minestream_schemas.raw import PollStatus, RawMiner
from minestream_schemas.upload import CARRIED_HEADERS, UPLOADED, MinerRecord, RefusalKind

MOST_RECORD_BYTES: Final = 256 * 1024
_OFFLINE: Final = frozenset({PollStatus.TIMEOUT, PollStatus.REFUSED})
_INSTANTS: Final = ("polled_at", "began_at", "ended_at", "detected_at")
_FAULTS_SHOWN: Final = 3
_MOST_NAME: Final = 200
_NAME_WANTED: Final = f"at most {_MOST_NAME} characters, none of them NUL"


class _Wrapped(msgspec.Struct):
    """Our own event, or what shows that it is none: a record has no such keys."""

    topic: Any = None
    event: msgspec.Raw = msgspec.Raw()
    headers: Any = None


_DECODER: Final = msgspec.json.Decoder(_Wrapped)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item is never taken."""

    kind: RefusalKind
    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """An event as it goes to Kafka.

    Args:
        topic: where to.
        key: decides the partition.
        value: as it came, to the byte.
        event_id: for spans.
        owned: the miner, or for a gap whatever it is about: one site's alone.
        headers: of the record.
        online: did the miner answer? None: it is about something else.
    """

    topic: Topic
    key: bytes
    value: bytes
    event_id: str
    owned: str
    headers: Headers = ()
    online: bool | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A miner's state that is yet to be placed: whose it is, the inventory knows."""

    record: MinerRecord
    body: str


def read_item(item: bytes, site_id: str, now: datetime) -> Message | Record | Refusal:
    """Read one item.

    Args:
        item: its JSON.
        site_id: the key's; an event that names another is refused.
        now: our clock; what is told of a time far from it is refused.
    """
    try:
        wrapped = _DECODER.decode(item)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Refusal("shape", "an object is wanted")
    if wrapped.topic is None and not bytes(wrapped.event):
        return _record(item, now)
    topic = UPLOADED.get(wrapped.topic) if isinstance(wrapped.topic, str) else None
    if topic is None:
        return Refusal("topic", f"topic: one of {', '.join(UPLOADED)} is wanted")
    return _message(topic, bytes(wrapped.event), wrapped.headers, site_id, now)


def message_of(topic: Topic, event: Event, value: bytes, headers: Headers = ()) -> Message:
    """An event that may be published."""
    online = event.status not in _OFFLINE if isinstance(event, RawMiner) else None
    key = key_of(topic, event)
    event_id = str(getattr(event, "event_id", ""))
    return Message(topic, key, value, event_id, key.decode(), headers, online)


def _message(
    topic: Topic, value: bytes, headers: Any, site_id: str, now: datetime
) -> Message | Refusal:
    if len(value) > topic.max_message_bytes:
        return Refusal("too_large", f"{len(value)} bytes; {topic.max_message_bytes} are allowed")
    try:
        event = topic.event.from_json(value)
    except ValidationError as exc:
        return Refusal("schema", _said(exc))
    if said := _not_theirs(event, site_id):
        return Refusal("site", said)
    fault = _fault(event, now)
    if fault is not None:
        return Refusal("schema", fault)
    message = message_of(topic, event, value, _carried(headers))
    if not _is_name(message.owned):
        return Refusal("schema", f"{topic.key}: {_NAME_WANTED}")
    return message


def _not_theirs(event: Event, site_id: str) -> str | None:
    """Why a site may not tell this, as the event says itself."""
    said = getattr(event, "site_id", site_id)
    if said != site_id:
        return f"site_id: the key is {site_id}'s, the event {said or 'nobody'}'s"
    return not_its_own(event, site_id) if isinstance(event, Gap) else None


def _fault(event: Event, now: datetime) -> str | None:
    """What no schema says and is wrong all the same."""
    for name in _INSTANTS:
        at = getattr(event, name, None)
        if at is not None and (fault := beyond(at, now)):
            return f"{name}: {fault}"
    if isinstance(event, Gap) and event.gap_id != gap_id_of(
        event.subject, event.cause, event.began_at
    ):
        return "gap_id: must follow from subject, cause and began_at"
    return unstorable(event) if isinstance(event, Detected) else None


def _record(item: bytes, now: datetime) -> Record | Refusal:
    if len(item) > MOST_RECORD_BYTES:
        return Refusal("too_large", f"{len(item)} bytes; {MOST_RECORD_BYTES} are allowed")
    try:
        record = MinerRecord.model_validate_json(item)
        body = item.decode()
    except ValidationError as exc:
        return Refusal("schema", _said(exc))
    if not (record.miner_id or "").strip() and not (record.ip_address or "").strip():
        return Refusal("schema", "miner_id or ip_address: one is needed")
    if not all(_is_name(name or "") for name in (record.miner_id, record.ip_address)):
        return Refusal("schema", f"miner_id, ip_address: {_NAME_WANTED}")
    if record.timestamp is not None and (fault := beyond(record.timestamp, now)):
        return Refusal("schema", f"timestamp: {fault}")
    return Record(record, body)


def _is_name(text: str) -> bool:
    """Can the database be asked whose it is? If not, no try again would make it so."""
    return len(text) <= _MOST_NAME and "\0" not in text


def _carried(headers: Any) -> Headers:
    if not isinstance(headers, Mapping):
        return ()
    return tuple(
        (name, value.encode())
        for name in CARRIED_HEADERS
        if isinstance(value := headers.get(name), str) and value.isascii()
    )


def _said(exc: ValidationError) -> str:
    """What is wrong and where; nothing of what was given, which may be a secret."""
    faults = exc.errors(include_input=False, include_url=False, include_context=False)
    shown = "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'event'}: {fault['msg']}"
        for fault in faults[:_FAULTS_SHOWN]
    )
    more = len(faults) - _FAULTS_SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown
