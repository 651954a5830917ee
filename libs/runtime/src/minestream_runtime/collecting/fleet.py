"""The miners of our shard: whom we poll, as which family, and what we remember of whom."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol, TypeVar

import structlog

from minestream_runtime.clock import Clock
from minestream_runtime.collecting.family import Family, Miner
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import EndpointBody

_REST_S: Final = 60.0
_ALL_FIELDS: Final = {kind: set(kind.model_fields) for kind in (InventoryEntry, EndpointBody)}
M = TypeVar("M", InventoryEntry, EndpointBody)


def lean(value: M) -> M:
    """The same value without its record of which fields were given: half of its size.

    Nobody asks for that record, and a fleet of 10,000 holds 40,000 values.
    """
    object.__setattr__(value, "__pydantic_fields_set__", _ALL_FIELDS[type(value)])
    return value


class Claim(NamedTuple):
    """Why a miner is ours.

    Args:
        family: which it speaks.
        address: host:port where it is asked.
        evidence: what its family was taken from.
        given: did its operator say so? Else it was found, or is to be found.
    """

    family: Family
    address: str
    evidence: str | None
    given: bool = True


class Intervals(Protocol):
    """Who decides how often a miner is polled."""

    def interval_of(self, wanted_s: float | None) -> float:
        """A miner's interval: its own or the default, never below the floor."""


class Fleet:
    """The miners of our shard.

    Args:
        intervals: poll intervals.
        sealer: opens credentials; None where no key is configured.
        claim: whether a miner is ours, and as what.
        add: tells the scheduler of a miner and its interval.
        remove: tells it that one is gone.
        clock: how long what we know of a miner outlives it: a minute, as a rebalance takes all
            miners away and gives most of them back.
    """

    def __init__(
        self,
        intervals: Intervals,
        sealer: Sealer | None,
        claim: Callable[[InventoryEntry], Claim | None],
        *,
        add: Callable[[InventoryEntry, float], None],
        remove: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._intervals = intervals
        self._sealer = sealer
        self._claim = claim
        self._add = add
        self._remove = remove
        self._clock = clock
        self._resting: OrderedDict[str, tuple[float, Miner]] = OrderedDict()
        self._log = structlog.get_logger()
        self.miners: dict[str, Miner] = {}

    def there(self, miner_id: str, entry: InventoryEntry) -> None:
        """The inventory has a miner for us, or has changed it.

        Where it moved, or speaks another language, we know nothing of it.
        """
        claim = self._claim(entry)
        if claim is None:
            self.gone(miner_id)
            return
        entry = lean(entry)
        secrets = self._secrets(entry)
        interval_s = self._intervals.interval_of(entry.interval_s)
        miner = self.miners.get(miner_id) or self._rested(miner_id)
        if miner is None or miner.entry.address != entry.address:
            miner = Miner(entry, claim.family, claim.address, claim.evidence, secrets, interval_s)
        else:
            if miner.entry.sealed != entry.sealed:
                miner.session = None
            if not _knows_better(miner, entry):
                miner.becomes(claim.family, claim.address, claim.evidence)
            miner.entry, miner.secrets, miner.interval_s = entry, secrets, interval_s
        miner.given = claim.given
        self.miners[miner_id] = miner
        self._add(entry, interval_s)

    def gone(self, miner_id: str) -> None:
        """A miner was removed, or is another replica's now."""
        self._forget_rested()
        miner = self.miners.pop(miner_id, None)
        if miner is not None:
            self._resting[miner_id] = (self._clock.monotonic(), miner)
            self._remove(miner_id)

    def _rested(self, miner_id: str) -> Miner | None:
        self._forget_rested()
        found = self._resting.pop(miner_id, None)
        return found[1] if found else None

    def _forget_rested(self) -> None:
        too_old_s = self._clock.monotonic() - _REST_S
        while self._resting and next(iter(self._resting.values()))[0] < too_old_s:
            self._resting.popitem(last=False)

    def _secrets(self, entry: InventoryEntry) -> Mapping[str, str] | None:
        if entry.sealed is None:
            return None
        if self._sealer is None:
            self._log.warning(
                "credentials_unreadable",
                miner_id=entry.miner_id,
                error="MINESTREAM_CREDENTIALS_KEY is not set",
            )
            return None
        try:
            return self._sealer.open(entry.sealed, miner_id=entry.miner_id)
        except ConfigurationError as exc:
            self._log.warning("credentials_unreadable", miner_id=entry.miner_id, error=str(exc))
            return None


def _knows_better(miner: Miner, entry: InventoryEntry) -> bool:
    """Is what we have found newer than what the inventory says, and has nobody said otherwise?"""
    ours, theirs = miner.detected, entry.detected
    said = (entry.dialect, entry.transport) != (miner.entry.dialect, miner.entry.transport)
    if ours is None or said or ours.dialect != miner.family.name:
        return False
    return theirs is None or theirs.detected_at < ours.detected_at
