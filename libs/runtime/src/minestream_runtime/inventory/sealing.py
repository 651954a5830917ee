"""Puts credentials into boxes, keeps a box that already holds the same, and renews old ones."""

from dataclasses import dataclass

from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.inventory.advance import Advanced, unshown
from minestream_runtime.inventory.reading import Wanted
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import Fleet, InventoryEntry, Sealed


def sealed_fleet(
    wanted: Wanted,
    there: Fleet,
    sealer: Sealer | None,
    *,
    advanced: Advanced = unshown,
) -> Fleet:
    """The wanted fleet with its credentials sealed.

    Two boxes never look alike, so one that opens to the same credentials stands: an import
    without a change changes nothing. A box that is not as boxes are made now is made anew.

    Args:
        wanted: what the file says.
        there: the fleet as it is, with its boxes.
        sealer: None where no key is set.
        advanced: told how many miners' credentials of how many have been sealed.

    Raises:
        DocumentError: there are credentials and no key, or a box that is another miner's.
    """
    if sealer is None:
        if wanted.credentials:
            raise DocumentError([_no_key(wanted)])
        return wanted.fleet
    _check_boxes(wanted, there, sealer)
    miners = dict(wanted.fleet.miners)
    for number, (miner_id, secrets) in enumerate(wanted.credentials.items(), start=1):
        box = _box_of(there, miner_id)
        stands = box is not None and sealer.is_current(box)
        if not stands or _opened(sealer, box, miner_id) != secrets:
            box = sealer.seal(secrets, miner_id=miner_id)
        miners[miner_id] = miners[miner_id].model_copy(update={"sealed": box})
        advanced(number, len(wanted.credentials))
    return Fleet(wanted.fleet.sites, miners)


@dataclass(slots=True)
class Resealed:
    """What came of renewing the boxes of a fleet.

    Args:
        entries: with a new box.
        current: how many had one already.
        unopened: miners whose box does not open, and why; these stay as they are.
    """

    entries: list[InventoryEntry]
    current: int
    unopened: dict[str, str]


def reseal(fleet: Fleet, sealer: Sealer, *, advanced: Advanced = unshown) -> Resealed:
    """Make each box anew that is not as boxes are made now, with the newest key.

    Args:
        fleet: as it is.
        sealer: with the newest key first, and those of the boxes behind it.
        advanced: told how many boxes of how many have been looked at.
    """
    boxes = [(entry, entry.sealed) for entry in fleet.miners.values() if entry.sealed is not None]
    made = Resealed([], 0, {})
    for number, (entry, box) in enumerate(boxes, start=1):
        try:
            secrets = sealer.open(box, miner_id=entry.miner_id)
        except ConfigurationError as exc:
            made.unopened[entry.miner_id] = str(exc)
        else:
            if sealer.is_current(box):
                made.current += 1
            else:
                new = sealer.seal(secrets, miner_id=entry.miner_id)
                made.entries.append(entry.model_copy(update={"sealed": new}))
        advanced(number, len(boxes))
    return made


def _check_boxes(wanted: Wanted, there: Fleet, sealer: Sealer) -> None:
    """A box that the file brings must open for its miner, as far as we hold its key."""
    faults = [
        Fault(
            wanted.lines[miner_id],
            f"{miner_id}: its sealed credentials do not open for it (damaged, or another "
            "miner's): give `credentials`",
        )
        for miner_id, entry in wanted.fleet.miners.items()
        if entry.sealed is not None
        and entry.sealed != _box_of(there, miner_id)
        and sealer.holds(entry.sealed.key_id)
        and _opened(sealer, entry.sealed, miner_id) is None
    ]
    if faults:
        raise DocumentError(sorted(faults))


def _box_of(fleet: Fleet, miner_id: str) -> Sealed | None:
    known = fleet.miners.get(miner_id)
    return known.sealed if known is not None else None


def _no_key(wanted: Wanted) -> Fault:
    first = min(wanted.lines[miner_id] for miner_id in wanted.credentials)
    return Fault(
        first,
        f"credentials (of {len(wanted.credentials)}) and no MINESTREAM_CREDENTIALS_KEY is set: "
        "give the key that the collectors have (32 bytes in URL-safe base64)",
    )


def _opened(sealer: Sealer, box: Sealed | None, miner_id: str) -> dict[str, str] | None:
    if box is None:
        return None
    try:
        return sealer.open(box, miner_id=miner_id)
    except ConfigurationError:
        return None
