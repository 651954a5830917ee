"""A miner's state as the phase 2 document has it, as the poll that it was."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from minestream_schemas.ids import derived_id
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner
from minestream_schemas.upload import MinerRecord

DIALECT: Final = "upload"
_MOST: Final = 63
_NOT_OURS: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Known:
    """A miner of the site as the inventory has it.

    Args:
        miner_id: ours.
        address: host:port.
        rack_id: where it stands.
        model: as entered.
        algorithm: as entered.
        worker: the first of its names at the pool.
        tariff_usd_per_kwh: its own or its site's.
        interval_s: how often it is polled.
    """

    miner_id: str
    address: str
    rack_id: str | None = None
    model: str | None = None
    algorithm: str | None = None
    worker: str | None = None
    tariff_usd_per_kwh: float | None = None
    interval_s: float | None = None

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.address.rpartition(":")[0].strip("[]")


class Directory:
    """The site's miners, found by the names that a record gives.

    Args:
        site_id: whose.
        miners: those of the inventory that may be meant.
    """

    def __init__(self, site_id: str, miners: Iterable[Known]) -> None:
        self._site_id = site_id
        self._by_id = {miner.miner_id: miner for miner in miners}
        self._by_host: dict[str, Known | None] = {}
        for miner in self._by_id.values():
            # two behind one address (ports forwarded): it tells neither
            self._by_host[miner.host] = None if miner.host in self._by_host else miner

    def find(self, record: MinerRecord) -> Known:
        """Whom a record is about; one that the inventory lacks has an id derived from its names.

        Args:
            record: names its miner by id, address or both; the id counts first.
        """
        named = (record.miner_id or "").strip()
        host = (record.ip_address or "").strip().lower()
        found = self._by_id.get(named.lower()) or self._by_host.get(host)
        return found or Known(derived_miner_id(self._site_id, named or host), f"{host}:0")


def derived_miner_id(site_id: str, name: str) -> str:
    """Our id of a miner that the inventory lacks: its site and its own name, in our letters.

    Args:
        site_id: ours.
        name: a serial number or an address; not empty.
    """
    slug = _NOT_OURS.sub("-", name.lower()).strip("-")
    whole = f"{site_id}-{slug}"
    if slug and slug == name.lower() and len(whole) <= _MOST:
        return whole
    # what the letters lost, the digest keeps apart
    mark = sha256(name.encode()).hexdigest()[:8]
    return f"{whole[: _MOST - len(mark) - 1].rstrip('-')}-{mark}"


def to_poll(
    record: MinerRecord,
    body: str,
    miner: Known,
    *,
    site_id: str,
    received_at: datetime,
    interval_s: float,
) -> RawMiner:
    """The raw event of a record. The same record of the same instant is the same event.

    Args:
        record: as it was read.
        body: the same, verbatim.
        miner: from ``Directory.find``.
        site_id: the key's.
        received_at: when the upload came, where the record names no instant.
        interval_s: until the next one, where the inventory does not say.
    """
    at = record.timestamp or received_at
    latency_ms = record.latency_ms or 0.0
    error = (record.error_message or "").strip() or None
    if not record.online:
        error = error or "the uploading collector says that it is offline"
    answered = EndpointBody(status=PollStatus.OK, fetched_at=at, latency_ms=latency_ms, body=body)
    return RawMiner(
        event_id=derived_id("upload", miner.miner_id, at.isoformat(), body),
        site_id=site_id,
        miner_id=miner.miner_id,
        collector_id=f"upload-{site_id}",
        dialect=DIALECT,
        dialect_evidence="POST /api/collector/upload",
        firmware=record.firmware_version,
        polled_at=at,
        latency_ms=latency_ms,
        status=PollStatus.OK if record.online else PollStatus.TIMEOUT,
        error=error,
        interval_s=miner.interval_s or interval_s,
        endpoints={DIALECT: answered},
        rack_id=miner.rack_id,
        model_hint=miner.model,
        algorithm_hint=miner.algorithm,
        worker_hint=miner.worker,
        tariff_usd_per_kwh=miner.tariff_usd_per_kwh,
    )
