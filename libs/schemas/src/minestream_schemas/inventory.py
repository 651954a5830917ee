"""Which miners there are: the entry that collectors follow."""

from typing import Literal

from pydantic import Field

from minestream_schemas.event import Event, Model, Topic
from minestream_schemas.ids import MinerId, RackId, SiteId


class Sealed(Model):
    """Credentials that only a holder of the key can read."""

    key_id: str
    box: str = Field(description="base64; what is inside only the collectors learn")


class InventoryEntry(Event):
    """One miner as its operator entered it. A removed miner is a record without value."""

    miner_id: MinerId
    site_id: SiteId
    rack_id: RackId | None = None
    slot: int | None = Field(default=None, ge=0)
    address: str = Field(
        pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$",
        examples=["10.0.0.12:80"],
        description="host:port",
    )
    transport: Literal["http", "tcp", "auto"] = "auto"
    dialect: str | None = Field(default=None, description="a hint; None: found by asking")
    model: str | None = None
    algorithm: str | None = None
    workers: tuple[str, ...] = Field(default=(), description="its names at the pool")
    tariff_usd_per_kwh: float | None = Field(default=None, ge=0)
    interval_s: float | None = Field(
        default=None, gt=0, description="poll interval; None: the collector's default"
    )
    sealed: Sealed | None = None


INVENTORY = Topic(
    name="minestream.inventory.v1",
    event=InventoryEntry,
    description="The fleet, one record per miner; its partitions are the collectors' shards.",
    key="miner_id",
    retention=None,
    compacted=True,
    producers=frozenset({"api-gateway"}),
    consumers=frozenset({"collector-vnish", "processor"}),
)
