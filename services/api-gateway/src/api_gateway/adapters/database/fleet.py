"""The fleet schema: read whole, changed in one transaction together with its outbox."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from api_gateway.adapters.database.access import Writer
from api_gateway.adapters.database.outbox import Message, enqueue
from api_gateway.domain.inventory import Changes, is_news
from minestream_runtime.database.pool import Connection
from minestream_runtime.inventory.advance import Advanced, unshown
from minestream_schemas.inventory import INVENTORY, Detected, Fleet, InventoryEntry, Site

LOCK: Final = 0x466C6565  # "Flee"
"""One change of the fleet at a time, so that outbox ids are committed in their order."""

_COLUMNS: Final = tuple(InventoryEntry.model_fields)
_NAMES: Final = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
_SELECT: Final = sql.SQL("SELECT {} FROM fleet.miner ORDER BY miner_id").format(_NAMES)
_STAGE: Final = sql.SQL(
    "CREATE TEMP TABLE stage ON COMMIT DROP AS SELECT {} FROM fleet.miner WITH NO DATA"
).format(_NAMES)
_SOME: Final = sql.SQL("SELECT {} FROM fleet.miner WHERE miner_id = ANY(%s)").format(_NAMES)
_DETECT: Final = """
UPDATE fleet.miner SET detected = %s, updated_at = now(), revision = revision + 1
WHERE miner_id = %s
"""
_COPY: Final = sql.SQL("COPY stage ({}) FROM STDIN").format(_NAMES)
_UPSERT: Final = sql.SQL(
    "INSERT INTO fleet.miner AS m ({names}) SELECT {names} FROM stage "
    "ON CONFLICT (miner_id) DO UPDATE SET {sets}, updated_at = now(), revision = m.revision + 1"
).format(
    names=_NAMES,
    sets=sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in _COLUMNS[1:]
    ),
)
_UPSERT_SITE: Final = """
INSERT INTO fleet.site (site_id, name, tariff_usd_per_kwh) VALUES (%s, %s, %s)
ON CONFLICT (site_id) DO UPDATE SET name = excluded.name,
    tariff_usd_per_kwh = excluded.tariff_usd_per_kwh, updated_at = now()
"""
_EMPTY_RACKS: Final = """
DELETE FROM fleet.rack r WHERE NOT EXISTS (
    SELECT FROM fleet.miner m WHERE m.site_id = r.site_id AND m.rack_id = r.rack_id)
"""


@asynccontextmanager
async def changing(writer: Writer) -> AsyncIterator[Connection]:
    """A transaction that alone may change the fleet until it ends."""
    async with writer.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '60s'")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        yield connection


async def read_fleet(connection: Connection) -> Fleet:
    """The fleet as it is."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute("SELECT site_id, name, tariff_usd_per_kwh FROM fleet.site")
    sites = {row["site_id"]: Site(**row) for row in await cursor.fetchall()}
    await cursor.execute(_SELECT)
    miners = {row["miner_id"]: _entry(row) for row in await cursor.fetchall()}
    return Fleet(sites, miners)


async def apply(
    connection: Connection,
    changes: Changes,
    *,
    advanced: Advanced = unshown,
) -> int | None:
    """Make changes, and put the events that follow from them into the outbox.

    Args:
        connection: of ``changing``.
        changes: against the fleet as it is in this transaction.
        advanced: told how many entries and events of how many have been written.

    Returns:
        the id of the last outbox row; None where nothing is to be published.
    """
    entries = (*changes.added, *changes.changed)
    total = 2 * len(entries) + len(changes.removed)
    async with connection.cursor() as cursor:
        await cursor.executemany(
            _UPSERT_SITE,
            [(site.site_id, site.name, site.tariff_usd_per_kwh) for site in changes.sites],
        )
        if entries:
            await cursor.executemany(
                "INSERT INTO fleet.rack (site_id, rack_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                sorted({(e.site_id, e.rack_id) for e in entries if e.rack_id is not None}),
            )
            await cursor.execute(_STAGE)
            async with cursor.copy(_COPY) as copy:
                for number, entry in enumerate(entries, start=1):
                    await copy.write_row(_row(entry))
                    advanced(number, total)
            await cursor.execute(_UPSERT)
        if changes.removed:
            await cursor.execute(
                "DELETE FROM fleet.miner WHERE miner_id = ANY(%s)", (list(changes.removed),)
            )
        if changes.removed or changes.changed:
            await cursor.execute(_EMPTY_RACKS)
        if changes.emptied:
            await cursor.execute(
                "DELETE FROM fleet.site WHERE site_id = ANY(%s)", (list(changes.emptied),)
            )
    return await enqueue(
        connection,
        [_message(*event) for event in changes.events()],
        advanced=lambda sent: advanced(len(entries) + sent, total),
    )


async def take_up(writer: Writer, found: Mapping[str, Detected]) -> list[str]:
    """Note what miners were found to speak, and tell the collectors.

    What was found at an address that the miner no longer has, or of a miner whose operator has
    said what it speaks, is passed over; so is what is known already.

    Args:
        writer: of the fleet schema.
        found: by miner id.

    Returns:
        the miners whose entry has changed.
    """
    async with changing(writer) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(_SOME, (list(found),))
        changed = [
            entry.model_copy(update={"detected": found[entry.miner_id]})
            for entry in map(_entry, await cursor.fetchall())
            if is_news(entry, found[entry.miner_id])
        ]
        await cursor.executemany(
            _DETECT, [(_detected(entry.detected), entry.miner_id) for entry in changed]
        )
        await enqueue(connection, [_message(entry.miner_id, entry) for entry in changed])
    return [entry.miner_id for entry in changed]


async def republish(connection: Connection) -> int | None:
    """Put every entry into the outbox again; see ``apply``."""
    fleet = await read_fleet(connection)
    return await enqueue(connection, [_message(*item) for item in fleet.miners.items()])


def _message(miner_id: str, entry: InventoryEntry | None) -> Message:
    value = None if entry is None else entry.to_json().decode()
    return Message(topic=INVENTORY.name, key=miner_id, value=value)


def _entry(row: dict[str, Any]) -> InventoryEntry:
    detected = row["detected"] and Detected.model_validate_json(json.dumps(row["detected"]))
    return InventoryEntry.model_validate(
        row | {"workers": tuple(row["workers"]), "detected": detected}
    )


def _row(entry: InventoryEntry) -> Sequence[object]:
    values = dict(entry)
    values["workers"] = list(entry.workers)
    values["sealed"] = None if entry.sealed is None else Jsonb(entry.sealed.model_dump())
    values["detected"] = _detected(entry.detected)
    return [values[column] for column in _COLUMNS]


def _detected(detected: Detected | None) -> Jsonb | None:
    if detected is None:
        return None
    return Jsonb(detected.model_dump(mode="json", exclude_none=True))
