"""Collector keys, whose a name is, and the log of uploads, in the fleet schema."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import class_row, dict_row

from api_gateway.adapters.database.access import Writer
from api_gateway.domain.collector.claims import ClaimRules, KeyRevokedError
from api_gateway.domain.collector.keys import CollectorKey
from api_gateway.domain.collector.records import Known
from api_gateway.domain.collector.uploads import Logged
from minestream_runtime.database.pool import Connection
from minestream_runtime.errors import ConfigurationError

_KEYS: Final = """
SELECT key_id, site_id, name, sha256 AS digest FROM fleet.collector_key WHERE revoked_at IS NULL
"""
_LIST: Final = """
SELECT key_id, site_id, name, created_at, last_used_at, revoked_at,
       (SELECT count(*) FROM fleet.collector_claim AS c WHERE c.key_id = k.key_id) AS claims
FROM fleet.collector_key AS k ORDER BY site_id, key_id
"""
_CREATE: Final = """
INSERT INTO fleet.collector_key (site_id, name, sha256) VALUES (%s, %s, %s)
ON CONFLICT (site_id, name) WHERE revoked_at IS NULL DO NOTHING RETURNING key_id
"""
_REVOKE: Final = """
UPDATE fleet.collector_key SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = %s
RETURNING site_id, name
"""
_LAPSED: Final = """(c.told_at < now() - %(keep)s OR EXISTS (
    SELECT FROM fleet.collector_key AS k WHERE k.key_id = c.key_id AND k.revoked_at IS NOT NULL))
"""
_ASKED: Final = """
FROM unnest(%(names)s::text[]) AS w (name)
LEFT JOIN fleet.miner AS m ON m.miner_id = w.name
LEFT JOIN fleet.collector_claim AS c ON c.name = w.name
"""
_OWNERS: Final = f"""
SELECT w.name, CASE WHEN m.miner_id IS NOT NULL THEN m.site_id
                    WHEN NOT {_LAPSED} THEN c.site_id END AS site_id,
       m.miner_id IS NULL AND (c.name IS NULL OR {_LAPSED}
           OR (c.site_id = %(site)s AND c.told_at < now() - %(keep)s / 10)) AS claimable
{_ASKED}"""
_USABLE: Final = """
SELECT key_id FROM fleet.collector_key WHERE key_id = %(key)s AND revoked_at IS NULL FOR SHARE
"""
_LOCK: Final = 0x436C6169  # "Clai"
_CLAIM: Final = f"""
WITH asked AS (
    SELECT w.name, coalesce(c.site_id = %(site)s AND NOT {_LAPSED}, false) AS held
    {_ASKED} WHERE m.miner_id IS NULL
),
told AS (
    SELECT name FROM asked WHERE held
    UNION ALL
    (SELECT name FROM asked WHERE NOT held ORDER BY name LIMIT greatest(0, %(most)s - (
        SELECT count(*) FROM fleet.collector_claim AS c
        WHERE c.site_id = %(site)s AND NOT {_LAPSED})))
)
INSERT INTO fleet.collector_claim AS c (name, site_id, key_id)
SELECT name, %(site)s, %(key)s FROM told ORDER BY name
ON CONFLICT (name) DO UPDATE SET site_id = excluded.site_id, key_id = excluded.key_id,
    told_at = now(),
    claimed_at = CASE WHEN c.site_id = excluded.site_id THEN c.claimed_at ELSE now() END
WHERE c.told_at < 'infinity' AND (c.site_id = excluded.site_id OR {_LAPSED})
"""  # noqa: S608 - of constants
_EXPIRE_CLAIMS: Final = f"""
DELETE FROM fleet.collector_claim WHERE name IN (
    SELECT name FROM fleet.collector_claim AS c
    WHERE {_LAPSED} OR EXISTS (SELECT FROM fleet.miner AS m WHERE m.miner_id = c.name)
    ORDER BY name FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - of constants
_GIVE: Final = """
INSERT INTO fleet.collector_claim (name, site_id, told_at)
SELECT %(name)s, %(site)s, 'infinity'
WHERE NOT EXISTS (SELECT FROM fleet.miner WHERE miner_id = %(name)s)
ON CONFLICT (name) DO UPDATE SET site_id = excluded.site_id, told_at = 'infinity', key_id = NULL,
    claimed_at = now()
RETURNING name
"""
_KNOWN: Final = """
SELECT miner_id, address, rack_id, model, algorithm, workers[1] AS worker, tariff_usd_per_kwh,
       interval_s
FROM fleet.miner WHERE site_id = %(site)s AND (
    miner_id = ANY (%(names)s)
    OR trim(BOTH '[]' FROM regexp_replace(address, ':[0-9]+$', '')) = ANY (%(hosts)s))
"""
_LOG: Final = """
INSERT INTO fleet.collector_upload (at, key_id, site_id, outcome, wire_bytes, processed, refused,
    waiting, online, offline, took_ms)
VALUES (%(at)s, %(key_id)s, %(site_id)s, %(outcome)s, %(wire_bytes)s, %(processed)s, %(refused)s,
    %(waiting)s, %(online)s, %(offline)s, %(took_ms)s)
"""
_USED: Final = """
UPDATE fleet.collector_key SET last_used_at = greatest(last_used_at, %(at)s)
WHERE key_id = %(key_id)s
"""
_EXPIRE: Final = "DELETE FROM fleet.collector_upload WHERE at < %s"


async def usable_keys(writer: Writer) -> tuple[CollectorKey, ...]:
    """The keys that are not revoked."""
    async with writer.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(CollectorKey))
        await cursor.execute(_KEYS)
        return tuple(await cursor.fetchall())


