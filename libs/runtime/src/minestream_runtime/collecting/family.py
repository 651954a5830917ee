"""What a collector knows of a family of miners, and of one miner: the seam between kit and dialect.

A service brings families; the kit polls whatever it is given, over HTTP or TCP.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from minestream_runtime.breaker import Breaker
from minestream_runtime.collecting.plan import Answer, Memory, Plan
from minestream_schemas.inventory import Detected, InventoryEntry

FROM_FAMILY = "the family's own"
"""Marks credentials with which every miner of a family is delivered."""


@dataclass(slots=True)
class Miner:
    """A miner of our shard: what the inventory says, and what we have learnt.

    Args:
        entry: as the inventory has it.
        family: which it speaks.
        address: host:port where it is asked.
        evidence: what its family was taken from.
        secrets: its own credentials, opened; None: it has none, or we cannot open them.
        interval_s: between its polls.
        memory: from earlier polls.
        session: what the family keeps of a conversation (a token, a challenge); gone when the
            credentials change.
        uptime_s: at its last answer, where the family tells it.
        breakers: of endpoints that have failed lately, beside the main one.
        failures: polls in a row without an answer that its family could have given.
        given: was its family said by its operator? Then it is not asked anew.
        detected: what we found it to be, and told.
        before: the family that it had before it was asked anew.
        left_since_s: since when it is known to be another collector's, monotonic seconds.
    """

    entry: InventoryEntry
    family: "Family"
    address: str
    evidence: str | None
    secrets: Mapping[str, str] | None = field(repr=False)
    interval_s: float
    memory: Memory = field(default_factory=Memory)
    session: object = field(default=None, repr=False)
    uptime_s: float | None = None
    breakers: dict[str, Breaker] = field(default_factory=dict)
    failures: int = 0
    given: bool = True
    detected: Detected | None = None
    before: "Family | None" = None
    left_since_s: float | None = None

    def becomes(self, family: "Family", address: str, evidence: str | None) -> None:
        """It speaks another language, or stands elsewhere: nothing that we knew is true of it."""
        if (self.before or self.family, self.address) != (family, address):
            self.memory, self.session, self.uptime_s = Memory(), None, None
            self.breakers.clear()
        self.family, self.address, self.evidence = family, address, evidence
        self.failures, self.before, self.left_since_s = 0, None, None

    @property
    def box(self) -> str | None:
        """Which credentials we hold, as a mark; None: none."""
        if self.secrets is not None:
            return self.entry.sealed.box if self.entry.sealed is not None else None
        return FROM_FAMILY if self.family.secrets is not None else None

    @property
    def offered(self) -> Mapping[str, str] | None:
        """The credentials to ask with: ours, else the family's; None where they were refused."""
        if self.box is None or self.box == self.memory.refused_box:
            return None
        return self.secrets if self.secrets is not None else self.family.secrets


class Family(Protocol):
    """Miners that are asked alike."""

    @property
    def name(self) -> str:
        """Of the family, as events tell it."""

    @property
    def plan(self) -> Plan:
        """What it is asked."""

    @property
    def deadline_s(self) -> float:
        """Seconds for one whole answer."""

    @property
    def secrets(self) -> Mapping[str, str] | None:
        """Credentials with which every such miner is delivered; None: there are none."""

    def wanted(self, memory: Memory) -> Iterable[str]:
        """The endpoints of this firmware beside the main one, in the order asked."""

    def about(self, endpoint: str) -> tuple[str, Mapping[str, str]]:
        """A span's name and attributes for a question to this endpoint; holds no secret."""

    async def ask(self, miner: Miner, endpoint: str, deadline_s: float) -> Answer:
        """Ask one endpoint once.

        Args:
            miner: whom; ``miner.offered`` are the credentials, ``miner.session`` is the family's.
            endpoint: of the plan.
            deadline_s: for the whole of it, however many requests it takes.

        Returns:
            the answer; never raises for anything that a miner or network does.

        Raises:
            OwnFaultError: this machine could not ask.
        """
