"""What becomes of an answer: the event that carries it, and what its failure is called. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from collector_market.domain.wants import Asking
from minestream_schemas.market import RawMarket
from minestream_schemas.raw import PollStatus

_KEPT_OF_GARBAGE: Final = 4096


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, whatever it was.

    Args:
        status: how it ended.
        fetched_at: when it had come.
        latency_ms: how long that took.
        http_status: None when none came.
        body: as it came; of a failure what explains it.
        server_at: the source's own clock.
        error: what went wrong, for people.
        not_before: the source wants no call before.
    """

    status: PollStatus
    fetched_at: datetime
    latency_ms: float
    http_status: int | None = None
    body: bytes | None = None
    server_at: datetime | None = None
    error: str | None = None
    not_before: datetime | None = None


def to_event(asking: Asking, heard: Heard, event_id: UUID, collector_id: str) -> RawMarket:
    """The event of an answer: verbatim where it can be read, else its status and what is known."""
    return RawMarket(
        event_id=event_id,
        subject=asking.subject,
        collector_id=collector_id,
        source=asking.source,
        endpoint=asking.endpoint,
        coin_id=asking.coin_id,
        fetched_at=heard.fetched_at,
        latency_ms=max(heard.latency_ms, 0.0),
        status=heard.status,
        http_status=heard.http_status,
        error=_error(heard),
        body=_body(heard),
        server_at=heard.server_at,
    )


def _body(heard: Heard) -> str | None:
    if heard.body is None:
        return None
    if heard.status is PollStatus.OK:
        return heard.body.decode(errors="replace")
    if heard.status is PollStatus.GARBAGE:
        return heard.body[:_KEPT_OF_GARBAGE].decode(errors="replace")
    return None


def _error(heard: Heard) -> str | None:
    if heard.status is PollStatus.OK:
        return None
    why = heard.error or heard.status.value
    said, code = [why], _code(heard.body)
    if code not in (None, heard.http_status) and not why.startswith(f"error {code}"):
        said.append(f"error {code}")
    if heard.not_before is not None:
        said.append(f"not before {heard.not_before.replace(microsecond=0).isoformat()}")
    return "; ".join(said)


def _code(body: bytes | None) -> int | None:
    """The number that CoinGecko gives its errors."""
    try:
        said: Any = json.loads(body or b"")
        code = said["status"]["error_code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return code if type(code) is int else None
