"""Which miners there are: the entry that collectors follow, and what they found out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from minestream_schemas.event import Event, Instant, Model, Topic
from minestream_schemas.ids import MinerId, RackId, SiteId

ADDRESS: Final = r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$"


class Sealed(Model):
    """Credentials that only a holder of the key can read."""

    key_id: str
    box: str = Field(description="base64; what is inside only the collectors learn")


class Detected(Event):
    """What a collector found a miner to speak, by asking it.

    ``dialect`` None: nothing that we know; it is asked anew by whoever asks first.
    """

    miner_id: MinerId
    address: str = Field(pattern=ADDRESS, description="the inventory's, which was asked")
    found_address: str | None = Field(
        default=None, pattern=ADDRESS, description="where it answered: the port may be another"
    )
    transport: Literal["http", "tcp"] | None = None
    dialect: str | None = Field(default=None, examples=["vnish", "whatsminer-v3"])
    model: str | None = None
    firmware: str | None = None
    evidence: str = Field(examples=["4028 stats: Type Antminer L7"], description="for people")
    detected_at: Instant
    collector_id: str

    @property
    def elsewhere(self) -> bool:
        """Is it another host that answered? Nobody finds that out by asking."""
        found = self.found_address or self.address
        return found.rpartition(":")[0].casefold() != self.address.rpartition(":")[0].casefold()


class InventoryEntry(Event):
    """One miner as its operator entered it. A removed miner is a record without value."""

    miner_id: MinerId
    site_id: SiteId
    rack_id: RackId | None = None
    slot: int | None = Field(default=None, ge=0)
    address: str = Field(
        pattern=ADDRESS,
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
    priority: int = Field(default=0, ge=-10, le=10, description="the higher is asked first")
    detected: Detected | None = Field(
        default=None, description="what it was found to speak at this address, if anything"
    )
    sealed: Sealed | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A place where miners stand: its name for people, and what its power costs."""

    site_id: str
    name: str | None = None
    tariff_usd_per_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Sites and miners, each by its id."""

    sites: Mapping[str, Site]
    miners: Mapping[str, InventoryEntry]

    def of_site(self, site_id: str | None) -> "Fleet":
        """What of it stands at one site; None: all of it."""
        if site_id is None:
            return self
        return Fleet(
            {key: site for key, site in self.sites.items() if key == site_id},
            {key: entry for key, entry in self.miners.items() if entry.site_id == site_id},
        )


INVENTORY = Topic(
    name="minestream.inventory.v1",
    event=InventoryEntry,
    description="The fleet, one record per miner; its partitions are the collectors' shards.",
    key="miner_id",
    retention=None,
    compacted=True,
    producers=frozenset({"api-gateway"}),
    consumers=frozenset({"collector-vnish", "collector-cgminer", "processor"}),
)

DETECTED = Topic(
    name="minestream.detected.v1",
    event=Detected,
    description="What each miner was found to speak; the inventory takes it up.",
    key="miner_id",
    retention=None,
    compacted=True,
    producers=frozenset({"collector-vnish", "collector-cgminer", "api-gateway"}),
    consumers=frozenset({"api-gateway"}),
)
