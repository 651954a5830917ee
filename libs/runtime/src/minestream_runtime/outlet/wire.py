"""Events as they go onto the wire: the bytes that their model makes, at two thirds of its cost."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

_ENCODER = msgspec.json.Encoder()


class _Body(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """Fields and order of ``EndpointBody``; a test compares them."""

    status: PollStatus
    fetched_at: datetime
    latency_ms: float
    http_status: int | None = None
    encoding: Literal["text", "base64"]
    body: str | None = None
    server_at: datetime | None = None
    reply_id: str | None = None
    error: str | None = None


class _Event(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """Fields and order of ``RawMiner``; a test compares them."""

    event_id: UUID
    site_id: str
    miner_id: str
    collector_id: str
    dialect: str
    dialect_evidence: str | None = None
    firmware: str | None = None
    polled_at: datetime
    latency_ms: float
    status: PollStatus
    error: str | None = None
    interval_s: float
    endpoints: dict[str, _Body]
    rack_id: str | None = None
    model_hint: str | None = None
    algorithm_hint: str | None = None
    worker_hint: str | None = None
    tariff_usd_per_kwh: float | None = None


def encode(event: RawMiner) -> bytes:
    """What ``RawMiner.from_json`` takes, and the same as ``to_json`` gives.

    Args:
        event: built, and so checked, by its model.
    """
    return _ENCODER.encode(
        _Event(
            event_id=event.event_id,
            site_id=event.site_id,
            miner_id=event.miner_id,
            collector_id=event.collector_id,
            dialect=event.dialect,
            dialect_evidence=event.dialect_evidence,
            firmware=event.firmware,
            polled_at=event.polled_at,
            latency_ms=event.latency_ms,
            status=event.status,
            error=event.error,
            interval_s=event.interval_s,
            endpoints={name: _body(body) for name, body in event.endpoints.items()},
            rack_id=event.rack_id,
            model_hint=event.model_hint,
            algorithm_hint=event.algorithm_hint,
            worker_hint=event.worker_hint,
            tariff_usd_per_kwh=event.tariff_usd_per_kwh,
        )
    )


def _body(body: EndpointBody) -> _Body:
    return _Body(
        status=body.status,
        fetched_at=body.fetched_at,
        latency_ms=body.latency_ms,
        http_status=body.http_status,
        encoding=body.encoding,
        body=body.body,
        server_at=body.server_at,
        reply_id=body.reply_id,
        error=body.error,
    )
