"""Puts credentials into boxes, and keeps a box that already holds the same."""

from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.inventory.reading import Wanted
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import Fleet, Sealed


def sealed_fleet(wanted: Wanted, there: Fleet, sealer: Sealer | None) -> Fleet:
    """The wanted fleet with its credentials sealed.

    Two boxes never look alike, so one that opens to the same credentials stands: an import
    without a change changes nothing. A box whose key is no longer the newest is made anew.

    Args:
        wanted: what the file says.
        there: the fleet as it is, with its boxes.
        sealer: None where no key is set.

    Raises:
        DocumentError: there are credentials and no key.
    """
    if sealer is None:
        if wanted.credentials:
            raise DocumentError([_no_key(wanted)])
        return wanted.fleet
    newest = sealer.seal({}).key_id
    miners = dict(wanted.fleet.miners)
    for miner_id, secrets in wanted.credentials.items():
        known = there.miners.get(miner_id)
        box = known.sealed if known is not None else None
        if box is None or box.key_id != newest or _opened(sealer, box) != secrets:
            box = sealer.seal(secrets)
        miners[miner_id] = miners[miner_id].model_copy(update={"sealed": box})
    return Fleet(wanted.fleet.sites, miners)


def _no_key(wanted: Wanted) -> Fault:
    first = min(wanted.lines[miner_id] for miner_id in wanted.credentials)
    return Fault(
        first,
        f"credentials (of {len(wanted.credentials)}) and no MINESTREAM_CREDENTIALS_KEY is set: "
        "give the key that the collectors have (32 bytes in URL-safe base64)",
    )


def _opened(sealer: Sealer, box: Sealed) -> dict[str, str] | None:
    try:
        return sealer.open(box)
    except ConfigurationError:
        return None