async def list_keys(connection: Connection) -> list[dict[str, Any]]:
    """All keys, the revoked ones too, without their digests."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_LIST)
    return await cursor.fetchall()


async def create_key(connection: Connection, *, site_id: str, name: str, digest: bytes) -> int:
    """Keep a new key's digest; its id.

    Raises:
        ConfigurationError: the site has a key of that name.
    """
    row = await (await connection.execute(_CREATE, (site_id, name, digest))).fetchone()
    if row is None:
        raise ConfigurationError(f"{site_id} has a key named {name}: revoke it, or --name another")
    return int(row[0])


async def revoke_key(connection: Connection, key_id: int) -> tuple[str, str] | None:
    """Revoke a key; its site and name, None where there is no such key."""
    row = await (await connection.execute(_REVOKE, (key_id,))).fetchone()
    return None if row is None else (row[0], row[1])


async def give_name(connection: Connection, name: str, *, site_id: str) -> bool:
    """Make a name a site's, whoever told it first; False: the inventory says whose it is."""
    cursor = await connection.execute(_GIVE, {"name": name, "site": site_id})
    return await cursor.fetchone() is not None


async def owners_of(
    writer: Writer, names: Collection[str], key: CollectorKey, rules: ClaimRules
) -> dict[str, str | None]:
    """Whose each name is; those that are nobody's become the site's, as far as it has room.

    Args:
        writer: of the fleet schema.
        names: of miners, and of what gaps are about.
        key: who tells them.
        rules: for how long it keeps them, and how many.

    Returns:
        by name; None: it is nobody's, and the site has no room for it.

    Raises:
        KeyRevokedError: the key has just been revoked, and some are nobody's.
    """
    asked = {
        "names": sorted(names),
        "site": key.site_id,
        "key": key.key_id,
        "keep": rules.keep,
        "most": rules.most,
    }
    async with writer.connection() as connection:
        owners, claimable = await _owners(connection, asked)
        if not claimable:
            return owners
        async with connection.transaction():
            # one claim of a site at a time: two would both find the same room
            await connection.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_LOCK, key.site_id)
            )
            if not await (await connection.execute(_USABLE, asked)).fetchone():
                raise KeyRevokedError
            await connection.execute(_CLAIM, asked | {"names": claimable})
        # anew: another gateway may have been faster
        return owners | (await _owners(connection, asked | {"names": claimable}))[0]


async def _owners(
    connection: Connection, asked: Mapping[str, object]
) -> tuple[dict[str, str | None], list[str]]:
    """Whose each name is, and which of them are to be claimed, anew or for longer."""
    rows = await (await connection.execute(_OWNERS, asked)).fetchall()
    return {name: site for name, site, _ in rows}, [name for name, _, due in rows if due]


async def known_miners(
    writer: Writer, site_id: str, *, names: Collection[str], hosts: Collection[str]
) -> list[Known]:
    """The site's miners that have one of these ids or addresses."""
    asked = {"site": site_id, "names": sorted(names), "hosts": sorted(hosts)}
    async with writer.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Known))
        await cursor.execute(_KNOWN, asked)
        return await cursor.fetchall()


async def log_uploads(writer: Writer, uploads: Sequence[Logged]) -> None:
    """Write down what was uploaded, and when each key was last used."""
    rows = [upload.row() for upload in uploads]
    async with (
        writer.connection() as connection,
        connection.transaction(),
        connection.cursor() as cursor,
    ):
        await cursor.executemany(_LOG, rows)
        newest = {row["key_id"]: row for row in sorted(rows, key=lambda row: row["at"])}
        await cursor.executemany(_USED, [newest[key_id] for key_id in sorted(newest)])


async def expire_uploads(writer: Writer, now: datetime, keep: timedelta) -> None:
    """Forget the log of uploads that are older."""
    async with writer.connection() as connection:
        await connection.execute(_EXPIRE, (now - keep,))


async def expire_claims(writer: Writer, keep: timedelta) -> None:
    """Forget the claims that have lapsed, and those that the inventory has made needless."""
    async with writer.connection() as connection:
        await connection.execute(_EXPIRE_CLAIMS, {"keep": keep})
