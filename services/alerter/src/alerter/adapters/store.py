"""One transaction for each batch: what rules know, what fired, who is to be told, how far we are.

Killed at any point, either all of it stands or nothing: so each transition has its ledger rows,
and no reading is judged twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from psycopg.rows import dict_row
from pydantic import TypeAdapter, ValidationError

from alerter.adapters import statements
from alerter.adapters.stages import Passing, Stage, unwatched
from alerter.domain.judging import Judged, Key
from alerter.domain.lifecycle import Flow, State, Transition, due_at, retired
from alerter.domain.reading import Reading
from alerter.domain.rules import Rule
from minestream_runtime.database import Connection, Pool, store_errors
from minestream_runtime.database.positions import Offsets
from minestream_runtime.kafka import Partition
from minestream_runtime.metrics import histogram
from minestream_schemas.alert import ALERT, Alert
from minestream_schemas.ids import derived_id

Traced = Callable[
    [Sequence[Reading], Sequence[Transition]], AbstractContextManager[Sequence[Transition]]
]
Judge = Callable[[Mapping[Key, State], Sequence[Reading], Flow | None], Judged]
_STATE: Final = TypeAdapter(State)
_LOG: Final = structlog.get_logger()
_FLOW: Final = {"flow_until": "timestamptz", "flow_since": "timestamptz"}


@dataclass(frozen=True, slots=True)
class Part:
    """What a batch holds of one partition.

    Args:
        held: the offset at which the batch began.
        upto: the offset after its last record.
        readings: those that can be judged, in order.
    """

    held: int
    upto: int
    readings: Sequence[Reading]


class Store:
    """The alerting schema, as the evaluator sees it.

    Args:
        pool: connections in the writer's role.
        group: whose offsets.
        rules: by which states are due.
        channels: each transition is written into the ledger once for each of them.
        stale: transitions older than that are held back until the backlog has been read.
        passing: told of each stage that a batch passes.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        group: str,
        rules: Iterable[Rule],
        channels: Sequence[str],
        stale: timedelta,
        passing: Passing = unwatched,
    ) -> None:
        self._pool = pool
        self._offsets = Offsets(pool, "alerting", group=group, beside=_FLOW)
        self._rules = {rule.name: rule for rule in rules}
        self._channels = channels
        self._stale = stale
        self._passing = passing

    async def offsets(self, beginnings: Mapping[Partition, int]) -> dict[Partition, int]:
        """The offset of the next record of each partition; see ``Offsets.known``."""
        return await self._offsets.known(beginnings)

    async def judge(
        self, parts: Mapping[Partition, Part], judge: Judge, traced: Traced, *, now: datetime
    ) -> list[Transition]:
        """Judge a batch and write what comes of it, once.

        Args:
            parts: the batch, by partition.
            judge: of one partition: its states, its readings, how far it was.
            traced: what the transitions are written under; they are written as it gives them.
            now: decides what is stale.

        Returns:
            the transitions.

        Raises:
            PartitionLostError: an offset is not where the batch began; nothing is written.
            StoreUnavailableError: nothing is written, or all of it and we were not told.
            StoreRejectedError: a row is at fault; nothing is written.
        """
        told: list[Transition] = []
        taken = histogram("minestream_database_seconds").labels("judge").time()
        with store_errors(), taken, ExitStack() as spans:
            async with self._pool.connection() as connection, connection.transaction():
                beside = await self._offsets.lock(
                    connection, {partition: part.held for partition, part in parts.items()}
                )
                flows = {partition: _flow(*found) for partition, found in beside.items()}
                states = await self._states(connection, parts, now)
                judged = {
                    partition: judge(states.get(partition, {}), part.readings, flows[partition])
                    for partition, part in parts.items()
                }
                for partition, outcome in judged.items():
                    transitions = spans.enter_context(
                        traced(parts[partition].readings, outcome.transitions)
                    )
                    await self._put_states(connection, partition, outcome.states)
                    await self._put(connection, partition, transitions, now)
                    told += transitions
                await self._move(connection, parts, judged, now)
                self._passing(Stage.BEFORE_COMMIT)
        self._passing(Stage.COMMITTED)
        return told

    async def retire(
        self, held: Mapping[Partition, int], *, before: datetime, now: datetime
    ) -> list[Transition]:
        """End the alerts of miners that are no longer in the inventory.

        Args:
            held: our partitions, and the offset at which each stands.
            before: a miner with a reading since then is there, whatever the inventory says.
            now: when they end.

        Returns:
            the transitions.

        Raises:
            PartitionLostError: an offset is not where we hold it; nothing is written.
            StoreUnavailableError: nothing is written, or all of it and we were not told.
        """
        ours = {partition.number: partition for partition in held}
        told: list[Transition] = []
        with store_errors():
            async with self._pool.connection() as connection, connection.transaction():
                cursor = connection.cursor(row_factory=dict_row)
                await cursor.execute(
                    statements.FIRING_OF_NOBODY, {"partitions": list(ours), "before": before}
                )
                rows = await cursor.fetchall()
                gone = [ours[row["partition"]] for row in rows]
                await self._offsets.lock(connection, {each: held[each] for each in gone})
                for partition, row in zip(gone, rows, strict=True):
                    alert = retired(Alert.model_validate(row, strict=False), now)
                    transition = Transition(alert, row["traceparent"])
                    await self._put(connection, partition, [transition], now)
                    await connection.execute(statements.FORGET_STATE, (alert.rule, alert.subject))
                    told.append(transition)
        return told

    async def held(self, partitions: Iterable[Partition]) -> set[int]:
        """The numbers of those partitions that have notifications held back."""
        numbers = [partition.number for partition in partitions]
        with store_errors():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, statements.HELD_PARTITIONS, (numbers,))
        return {int(number) for (number,) in rows}

    async def release(self, partitions: Iterable[int]) -> None:
        """Let what was held back be told: these partitions have been read to their end."""
        with store_errors():
            async with self._pool.connection() as connection:
                await connection.execute(statements.RELEASE_HELD, (list(partitions),))

    async def firing(self) -> dict[str, int]:
        """How many alerts fire, by rule."""
        with store_errors():
            async with self._pool.connection() as connection:
                return {
                    str(rule): int(count)
                    for rule, count in await _rows(connection, statements.FIRING, ())
                }

    async def _states(
        self, connection: Connection, parts: Mapping[Partition, Part], now: datetime
    ) -> dict[Partition, dict[Key, State]]:
        subjects = {reading.subject for part in parts.values() for reading in part.readings}
        newest = {
            partition.number: min(now, max(reading.ts for reading in part.readings))
            for partition, part in parts.items()
            if part.readings
        }
        rows = await _rows(
            connection,
            statements.READ_STATES,
            (sorted(subjects), list(newest), list(newest.values())),
        )
        by_number = {partition.number: partition for partition in parts}
        found: dict[Partition, dict[Key, State]] = {}
        for rule, subject, number, state in rows:
            partition = by_number.get(number)
            if partition is not None:
                known = found.setdefault(partition, {})
                read = _state_in(rule, subject, state)
                if read is not None:
                    known[rule, subject] = read
        return found

    async def _put_states(
        self, connection: Connection, partition: Partition, states: Mapping[Key, State]
    ) -> None:
        if not states:
            return
        await connection.execute(
            statements.PUT_STATES,
            (
                [rule for rule, _ in states],
                [subject for _, subject in states],
                [partition.number] * len(states),
                [_STATE.dump_json(state, exclude_none=True).decode() for state in states.values()],
                [due_at(self._rules[rule], state) for (rule, _), state in states.items()],
            ),
        )

    async def _put(
        self,
        connection: Connection,
        partition: Partition,
        transitions: Sequence[Transition],
        now: datetime,
    ) -> None:
        async with connection.cursor() as cursor, connection.pipeline():
            for transition in transitions:
                alert = transition.alert
                row = {**alert.model_dump(), "traceparent": transition.traceparent}
                await cursor.execute(statements.PUT_ALERT, row)
                await cursor.execute(statements.PUT_TRANSITION, row)
                for channel in self._channels:
                    row |= {
                        "channel": channel,
                        "notification_id": derived_id("notification", alert.event_id, channel),
                        "partition": partition.number,
                        "stale": now - alert.changed_at > self._stale,
                    }
                    await cursor.execute(statements.OVERTAKE_HELD, row)
                    await cursor.execute(statements.PUT_NOTIFICATION, row)
                await cursor.execute(
                    statements.PUT_OUTBOX,
                    (ALERT.name, alert.subject, alert.to_json().decode(), transition.traceparent),
                )

    async def _move(
        self,
        connection: Connection,
        parts: Mapping[Partition, Part],
        judged: Mapping[Partition, Judged],
        now: datetime,
    ) -> None:
        flows = {partition: judged[partition].flow for partition in parts}
        await self._offsets.move(
            connection,
            {partition: part.upto for partition, part in parts.items()},
            {one: (flow and flow.until, flow and flow.since) for one, flow in flows.items()},
        )
        fresh = [
            partition.number
            for partition, flow in flows.items()
            if flow is not None and now - flow.until <= self._stale
        ]
        await connection.execute(statements.RELEASE_HELD, (fresh,))


def _flow(until: datetime | None, since: datetime | None) -> Flow | None:
    return None if until is None else Flow(until, since or until)


async def _rows(connection: Connection, query: str, values: Any) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query.encode(), values)).fetchall()


def _state_in(rule: str, subject: str, state: object) -> State | None:
    """What a row holds; None where nobody can read it: then the rule begins anew with its subject.

    One odd row is one alert told later; an alerter that ends at it tells nobody of anything.
    """
    try:
        return _STATE.validate_python(state)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        _LOG.error("rule_state_unreadable", rule=rule, subject=subject, at=where, why=first["msg"])
        return None
