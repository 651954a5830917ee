"""Miners that a scan found: which the fleet has already, and what the others are to be called."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from minestream_schemas.inventory import Fleet, InventoryEntry

_LONGEST: Final = 63


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


def new_entries(
    finds: Iterable[Find], holders: Mapping[str, str], there: Fleet, *, site_id: str
) -> dict[str, InventoryEntry]:
    """Entries of the miners that the fleet does not have, by where they were found.

    Their language is left to the collectors: who is given one is never asked anew.

    Args:
        finds: what was found.
        holders: the miner of the fleet at each place.
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
