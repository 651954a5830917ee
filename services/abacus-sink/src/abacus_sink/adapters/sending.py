"""The half that sends: opens the far side, hands batches over, waits while it is away."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import structlog

from abacus_sink.adapters import tracing
from abacus_sink.adapters.far_side import AbacusError, FarSide
from abacus_sink.adapters.holding import Holding
from abacus_sink.domain.breaker import Breaker, State
from abacus_sink.domain.delivery import Delivery
from abacus_sink.domain.gathering import Entry
from abacus_sink.domain.verdict import Cause, Judgement, Verdict
from abacus_sink.settings import AbacusSettings
from minestream_runtime.clock import Clock
from minestream_runtime.halving import Halving
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_schemas.dead_letter import DeadLetterKind, Fault
from minestream_schemas.feature import FeatureGroup

_LOOK_EVERY_S: Final = 1.0
IDLE: Final = "idle"
_STATES: Final = (IDLE, *State)
_HOPELESS: Final = Judgement(Verdict.REFUSED, Cause.REJECTION)


class Stage(StrEnum):
    """Where a batch stands; tests kill the sink there."""

    TAKEN = "taken"
    """The far side has rows, and no offset says so yet."""
    COMMITTED = "committed"


Passing = Callable[[Stage], None]


class Sending:
    """Sends what is held, for ever.

    Args:
        settings: batches, retries, waits.
        far: Abacus.AI.
        holding: what is to be sent.
        clock: the machine's.
        passing: told of each stage that a batch passes.
    """

    def __init__(
        self,
        settings: AbacusSettings,
        far: FarSide,
        holding: Holding,
        clock: Clock,
        passing: Passing,
    ) -> None:
        self._settings = settings
        self._far = far
        self._holding = holding
        self._clock = clock
        self._passing = passing
        self._breaker = Breaker(
            retries=settings.abacus_retries,
            first_s=settings.abacus_retry_first_s,
            most_s=settings.abacus_retry_most_s,
            refused_s=settings.abacus_refused_wait_s,
        )
        self._opened = False
        self._trouble: tuple[State, Cause] | None = None
        self._text = ""
        self._refused_in_a_row = dict.fromkeys(FeatureGroup, 0)
        self._newest = dict[FeatureGroup, datetime]()
        self._log = structlog.get_logger()

    def remark(self) -> str | None:
        """What keeps rows from the far side; None: nothing."""
        if self._trouble is None:
            return None
        state, cause = self._trouble
        return f"{state.value}, {cause.value}: {self._text}"

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self.measure()
            await self._rest()
            self._breaker.calling()
            try:
                await self._work()
            except AbacusError as exc:
                self._failed(exc)

    def measure(self) -> None:
        """Bring the gauges up to date."""
        show_state(self._breaker.state.value)
        now = self._clock.now()
        for group, ts in self._newest.items():
            age_s = (now - ts).total_seconds()
            gauge("minestream_abacus_newest_age_seconds").labels(group).set(age_s)

    async def _rest(self) -> None:
        """Until a call may be made, and there is something to call for."""
        while True:
            now_s = self._clock.monotonic()
            blocked_s = self._breaker.wait_s(now_s)
            if blocked_s > 0:
                await asyncio.sleep(min(blocked_s, _LOOK_EVERY_S))
                self.measure()
                continue
            due_s = self._holding.gathering.next_due_s()
            if not self._opened or (due_s is not None and due_s <= now_s):
                return
            self._holding.news.clear()
            wait_s = _LOOK_EVERY_S if due_s is None else min(_LOOK_EVERY_S, due_s - now_s)
            try:
                async with asyncio.timeout(wait_s):
                    await self._holding.news.wait()
            except TimeoutError:
                self.measure()

    async def _work(self) -> None:
        if not self._opened:
            await self._open()
        gathering = self._holding.gathering
        for group in gathering.due(self._clock.monotonic()):
            await self._send(group)
        if len(gathering) == 0:
            self._recovered()  # a far side that opens and is asked for nothing more is well

    async def _open(self) -> None:
        answered = await self._far.open()
        self._opened = True
        registration = answered.registration
        for what in registration.created:
            self._log.info("abacus_created", what=what)
        for what in registration.undone:
            self._log.warning("abacus_not_created", what=what)
        self._log.info(
            "abacus_opened",
            groups={group.value: found for group, found in registration.groups.items()},
            version_there=answered.version,
            version_here=answered.version_here,
        )

    async def _send(self, group: FeatureGroup) -> None:
        """One batch.

        Raises:
            AbacusError: the far side is away, or wants no more; what it has not is held again.
        """
        entries = self._holding.gathering.take(group)
        delivery = Delivery(
            refused_in_a_row=self._refused_in_a_row[group],
            hopeless_at=self._settings.abacus_refused_rows,
        )
        began_s, done = self._clock.monotonic(), False
        try:
            with tracing.sent(group, self._holding.records_of(entries)):
                await self._deliver(group, entries, delivery)
            done = True
        finally:
            self._settle(group, entries, delivery, done=done)
        histogram("minestream_abacus_call_seconds").observe(self._clock.monotonic() - began_s)
        counter("minestream_abacus_batches_total").labels(group).inc()
        self._refused_in_a_row[group] = delivery.refused_in_a_row
        self._recovered()

    async def _deliver(
        self, group: FeatureGroup, entries: Sequence[Entry], delivery: Delivery
    ) -> None:
        singly = self._settings.abacus_mode == "upsert"
        halving = Halving(len(entries), singly=singly)
        for pieces in halving.pieces(self._settings.abacus_threads if singly else 1):
            ends = await asyncio.gather(
                *(self._hand_over(group, entries, piece) for piece in pieces)
            )
            fatal = None
            for piece, refusal in zip(pieces, ends, strict=True):
                if refusal is None:
                    delivery.took(piece)
                elif not self._blames_rows(group, piece, refusal):
                    fatal = refusal
                elif not halving.refused(piece):
                    delivery.refused(piece.start, str(refusal))
            if fatal is not None:
                raise fatal
            if delivery.hopeless:
                last = next(reversed(delivery.culprits.values()))
                raise AbacusError(
                    f"{delivery.refused_in_a_row} rows of {group.value} refused in a row: {last}",
                    _HOPELESS,
                )

    async def _hand_over(
        self, group: FeatureGroup, entries: Sequence[Entry], piece: range
    ) -> AbacusError | None:
        rows = [entries[index].row for index in piece]
        try:
            if self._settings.abacus_mode == "upsert":
                await self._far.upsert(group, rows[0])
            else:
                await self._far.append(group, rows)
        except AbacusError as exc:
            return exc
        self._passing(Stage.TAKEN)
        return None

    def _blames_rows(self, group: FeatureGroup, piece: range, exc: AbacusError) -> bool:
        """Is a refusal for what is in these rows, or their size? If not, no other need be tried."""
        match exc.judgement.verdict:
            case Verdict.POISON:
                pass
            case Verdict.TOO_LARGE:
                self._holding.gathering.narrow(group, len(piece))
            case _:
                return False
        counter("minestream_abacus_failures_total").labels(exc.judgement.cause).inc()
        return True

    def _settle(
        self, group: FeatureGroup, entries: Sequence[Entry], delivery: Delivery, *, done: bool
    ) -> None:
        """What was taken is done; the rest is set aside or held again."""
        taken = frozenset(delivery.taken)
        for index in taken:
            self._holding.done(entries[index].place)
        if taken:
            counter("minestream_abacus_rows_total").labels(group).inc(len(taken))
            newest = max(entries[index].ts for index in taken)
            self._newest[group] = max(newest, self._newest.get(group, newest))
        if done:
            for index, reason in delivery.culprits.items():
                fault = Fault(DeadLetterKind.STORE, f"Abacus.AI refuses it: {reason}")
                self._holding.set_aside(entries[index], fault)
            return
        rest = [entry for index, entry in enumerate(entries) if index not in taken]
        self._holding.put_back(group, rest)

    def _recovered(self) -> None:
        self._breaker.succeeded()
        if self._trouble is not None:
            state, cause = self._trouble
            self._log.info("abacus_takes_rows_again", after=state.value, cause=cause.value)
        self._trouble = None

    def _failed(self, exc: AbacusError) -> None:
        now_s, judgement = self._clock.monotonic(), exc.judgement
        if judgement.verdict is Verdict.REFUSED:
            self._breaker.refused(now_s)
        else:
            jitter = random.random()  # noqa: S311 - so that replicas do not ask in step
            self._breaker.failed(now_s, jitter=jitter, asked_s=exc.retry_after_s)
        counter("minestream_abacus_failures_total").labels(judgement.cause).inc()
        state = self._breaker.state
        if state is not State.CLOSED or judgement.verdict is Verdict.UNREGISTERED:
            self._opened = False  # its addresses, groups and token are asked for anew
        self._text = str(exc)
        if self._trouble == (state, judgement.cause):
            return
        self._trouble = (state, judgement.cause)
        self._log.warning(
            "abacus_takes_no_rows",
            state=state.value,
            cause=judgement.cause.value,
            reason=self._text,
            next_try_s=round(self._breaker.wait_s(now_s), 1),
        )
        if state is not State.CLOSED:
            tracing.stuck(exc, cause=judgement.cause.value)


def show_state(state: str) -> None:
    """Tell the metric how the way to the far side is."""
    for one in _STATES:
        gauge("minestream_abacus_state").labels(str(one)).set(one == state)
