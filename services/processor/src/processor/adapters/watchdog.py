"""Ends a processor that hangs, so that the supervisor starts a new one.

Runs on a thread of its own: a stalled event loop cannot keep it from looking.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from processor.adapters.exits import EXIT_HUNG, exit_now

_LOOK_EVERY_S = 2.0
_BLIND_BUDGET_S = 60.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the watchdog looks at.

    Args:
        busy: are partitions being moved or recovered?
        lag: records that wait; None: Kafka has not said for too long.
        processed: records dealt with since the start.
        done: by partition, how far records have been dealt with.
        committed: by partition, how far the group has committed.
    """

    busy: bool
    lag: int | None
    processed: int
    done: Mapping[int, int]
    committed: Mapping[int, int]


class Watchdog:
    """Judges vitals; time is passed in.

    Args:
        busy_budget_s: longest recovery or rebalance.
        idle_budget_s: longest time without progress while records wait.
        commit_budget_s: longest time without a commit while there is something to commit.
    """

    def __init__(
        self, *, busy_budget_s: float, idle_budget_s: float, commit_budget_s: float
    ) -> None:
        self._budgets = {
            "recovering_too_long": busy_budget_s,
            "lagging_but_idle": idle_budget_s,
            "nothing_committed": commit_budget_s,
        }
        self._since: dict[str, float] = {}
        self._processed = -1
        self._committed: Mapping[int, int] = {}

    def look(self, vitals: Vitals, at_s: float) -> str | None:
        """Judge.

        Args:
            vitals: as they are.
            at_s: when, monotonic seconds.

        Returns:
            why to end the process; None: all is well, or not bad for long enough.
        """
        idle = vitals.processed == self._processed and (vitals.lag is None or vitals.lag > 0)
        behind = any(
            done > vitals.committed.get(partition, done) for partition, done in vitals.done.items()
        )
        stuck = behind and dict(vitals.committed) == self._committed
        self._processed, self._committed = vitals.processed, dict(vitals.committed)
        bad = {
            "recovering_too_long": vitals.busy,
            "lagging_but_idle": idle and not vitals.busy,
            "nothing_committed": stuck and not vitals.busy,
        }
        for sign, shows in bad.items():
            if not shows:
                self._since.pop(sign, None)
            elif at_s - self._since.setdefault(sign, at_s) > self._budgets[sign]:
                return sign
        return None


def watch(
    watchdog: Watchdog, vitals: Callable[[], Vitals], monotonic: Callable[[], float]
) -> Callable[[], None]:
    """Look every two seconds from a thread that does not keep the process alive.

    Returns:
        what ends the watch.
    """
    over = threading.Event()

    def run() -> None:
        seen_s = monotonic()
        while not over.wait(_LOOK_EVERY_S):
            at_s = monotonic()
            try:
                seen = vitals()
            except Exception as exc:  # noqa: BLE001 - Faust is read from its side, amid changes
                if at_s - seen_s > _BLIND_BUDGET_S:
                    exit_now(EXIT_HUNG, "hung", sign="vitals_unreadable", error=repr(exc))
                continue
            seen_s = at_s
            if sign := watchdog.look(seen, at_s):
                exit_now(EXIT_HUNG, "hung", sign=sign)

    threading.Thread(target=run, name="watchdog", daemon=True).start()
    return over.set
