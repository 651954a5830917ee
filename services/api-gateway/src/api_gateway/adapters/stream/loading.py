"""The stream's beginning: the newest rows, and the offsets that were committed with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from psycopg import sql
from psycopg.rows import tuple_row

from api_gateway.adapters.database import Reader
from api_gateway.adapters.stream import records
from api_gateway.domain.stream.entries import Entry, Place
from minestream_schemas.alert import Alert
from minestream_schemas.gap import Gap
from minestream_schemas.telemetry import MinerTelemetry

_BATCH: Final = 500
_SINK: Final = "timescale-sink"
_OFFSETS: Final = """
SELECT topic, partition, next_offset FROM telemetry_v1.kafka_offset WHERE consumer_group = %s
"""


_HAS_ALERTS: Final = "SELECT to_regclass('alerting_v1.alert') IS NOT NULL"


def _as_json(columns: tuple[str, ...], table: str, condition: str) -> sql.Composed:
    """Rows as their topic has them: JSON, without what was not said."""
    return sql.SQL(
        "SELECT json_strip_nulls(row_to_json(event))::text "
        "FROM (SELECT {columns} FROM {table} WHERE {condition}) AS event"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        table=sql.Identifier(*table.split(".")),
        condition=sql.SQL(condition),
    )


_LATEST: Final = _as_json(tuple(MinerTelemetry.model_fields), "telemetry_v1.latest", "true")
_OPEN_GAPS: Final = _as_json(tuple(Gap.model_fields), "telemetry_v1.gap", "ended_at IS NULL")
# those that are over as well: their first transitions may be yet to come from the outbox
_ALERTS: Final = _as_json(
    tuple(Alert.model_fields),
    "alerting_v1.alert",
    "phase = 'firing' OR changed_at > now() - interval '1 day'",
)


@dataclass(slots=True)
class Beginning:
    """What the database has, at one instant.

    Args:
        offsets: of the first record that is not in it, by partition; empty: no sink has run.
        entries: the newest reading of each miner, the open gaps, the alerts.
        alerts_up_to: of the first record that may be later than the alerts; empty: none are known.
    """

    offsets: dict[Place, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    alerts_up_to: dict[Place, int] = field(default_factory=dict)


async def load(reader: Reader, *, namespace: str, alert_ends: Mapping[Place, int]) -> Beginning:
    """Read the beginning, all of it as of one instant.

    Args:
        reader: of the contract schemas.
        namespace: whose sink's offsets.
        alert_ends: where the topic of alerts ended before this was called.

    Raises:
        SchemaMissingError: the database has not been migrated.
        StoreUnavailableError: the database is away.
    """
    beginning = Beginning()
    async with reader.snapshot() as connection:
        offsets = await connection.execute(_OFFSETS, (f"{namespace}.{_SINK}",))
        async for topic, number, offset in offsets:
            beginning.offsets[topic, number] = offset
        rows = [(_LATEST, records.reading), (_OPEN_GAPS, records.gap)]
        if await (await connection.execute(_HAS_ALERTS)).fetchone() == (True,):
            # without the alerter's schema all that its topic has is read instead
            beginning.alerts_up_to = dict(alert_ends)
            beginning.offsets |= alert_ends
            rows.append((_ALERTS, records.alert))
        for query, entry_of in rows:
            async with connection.cursor("stream", row_factory=tuple_row) as cursor:
                cursor.itersize = _BATCH  # each batch is a step of the loop
                await cursor.execute(query)
                async for (body,) in cursor:
                    beginning.entries.append(entry_of(body.encode()))
    return beginning
