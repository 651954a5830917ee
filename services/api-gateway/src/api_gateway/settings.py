"""What the gateway is told by its environment, beside what all services share."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from api_gateway.domain.system import ServiceAddress, parse_services
from minestream_runtime.settings import Settings


class GatewaySettings(Settings):
    """The gateway's own settings; each is ``MINESTREAM_`` and its name in capitals."""

    gateway_host: str = Field(default="127.0.0.1", description="where REST listens")
    gateway_port: int = Field(default=8480, ge=0, le=65535, description="0: any free one")
    gateway_read_connections: int = Field(default=8, ge=1, le=100)
    gateway_statement_timeout_s: float = Field(
        default=5.0, gt=0, le=60, description="a query that takes longer is answered with 504"
    )
    gateway_stale_after_s: float = Field(
        default=300.0, gt=0, description="a reading older than this says nothing of now"
    )
    gateway_pool_stale_after_s: float = Field(
        default=900.0, gt=0, description="what a pool said of a worker before says nothing of now"
    )
    services: Annotated[tuple[ServiceAddress, ...], NoDecode] = Field(
        default=(),
        description="where the other services' health and metrics are: name=host:port,…",
    )
    outbox_poll_s: float = Field(
        default=1.0, gt=0, le=60, description="how often the outbox is read unasked"
    )
    outbox_keep_s: float = Field(
        default=86_400.0, ge=0, description="how long sent rows stay to be looked at"
    )
    upload_wire_bytes: int = Field(
        default=8 * 1024 * 1024, ge=1024, description="the most that one upload may be, as sent"
    )
    upload_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, description="the same, unpacked")
    upload_items: int = Field(default=5000, ge=1, description="in one upload")
    upload_rate_per_min: float = Field(
        default=600.0, gt=0, description="uploads of one collector key, in the long run"
    )
    upload_deadline_s: float = Field(
        default=30.0, gt=0, le=600, description="for the whole body of an upload"
    )
    upload_interval_s: float = Field(
        default=60.0, gt=0, description="between uploads of a miner whose own is not known"
    )
    upload_log_keep_s: float = Field(
        default=604_800.0, gt=0, description="how long the log of uploads is kept"
    )
    upload_claims: int = Field(
        default=50_000, ge=0, description="names that no inventory has which one site may hold"
    )
    upload_claim_keep_s: float = Field(
        default=1_209_600.0,
        gt=0,
        description="such a name is free again when its site has not told it for so long",
    )
    dashboard_folder: Path | None = Field(
        default=None, description="the dashboard's build; without it / says how to build it"
    )

    @field_validator("services", mode="before")
    @classmethod
    def _are_addresses(cls, given: object) -> object:
        return parse_services(given) if isinstance(given, str) else given

    stream_clients: int = Field(default=2000, ge=1, description="open websockets at the most")
    stream_heartbeat_s: float = Field(default=10.0, ge=0.1, le=60)
    stream_stall_s: float = Field(
        default=30.0, gt=0, description="a client that takes nothing for so long is closed"
    )
    stream_kept_s: float = Field(
        default=600.0, gt=0, description="how long a client may be away and miss nothing"
    )
    stream_kept_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1, description="the same, in bytes of readings"
    )
    stream_origins: str = Field(
        default="",
        description="further pages that may connect, by comma: https://farm.example.com",
    )
