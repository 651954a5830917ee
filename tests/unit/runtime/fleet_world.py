"""A family of miners that answers what a test wants, and a fleet of one of them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet

from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.collector import CollectorSettings, Polled
from minestream_runtime.collecting.family import Miner
from minestream_runtime.collecting.fleet import Claim, Fleet
from minestream_runtime.collecting.plan import Answer, Memory, Plan
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLAN = Plan(
    main="summary",
    cadence_s={"version": 3600.0, "pools": 60.0, "config": 1800.0},
    rides_along=frozenset({"version"}),
    identity="version",
    guarded=frozenset({"config"}),
    configuration=frozenset({"config"}),
)
SEALER = Sealer([Fernet.generate_key()])
Script = Callable[[str], Answer]


def said(status: PollStatus = PollStatus.OK, *, http: int | None = None, **more: Any) -> Answer:
    """An answer without any network."""
    body = EndpointBody(status=status, fetched_at=AT, http_status=http, body="{}")
    return Answer(body, **more)


class Scripted:
    """A family: each endpoint answers by the script."""

    name = "scripted"
    deadline_s = 1.0

    def __init__(
        self,
        script: Script = lambda _: said(),
        plan: Plan = PLAN,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self.script = script
        self.plan = plan
        self.secrets = secrets
        self.asked: list[str] = []
        self.offered: list[Mapping[str, str] | None] = []

    def wanted(self, memory: Memory) -> list[str]:
        del memory
        return list(self.plan.cadence_s)

    def about(self, endpoint: str) -> tuple[str, Mapping[str, str]]:
        return f"ask {endpoint}", {}

    async def ask(self, miner: Miner, endpoint: str, deadline_s: float) -> Answer:
        del deadline_s
        self.asked.append(endpoint)
        self.offered.append(miner.offered)
        return self.script(endpoint)


class World:
    """One miner of a scripted family, polled when a test says so."""

    def __init__(self, family: Scripted, *, password: str | None = None) -> None:
        self.family = family
        self.waited: list[float] = []
        self.clock = SystemClock()
        self.fleet = Fleet(
            CollectorSettings(),
            SEALER,
            lambda entry: Claim(family, entry.address, "inventory"),
            add=lambda *_: None,
            remove=lambda _: None,
            clock=self.clock,
        )
        self.enrol(password)
        self.poller = Poller(
            self.fleet,
            self.clock,
            collector_id="collector-0",
            sleep=self._sleep,
        )

    def enrol(self, password: str | None) -> None:
        """The inventory has the miner, with these credentials."""
        sealed = None if password is None else SEALER.seal({"password": password}, miner_id="m-1")
        entry = InventoryEntry(
            miner_id="m-1", site_id="site", address="127.0.0.1:80", sealed=sealed
        )
        self.fleet.there("m-1", entry)

    async def polled(self) -> Polled:
        """One poll."""
        self.family.asked.clear()
        self.family.offered.clear()
        return await self.poller.poll("m-1")

    async def poll(self) -> RawMiner:
        """One poll's event."""
        polled = await self.polled()
        assert polled.event is not None
        return RawMiner.from_json(polled.event.value)

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
