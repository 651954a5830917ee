"""What an import changes: the fleet that is wanted against the fleet that is there."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from minestream_schemas.inventory import Detected, Fleet, InventoryEntry, Site


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import does to the fleet."""

    added: tuple[InventoryEntry, ...] = ()
    changed: tuple[InventoryEntry, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: int = 0
    sites: tuple[Site, ...] = ()
    """New or renamed or otherwise changed."""
    emptied: tuple[str, ...] = ()
    """Sites without a miner that nobody wants any more."""

    def events(self) -> Iterable[tuple[str, InventoryEntry | None]]:
        """Miner id and new entry of each change; None: removed."""
        yield from ((miner_id, None) for miner_id in self.removed)
        yield from ((entry.miner_id, entry) for entry in (*self.added, *self.changed))


def compare(there: Fleet, wanted: Fleet, *, prune: bool, site_id: str | None = None) -> Changes:
    """What has to be done so that the fleet is as wanted.

    Args:
        there: the fleet as it is.
        wanted: the fleet as its operator wrote it down. A site that only miners name is made
            where it is missing, and else left as it is.
        prune: remove miners, and sites then empty, that are not wanted; else they stay.
        site_id: the one site of which, and which itself, may be removed; None: any.
    """
    added, changed, unchanged = [], [], 0
    for miner_id, entry in wanted.miners.items():
        known = there.miners.get(miner_id)
        if known is None:
            added.append(entry)
        elif known != (kept := _with_detected(entry, known)):
            changed.append(kept)
        else:
            unchanged += 1
    stand_at = {entry.site_id for entry in wanted.miners.values()}
    within = there.of_site(site_id)
    named = {key: Site(key) for key in sorted(stand_at - there.sites.keys())} | dict(wanted.sites)
    return Changes(
        added=tuple(added),
        changed=tuple(changed),
        removed=tuple(sorted(within.miners.keys() - wanted.miners.keys())) if prune else (),
        unchanged=unchanged,
        sites=tuple(site for key, site in named.items() if there.sites.get(key) != site),
        emptied=tuple(sorted(within.sites.keys() - named.keys() - stand_at)) if prune else (),
    )


def _with_detected(entry: InventoryEntry, known: InventoryEntry) -> InventoryEntry:
    """What was found out stands for as long as it is asked for, at the same address."""
    if known.detected is None or entry.address != known.address or not is_asked(entry):
        return entry
    return entry.model_copy(update={"detected": known.detected})


def is_asked(entry: InventoryEntry) -> bool:
    """Is it left to the collectors to find out what this miner speaks?"""
    return entry.transport == "auto" or entry.dialect is None


def is_news(entry: InventoryEntry, found: Detected) -> bool:
    """Does it change anything that this miner was found to speak this?"""
    if not is_asked(entry) or found.address != entry.address:
        return False
    passing = {"detected_at", "collector_id"}
    known = entry.detected and entry.detected.model_dump(exclude=passing)
    return known != found.model_dump(exclude=passing)


def unstorable(found: Detected) -> str | None:
    """Why a finding is not taken up; None: it is.

    What one site's collector tells, ours would follow: to whatever host it names, and with the
    miner's credentials.
    """
    if found.elsewhere:
        return "found_address: another host than the one that was asked"
    said = found.model_dump().values()
    if any("\0" in text for text in said if isinstance(text, str)):
        return "a NUL, which the database does not take"
    return None


def taken_addresses(there: Fleet, wanted: Fleet) -> Iterable[tuple[str, str]]:
    """Wanted miners whose address belongs to a miner that is there, stays, and is not wanted.

    Returns:
        pairs of the wanted miner's id and the id of the one that has its address.
    """
    holders = {
        (entry.site_id, entry.address): miner_id
        for miner_id, entry in there.miners.items()
        if miner_id not in wanted.miners
    }
    for miner_id, entry in wanted.miners.items():
        holder = holders.get((entry.site_id, entry.address))
        if holder is not None:
            yield miner_id, holder


_FEW: Final = 10


def removes_most(changes: Changes, there: int) -> bool:
    """Would these changes remove most of a fleet, which is seldom meant?

    Args:
        changes: what an import would do.
        there: how many miners the fleet has.
    """
    return len(changes.removed) > max(_FEW, there // 2)
