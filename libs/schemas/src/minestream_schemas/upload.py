"""What an edge site uploads and is answered: the words of ``POST /api/collector/upload``.

The body is a JSON array. An item is one of our own events with its topic (``Uploaded``), or a
miner's state as the telemetry document of phase 2, section 3.1, has it (``MinerRecord``).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field

from minestream_schemas.event import Model, Topic
from minestream_schemas.gap import GAP
from minestream_schemas.inventory import DETECTED
from minestream_schemas.raw import RAW_MINER

UPLOAD_PATH: Final = "/api/collector/upload"
KEY_HEADER: Final = "X-Collector-Key"
COLLECTOR_KEY: Final = r"^hsc_[A-Za-z0-9_-]{40}$"
"""44 characters in all: 30 random bytes in URL-safe base64."""

UPLOADED: Final[Mapping[str, Topic]] = {t.name: t for t in (RAW_MINER, GAP, DETECTED)}
"""The topics that an edge site may write, by name."""
CARRIED_HEADERS: Final = frozenset({"traceparent"})
"""The record headers that are handed on."""


def reporter_of(site_id: str) -> str:
    """What a site's collectors call themselves, all of them together, where they tell of gaps."""
    return f"edge-{site_id}"


RefusalKind = Literal["shape", "topic", "schema", "site", "too_large"]
"""Why an item is never taken: of neither form, on a topic that edge sites do not write, not as its
schema has it, another site's or one more than its site may claim, larger than its topic allows."""


class Refused(Model):
    """An item that is not taken and never will be: sending it again changes nothing."""

    index: int = Field(ge=0, description="its place in the array, from 0")
    kind: RefusalKind
    reason: str = Field(description="for people")


class Taken(Model):
    """What became of an upload's items. In neither list: published."""

    processed: int = Field(ge=0, description="items published")
    online: int = Field(ge=0, description="of these, miners that answered")
    offline: int = Field(ge=0, description="of these, miners that did not")
    processing_time_ms: int = Field(ge=0)
    refused: tuple[Refused, ...] = ()
    waiting: tuple[int, ...] = Field(
        default=(), description="places of items that could not be published now: send them again"
    )


class Answer(Model):
    """The envelope of every answer under ``/api/collector/``."""

    success: bool
    data: Taken | None = None
    error: str | None = None


def _aware(value: Any) -> Any:
    """An instant without a zone is UTC."""
    if isinstance(value, str) and len(value) > len("2026-01-01"):
        zoned = value.endswith(("Z", "z")) or "+" in value[10:] or "-" in value[10:]
        return value if zoned else f"{value}Z"
    return value


class BoardRecord(Model):
    """One board as the document has it."""

    model_config = ConfigDict(strict=False)

    id: int | None = None
    hashrate: float | None = Field(default=None, description="GH/s")
    temp: float | None = Field(default=None, description="°C")
    chips_ok: int | None = None
    chips_total: int | None = None


class MinerRecord(Model):
    """A miner's state as the document has it; kept verbatim, read by the dialect ``upload``.

    At least one of ``miner_id`` and ``ip_address`` is needed; ``timestamp`` is ours.
    """

    model_config = ConfigDict(strict=False)

    miner_id: str | None = Field(default=None, max_length=200)
    ip_address: str | None = Field(default=None, max_length=64)
    online: bool
    timestamp: Annotated[AwareDatetime, BeforeValidator(_aware)] | None = Field(
        default=None, description="when it was polled; without: when the upload came"
    )
    hashrate_ghs: float | None = None
    hashrate_5s_ghs: float | None = None
    hashrate_expected_ghs: float | None = None
    temperature_avg: float | None = None
    temperature_min: float | None = None
    temperature_max: float | None = None
    temperature_chips: tuple[float | None, ...] | None = None
    fan_speeds: tuple[float | None, ...] | None = None
    frequency_avg: float | None = None
    accepted_shares: int | None = None
    rejected_shares: int | None = None
    hardware_errors: int | None = None
    uptime_seconds: float | None = None
    power_consumption: float | None = None
    efficiency: float | None = None
    pool_url: str | None = None
    worker_name: str | None = None
    pool_latency_ms: float | None = None
    boards: tuple[BoardRecord, ...] | None = None
    boards_total: int | None = None
    boards_healthy: int | None = None
    overall_health: str | None = None
    model: str | None = None
    firmware_version: str | None = None
    error_message: str | None = None
    latency_ms: float | None = Field(default=None, ge=0)
