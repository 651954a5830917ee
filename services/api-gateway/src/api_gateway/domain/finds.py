"""Miners that a scan found: which the fleet has already, and what the others are to be called."""

import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final

from minestream_schemas.inventory import Fleet, InventoryEntry

_LONGEST: Final = 63
_UPLOADED: Final = "upload"


@dataclass(frozen=True, slots=True)
class Find:
    """One miner that answered.

    Args:
        place: which miner it is: its host, with the port where that alone tells.
        address: host:port where it answered.
        family: as a collector calls it.
        model: as it names itself; None: it does not. So are the next two.
        firmware: its version.
        algorithm: what it computes.
        evidence: what its family was taken from, for people.
        locked: it answers only with a password.
    """

    place: str
    address: str
    family: str
    model: str | None
    firmware: str | None
    algorithm: str | None
    evidence: str
    locked: bool


def holders_of(
    there: Fleet, place_of: Callable[[str], str], *, site_id: str | None, repeated: bool
) -> dict[str, InventoryEntry]:
    """The miner of the fleet at each place; where two sites have one there, this site's.

    A miner that another site uploads is asked by nobody here: its address is of that network.

    Args:
        there: the fleet.
        place_of: which miner is meant by an address.
        site_id: where the finds stand; None: that is not known.
        repeated: do other sites have networks of their own with the same addresses?
    """
    entries = [
        entry
        for entry in there.miners.values()
        if site_id in {None, entry.site_id} or not (repeated or entry.dialect == _UPLOADED)
    ]
    entries.sort(key=lambda entry: entry.site_id != site_id)
    holders: dict[str, InventoryEntry] = {}
    for entry in entries:
        holders.setdefault(place_of(entry.address), entry)
    for entry in entries:
        if entry.detected is not None and entry.detected.found_address is not None:
            holders.setdefault(place_of(entry.detected.found_address), entry)
    return holders


def new_entries(
    finds: Iterable[Find], holders: Container[str], there: Fleet, *, site_id: str
) -> dict[str, InventoryEntry]:
    """Entries of the miners that the fleet does not have, by where they were found.

    Their language is left to the collectors: who is given one is never asked anew.

    Args:
        finds: what was found.
        holders: where the fleet has one.
        there: the fleet, whose names are taken.
        site_id: where all of them stand.
    """
    taken = set(there.miners)
    entries = {}
    for find in sorted(finds, key=lambda find: find.address):
        if find.place in holders:
            continue
        miner_id = _free(site_id, find.place, taken)
        taken.add(miner_id)
        entries[find.place] = InventoryEntry(
            miner_id=miner_id,
            site_id=site_id,
            address=find.address,
            model=find.model,
            algorithm=find.algorithm,
        )
    return entries


def _free(site_id: str, place: str, taken: set[str]) -> str:
    """``site-10-0-0-12``; numbered where another miner has that name."""
    plain = re.sub(r"[^a-z0-9]+", "-", place.casefold()).strip("-")
    for number in count(1):
        tail = plain + (f"-{number}" if number > 1 else "")
        name = f"{site_id[: _LONGEST - 1 - len(tail)]}-{tail}"
        if name not in taken:
            break
    return name
