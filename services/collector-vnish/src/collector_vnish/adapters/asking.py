"""Asks one miner, whatever it is, outside of any fleet: for people at a terminal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Final

from collector_vnish.adapters.families import families_of
from collector_vnish.domain.web import FACTORY_LOGIN
from minestream_dialects.detection import STEPS, recognise
from minestream_runtime.clock import Clock
from minestream_runtime.collecting.collector import CollectorSettings
from minestream_runtime.collecting.family import Family, Miner
from minestream_runtime.collecting.fleet import Fleet
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.devices.cgminer import CgminerClient
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.http import device_session
from minestream_runtime.discovery.probing import Prober, Sighting
from minestream_runtime.logs import unheard
from minestream_schemas.inventory import InventoryEntry, Sealed
from minestream_schemas.raw import RawMiner

_OTHERS: Final = "minestream.families"
"""Who else speaks to miners, over TCP: ``(client, clock, deadline_s, session, web_port)`` gives the
families; the session asks what stands on web pages beside, at that port."""
_NOBODYS: Final = Sealed(key_id="asked", box="asked")


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of it.

    Args:
        seen: what it is.
        event: what it says; None: it is nothing that can be read here.
    """

    seen: Sighting
    event: RawMiner | None = None


async def ask(
    address: str,
    clock: Clock,
    *,
    deadline_s: float,
    login: Mapping[str, str] | None,
    allowed: Callable[[str], bool] | None = None,
    web_port: int | None = None,
) -> Asked:
    """Find out what a miner is, then poll it once.

    Args:
        address: host:port.
        clock: for all of it.
        deadline_s: for each answer.
        login: credentials; None: those with which miners leave their factory.
        allowed: may this numeric address be asked? None: every one.
        web_port: where the web pages are of a miner that is spoken to over TCP; None: at 80, of
            one at its usual port.

    Raises:
        OwnFaultError: this machine could not ask.
    """
    async with device_session(allowed=allowed) as session:
        client = CgminerClient(allowed=allowed)
        prober = Prober(
            session, client, clock, steps=STEPS, recognise=recognise, deadline_s=deadline_s
        )
        seen = await prober.look(address, offered=login or FACTORY_LOGIN)
        if seen.finding is None or seen.address is None:
            return Asked(seen)
        spoken = [
            *families_of(session, clock, deadline_s=deadline_s),
            *_others(client, clock, deadline_s, session, web_port),
        ]
        family = next((one for one in spoken if one.name == seen.finding.family), None)
        if family is None:
            return Asked(seen)
        return Asked(seen, await _polled(seen.address, family, clock, seen.finding.evidence, login))


def _others(
    client: CgminerClient, clock: Clock, deadline_s: float, session: Devices, web_port: int | None
) -> list[Family]:
    found: list[Family] = []
    for entry in entry_points(group=_OTHERS):
        make: Callable[..., Sequence[Family]] = entry.load()
        found += make(client, clock, deadline_s=deadline_s, session=session, web_port=web_port)
    return found


async def _polled(
    address: str, family: Family, clock: Clock, evidence: str, login: Mapping[str, str] | None
) -> RawMiner | None:
    entry = InventoryEntry(
        miner_id="probed",
        site_id="probed",
        address=address,
        sealed=None if login is None else _NOBODYS,
    )
    settings = CollectorSettings()
    fleet = Fleet(
        settings,
        None,
        lambda _: None,
        add=lambda *_: None,
        remove=lambda _: None,
        clock=clock,
    )
    interval_s = settings.interval_of(None)
    fleet.miners[entry.miner_id] = Miner(entry, family, address, evidence, login, interval_s)
    poller = Poller(fleet, clock, collector_id="probe", log=unheard())
    polled = await poller.poll(entry.miner_id)
    return None if polled.event is None else RawMiner.from_json(polled.event.value)
