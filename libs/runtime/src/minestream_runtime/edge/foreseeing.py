"""What a site's file leads to, found out before: no miner is polled, and no gateway is told."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, Final

from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.polling import Gone, Ours, Source, Surroundings, There
from minestream_runtime.devices.addresses import family_of, split
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.edge.config import Edge
from minestream_runtime.edge.running import Collector, others_than, with_key
from minestream_runtime.edge.site import as_polled, found_out
from minestream_runtime.edge.trust import trusted
from minestream_runtime.edge.unpolled import unpolled_faults
from minestream_runtime.errors import BrokerUnavailableError, ConfigurationError
from minestream_runtime.health import Health
from minestream_runtime.inventory.sealing import sealed_fleet
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.settings import open_spool
from minestream_runtime.sealing import Sealer
from minestream_runtime.traces import Headers
from minestream_schemas.event import Topic
from minestream_schemas.inventory import Fleet, InventoryEntry
from minestream_schemas.upload import reporter_of

_BEGINS_S: Final = 10.0


def check_places(edge: Edge) -> None:
    """Can what the file names be used?

    Raises:
        DocumentError: the CA's file cannot, or nothing can be written where the spool is to be.
    """
    try:
        trusted(edge)
    except ConfigurationError as exc:
        raise DocumentError([Fault(edge.read.line(("ca_file",)), str(exc))]) from exc
    folder = edge.path.parent / edge.file.spool.folder
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        raise edge.faulty(f"{there} is no folder", "spool", "folder")
    spool = folder / f"{reporter_of(edge.file.site)}.spool"
    try:
        with TemporaryFile(dir=there):
            pass
        if spool.exists():
            there = spool
            os.close(os.open(spool, os.O_RDWR))
    except OSError as exc:
        said = f"{there} cannot be written ({exc.strerror}): a folder is wanted where this user can"
        raise edge.faulty(said, "spool", "folder") from exc


def listed(edge: Edge, collectors: Sequence[Collector]) -> Fleet:
    """The miners that a site's list has.

    Args:
        edge: the site's file.
        collectors: of ``collectors_of``.

    Raises:
        DocumentError: with all faults of the list.
        OSError: it cannot be read.
    """
    sealer = Sealer.from_settings(with_key(collectors)[0].settings)
    return sealed_fleet(edge.read_inventory(os.environ), Fleet({}, {}), sealer)


def outside(collectors: Sequence[Collector], fleet: Fleet) -> list[str]:
    """Which miners nobody polls since none may be there; where a name leads, a poll finds out.

    Args:
        collectors: of ``collectors_of``.
        fleet: of ``listed``.
    """
    settings = collectors[0].settings
    hosts = ((miner_id, split(each.address)[0]) for miner_id, each in fleet.miners.items())
    found = [
        f"{miner_id} ({host})"
        for miner_id, host in hosts
        if family_of(host) is not None and not settings.networks.allows(host)
    ]
    if not found:
        return []
    more = f" (and {len(found) - 1} more)" if found[1:] else ""
    allowed = f"poll.allowed_networks: {settings.allowed_networks}"
    return [f"{found[0]}{more} is not polled: it is outside of {allowed}"]


async def unpolled(edge: Edge, collectors: Sequence[Collector], fleet: Fleet) -> list[str]:
    """Which miners no collector of the site would poll, and what to do.

    Args:
        edge: the site's file.
        collectors: of ``collectors_of``.
        fleet: of ``listed``.

    Raises:
        ConfigurationError: a collector cannot begin.
    """
    collectors = with_key(collectors)
    found = found_out(edge, collectors[0].settings.state_dir).load()
    polled = [as_polled(each, found.get(each.miner_id)) for each in fleet.miners.values()]
    owners = await _owners(edge, collectors)
    left = [] if owners is None else [each for each in polled if not _is_polled(each, owners)]
    return unpolled_faults(left, others_than(collectors))


def _is_polled(entry: InventoryEntry, owners: Sequence[Ours]) -> bool:
    return any(ours(entry) for ours in owners)


class _NoMiners:
    """Tells a collector of none; see ``Source``."""

    ready = True

    async def run(self) -> None:
        """Tell until cancelled."""
        await asyncio.get_running_loop().create_future()


class _Nobody:
    """Takes nothing; see ``Sender``."""

    async def send(
        self, topic: Topic, *, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        """See ``Sender``."""
        del topic, key, value, headers
        raise BrokerUnavailableError("nothing is sent beforehand")


async def _owners(edge: Edge, collectors: Sequence[Collector]) -> list[Ours] | None:
    """What tells of each collector whether it would poll a miner; None: one does not say."""
    subject, clock = reporter_of(edge.file.site), SystemClock()
    with TemporaryDirectory() as folder:
        beside: Mapping[str, object] = {"state_dir": Path(folder), "ledger_file": None}
        own = collectors[0].settings.model_copy(update=beside)
        async with open_spool(own, clock, subject=subject) as (spool, ledger):
            outlet = Outlet(_Nobody(), spool, ledger, clock, subject=subject)
            told = [await _owner(each, beside, outlet) for each in collectors]
    said = [ours for ours in told if ours is not None]
    return said if len(said) == len(told) else None


async def _owner(each: Collector, beside: Mapping[str, object], outlet: Outlet) -> Ours | None:
    """A collector says itself what it would poll: it begins, hears of no miner, and ends."""
    told: asyncio.Future[Ours] = asyncio.get_running_loop().create_future()

    def source(_there: There, _gone: Gone, ours: Ours) -> Source:
        told.set_result(ours)
        return _NoMiners()

    settings = each.settings.model_copy(update=dict(beside))
    around = Surroundings(source, outlet)
    begun: asyncio.Future[None] = asyncio.ensure_future(each.collect(settings, Health(), around))
    either: set[asyncio.Future[Any]] = {begun, told}
    await asyncio.wait(either, timeout=_BEGINS_S, return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    await asyncio.wait({begun})
    failure = None if begun.cancelled() else begun.exception()
    if told.done():
        return told.result()
    if failure is not None:
        raise failure
    return None
