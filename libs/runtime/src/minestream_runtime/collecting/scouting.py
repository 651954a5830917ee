"""Miners of which nothing is known: they are asked what they are, and that is told."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog

from minestream_runtime.clock import Clock
from minestream_runtime.collecting.family import FROM_FAMILY, Family, Miner
from minestream_runtime.collecting.owners import TRANSPORTS
from minestream_runtime.collecting.plan import Answer, Memory, Plan
from minestream_runtime.discovery.probing import Ending, Finding, Prober, Sighting, summary_of
from minestream_schemas.inventory import Detected
from minestream_schemas.raw import EndpointBody, PollStatus

AUTO: Final = "auto"
PROBE: Final = "probe"
TAKEN_UP_S: Final = 120.0
"""Within this another collector polls a miner that we found to be its, or it counts as unread."""
_PLAN: Final = Plan(main=PROBE, cadence_s={}, tries=1)
_STRANGE: Final = frozenset({Ending.STRANGER, Ending.LOCKED})
_MOST_WORDS: Final = 500
_STATUS_OF: Final = {
    Ending.FOUND: PollStatus.OK,
    Ending.STRANGER: PollStatus.GARBAGE,
    Ending.LOCKED: PollStatus.UNAUTHORISED,
    Ending.REFUSED: PollStatus.REFUSED,
    Ending.TIMEOUT: PollStatus.TIMEOUT,
}


class Unknown:
    """The family of miners of which nothing is known: to ask one is to find out.

    A miner that answers nothing is offline, and goes on as what it was. Who is another
    collector's is told to all, and left alone here as soon as the inventory says so; where that
    takes too long it is told again, and each poll is a row that says so.

    Args:
        prober: asks.
        families: what we can poll ourselves.
        clock: instants.
        collector_id: who we are.
        tell: publishes what was found.
        deadline_s: for each answer.
        factory: credentials to try where a miner has none of its own.
    """

    name = AUTO
    plan = _PLAN
    secrets: Mapping[str, str] | None = None

    def __init__(
        self,
        prober: Prober,
        families: Sequence[Family],
        clock: Clock,
        *,
        collector_id: str,
        tell: Callable[[Detected], Awaitable[None]],
        deadline_s: float,
        factory: Mapping[str, str] | None = None,
    ) -> None:
        self._prober = prober
        self._families = {family.name: family for family in families}
        self._clock = clock
        self._collector_id = collector_id
        self._tell = tell
        self._factory = factory
        self.deadline_s = deadline_s
        self._log = structlog.get_logger()

    def wanted(self, memory: Memory) -> tuple[str, ...]:
        """See ``Family``: nothing beside."""
        del memory
        return ()

    def about(self, endpoint: str) -> tuple[str, Mapping[str, str]]:
        """See ``Family``."""
        return endpoint, {}

    async def ask(self, miner: Miner, endpoint: str, deadline_s: float) -> Answer:
        """See ``Family``. Where it is ours, it is of its own family from then on."""
        del endpoint, deadline_s
        began_s = self._clock.monotonic()
        seen = await self._prober.look(
            miner.entry.address, transport=miner.entry.transport, offered=self._offered(miner)
        )
        if miner.family is self:  # else its operator has said meanwhile what it is
            await self._take(miner, seen)
        status = _STATUS_OF[seen.ending]
        error = None if seen.ending is Ending.FOUND else _words(seen)
        if seen.finding is not None and self._is_unread(miner):
            status = PollStatus.GARBAGE
            error = f"speaks {seen.finding.family}, and no collector of that has taken it up"
        body = EndpointBody(
            status=status,
            fetched_at=self._clock.now(),
            latency_ms=(self._clock.monotonic() - began_s) * 1000,
            error=error,
        )
        return Answer(body)

    def _offered(self, miner: Miner) -> Mapping[str, str] | None:
        """Credentials to try: none that were refused a short while ago."""
        if miner.memory.refuses(_mark(miner), self._clock.monotonic()):
            return None
        return miner.secrets if miner.secrets is not None else self._factory

    async def _take(self, miner: Miner, seen: Sighting) -> None:
        """Draw the conclusions of what was seen."""
        found = seen.finding
        if found is None:
            if miner.before is not None and seen.ending not in _STRANGE:
                miner.family, miner.before = miner.before, None
                return  # a host that is away tells nothing: it goes on as what it was
            if seen.ending in _STRANGE:
                miner.becomes(self, miner.entry.address, None)
                await self._publish(miner, self._detected(miner, None, None, _words(seen)))
            if seen.ending is Ending.LOCKED and self._offered(miner) is not None:
                now_s = self._clock.monotonic()
                miner.memory = Memory(refused_box=_mark(miner), refused_s=now_s)
            return
        address = seen.address or miner.entry.address
        ours = self._families.get(found.family)
        if ours is not None:
            miner.becomes(ours, address, found.evidence)
        else:
            since_s = miner.left_since_s
            miner.becomes(self, miner.entry.address, None)
            miner.left_since_s = self._clock.monotonic() if since_s is None else since_s
        await self._publish(miner, self._detected(miner, found, address, found.evidence))

    def _is_unread(self, miner: Miner) -> bool:
        """Should another collector have polled it by now?"""
        since_s = miner.left_since_s
        return since_s is not None and self._clock.monotonic() - since_s >= TAKEN_UP_S

    def _detected(
        self, miner: Miner, found: Finding | None, address: str | None, evidence: str
    ) -> Detected:
        return Detected(
            miner_id=miner.entry.miner_id,
            address=miner.entry.address,
            found_address=address,
            transport=None if found is None else TRANSPORTS.get(found.family, found.transport),
            dialect=None if found is None else found.family,
            model=None if found is None else found.model,
            firmware=None if found is None else found.firmware,
            evidence=evidence,
            detected_at=self._clock.now(),
            collector_id=self._collector_id,
        )

    async def _publish(self, miner: Miner, now: Detected) -> None:
        """Tell it, if it is news or has not been heard."""
        known = miner.detected or miner.entry.detected
        if known is None and now.dialect is None:
            return
        miner.detected = now
        if known is None or not _same(known, now):
            self._log.info(
                "miner_detected",
                miner_id=now.miner_id,
                dialect=now.dialect,
                before=None if known is None else known.dialect,
                evidence=now.evidence,
                ours=now.dialect in self._families,
            )
        elif not self._is_unread(miner):
            return
        await self._tell(now)


def _mark(miner: Miner) -> str:
    """Which credentials are tried."""
    return miner.box or FROM_FAMILY


def _same(before: Detected, now: Detected) -> bool:
    keys = ("address", "found_address", "transport", "dialect", "model", "firmware")
    return all(getattr(before, key) == getattr(now, key) for key in keys)


def _words(seen: Sighting) -> str:
    return summary_of(seen.said)[:_MOST_WORDS]
