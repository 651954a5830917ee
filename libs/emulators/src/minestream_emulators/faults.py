"""The faults that a script may cause, and who has which of them when. Pure: no socket, no clock."""

import heapq
import math
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Final

from minestream_emulators.noise import seed_of
from minestream_emulators.physics import Ailment


class Fault(StrEnum):
    """What can be broken on purpose."""

    HOT_CHIP = "hot-chip"
    DEAD_FAN = "dead-fan"
    LOST_BOARD = "lost-board"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    SLOW_DRIP = "slow-drip"
    GARBAGE_BODY = "garbage-body"
    TRUNCATED_JSON = "truncated-json"
    HUGE_BODY = "huge-body"
    NUL_BYTES = "nul-bytes"
    WRONG_UNIT = "wrong-unit"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - a fault's name
    CLOCK_SKEW = "clock-skew"
    REBOOT = "reboot"
    REFLASHED = "reflashed"


MEANING: Final[dict[Fault, str]] = {
    Fault.HOT_CHIP: "one chip runs 34 degrees too hot and miscalculates",
    Fault.DEAD_FAN: "one fan stands still, the others speed up",
    Fault.LOST_BOARD: "one board falls off the bus: no hashes, no watts, no temperatures",
    Fault.UNREACHABLE: "connections are refused",
    Fault.SILENT: "connections are accepted and never answered",
    Fault.SLOW_DRIP: "answers come one byte a second",
    Fault.GARBAGE_BODY: "200 with the web page where JSON should be",
    Fault.TRUNCATED_JSON: "JSON that ends in the middle",
    Fault.HUGE_BODY: "an answer of 1 GiB",
    Fault.NUL_BYTES: "NUL bytes inside the answer",
    Fault.WRONG_UNIT: "hashrates in a unit that does not exist, or, where none is named, x1000",
    Fault.WRONG_PASSWORD: "the stored password is refused, old tokens too",
    Fault.CLOCK_SKEW: "the miner's clock is a day ahead",
    Fault.REBOOT: "30 seconds without power, then every counter starts again",
    Fault.REFLASHED: "boots with another maker's firmware and speaks its language",
}
AILMENTS: Final = {
    Fault.HOT_CHIP: Ailment.HOT_CHIP,
    Fault.DEAD_FAN: Ailment.DEAD_FAN,
    Fault.LOST_BOARD: Ailment.LOST_BOARD,
}
REBOOT_S: Final = 30.0


class FaultRefusedError(ValueError):
    """The order cannot be carried out; the text says what is allowed."""


def fault_named(name: str) -> Fault:
    """The fault of that name.

    Raises:
        FaultRefusedError: there is none; names those there are.
    """
    try:
        return Fault(name)
    except ValueError:
        allowed = ", ".join(Fault)
        raise FaultRefusedError(f"unknown fault {name!r}; there are {allowed}") from None


def choose(
    fleet: Sequence[str],
    *,
    miners: Collection[str] = (),
    share: float | None = None,
    number: int | None = None,
    seed: object,
) -> tuple[str, ...]:
    """Whom an order strikes: those named, a share of the fleet, so many of it, or just one.

    Args:
        fleet: every miner's id.
        miners: the ids of those named.
        share: 0…1, rounded up.
        number: how many.
        seed: decides which, where only how many is said.

    Raises:
        FaultRefusedError: an unknown miner, a share or number out of range, or more than one way.
    """
    if sum((bool(miners), share is not None, number is not None)) > 1:
        raise FaultRefusedError("say miners, share or count: one of them")
    if miners:
        if unknown := sorted(set(miners) - set(fleet)):
            raise FaultRefusedError(
                f"unknown miner {unknown[0]!r}; there are {len(fleet)}, {fleet[0]} to {fleet[-1]}"
            )
        return tuple(dict.fromkeys(miners))
    if share is not None:
        if not 0.0 < share <= 1.0:
            raise FaultRefusedError(f"share {share} is not above 0 and at most 1")
        number = math.ceil(share * len(fleet) - 1e-9)
    number = 1 if number is None else number
    if not 1 <= number <= len(fleet):
        raise FaultRefusedError(f"count {number} is not between 1 and {len(fleet)}")
    return tuple(sorted(random.Random(seed_of(seed, "choose")).sample(list(fleet), number)))


@dataclass(frozen=True, slots=True)
class Order:
    """One fault on some miners, from when to when.

    Args:
        ends_s: None: until healed.
    """

    number: int
    fault: Fault
    miners: tuple[str, ...]
    begins_s: float
    ends_s: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A fault begins or ends at one miner."""

    fault: Fault
    miner: str
    begins: bool


@dataclass(slots=True)
class Script:
    """Who has which fault: orders go in, changes come out when their time has come."""

    orders: dict[int, Order] = field(default_factory=dict)
    _due: list[tuple[float, int, int, bool]] = field(default_factory=list)
    _holds: dict[tuple[Fault, str], int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def add(
        self, fault: Fault, miners: tuple[str, ...], *, begins_s: float, for_s: float | None
    ) -> Order:
        """Take an order. A reboot lasts 30 s unless it says otherwise.

        Raises:
            FaultRefusedError: a duration that is not above zero.
        """
        if for_s is not None and not for_s > 0.0:
            raise FaultRefusedError(f"a duration of {for_s} s is not above zero")
        if for_s is None and fault is Fault.REBOOT:
            for_s = REBOOT_S
        ends_s = None if for_s is None else begins_s + for_s
        order = Order(next(self._numbers), fault, miners, begins_s, ends_s)
        self.orders[order.number] = order
        heapq.heappush(self._due, (begins_s, 1, order.number, True))
        if ends_s is not None:
            heapq.heappush(self._due, (ends_s, 0, order.number, False))
        return order

    def next_s(self) -> float | None:
        """When something changes next; None: never."""
        return self._due[0][0] if self._due else None

    def due(self, at_s: float) -> list[Change]:
        """What has begun or ended by ``at_s`` and was not told yet, in order."""
        changes: list[Change] = []
        while self._due and self._due[0][0] <= at_s:
            _, _, number, begins = heapq.heappop(self._due)
            order = self.orders.get(number)
            if order is not None:
                changes += self._turn(order, begins=begins)
                if not begins:
                    del self.orders[number]
        return changes

    def clear(self) -> list[Change]:
        """End everything that runs, forget everything that waits."""
        changes = [Change(fault, miner, begins=False) for fault, miner in self._holds]
        self.orders.clear()
        self._due.clear()
        self._holds.clear()
        return changes

    def _turn(self, order: Order, *, begins: bool) -> list[Change]:
        """Overlapping orders of one fault: the first begins it, the last ends it."""
        changes: list[Change] = []
        for miner in order.miners:
            key = (order.fault, miner)
            held = self._holds.get(key, 0)
            if begins:
                self._holds[key] = held + 1
            elif held > 1:
                self._holds[key] = held - 1
            else:
                self._holds.pop(key, None)
            if held == (0 if begins else 1):
                changes.append(Change(order.fault, miner, begins))
        return changes
