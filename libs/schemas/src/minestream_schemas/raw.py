"""What one poll of one miner brought, verbatim: the source that everything else is derived from."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from minestream_schemas.event import Event, Instant, Model, Topic
from minestream_schemas.ids import EventId, MinerId, RackId, SiteId

MAX_BODY_BYTES = 1024 * 1024
MAX_EVENT_BYTES = 4 * 1024 * 1024


class PollStatus(StrEnum):
    """How a poll, or one endpoint of it, ended."""

    OK = "ok"
    PARTIAL = "partial"
    """Some endpoints answered, others did not (a whole poll only)."""
    TIMEOUT = "timeout"
    """No whole answer within the deadline: silent, dripping or reset."""
    REFUSED = "refused"
    """Connection refused, or no route."""
    UNAUTHORISED = "unauthorised"
    """401 or 403 where credentials are needed."""
    GARBAGE = "garbage"
    """Not JSON even after repair, too big, or of the wrong shape."""
    ERROR = "error"
    """Another HTTP status (one endpoint only)."""


class EndpointBody(Model):
    """What one endpoint answered, as it came."""

    status: PollStatus
    fetched_at: Instant
    latency_ms: float = Field(default=0.0, ge=0)
    http_status: int | None = Field(default=None, ge=100, le=599)
    encoding: Literal["text", "base64"] = "text"
    body: str | None = Field(
        default=None,
        description="UTF-8 text as it came, or base64 of bytes that are none; "
        "of a garbage answer the first 4 KiB",
    )
    server_at: Instant | None = Field(default=None, description="the HTTP Date header")
    reply_id: str | None = Field(
        default=None, description="the answer's own number (header X-Reply-Id; emulators send it)"
    )
    error: str | None = Field(default=None, description="what went wrong, for people")


class RawMiner(Event):
    """One poll of one miner: the latest body of every endpoint that a parser needs.

    Bodies keep their own ``fetched_at``, because endpoints have cadences of their own: units
    (``info``, hourly) ride along with the numbers (``summary``, each poll). ``chips`` and
    ``boards`` bodies are present only in the poll that fetched them.
    """

    event_id: EventId
    site_id: SiteId
    miner_id: MinerId
    collector_id: str = Field(description="who polled: the service and its instance")
    dialect: str = Field(examples=["vnish"], description="which parser family to read it with")
    dialect_evidence: str | None = Field(
        default=None,
        examples=["GET /api/v1/info: fw_name", "inventory"],
        description="what the collector took the dialect from",
    )
    firmware: str | None = Field(default=None, examples=["1.2.7"])
    polled_at: Instant
    latency_ms: float = Field(ge=0, description="the whole poll, ms")
    status: PollStatus
    error: str | None = None
    interval_s: float = Field(gt=0, description="seconds until this miner's next regular poll")
    endpoints: dict[str, EndpointBody] = Field(default_factory=dict)
    rack_id: RackId | None = Field(default=None, description="from the inventory")
    model_hint: str | None = Field(default=None, description="from the inventory")
    algorithm_hint: Annotated[str | None, Field(description="from the inventory")] = None
    worker_hint: str | None = Field(default=None, description="from the inventory")
    tariff_usd_per_kwh: float | None = Field(
        default=None, ge=0, description="from the inventory, as it was then"
    )


RAW_MINER = Topic(
    name="minestream.raw.miner.v1",
    event=RawMiner,
    description="Every poll of every miner, verbatim and self-contained.",
    key="miner_id",
    retention=timedelta(days=7),
    max_message_bytes=MAX_EVENT_BYTES,
    producers=frozenset({"collector-vnish", "collector-cgminer", "api-gateway"}),
    consumers=frozenset({"processor", "timescale-sink", "archiver"}),
)
