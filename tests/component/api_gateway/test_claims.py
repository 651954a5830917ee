"""Names that no inventory has: who may speak for them, how many, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from tests.component.api_gateway.conftest import entry, put

from api_gateway.adapters.database import Writer
from api_gateway.adapters.database.collectors import (
    create_key,
    expire_claims,
    give_name,
    list_keys,
    owners_of,
    revoke_key,
)
from api_gateway.domain.collector.claims import ClaimRules, KeyRevokedError
from api_gateway.domain.collector.keys import CollectorKey

RULES = ClaimRules(keep=timedelta(days=14), most=3)


@pytest.fixture
async def keys(writer: Writer) -> dict[str, CollectorKey]:
    made = {}
    async with writer.connection() as connection:
        for name in ("a", "b", "b2"):
            site = f"site-{name[0]}"
            digest = name.encode().ljust(32)
            number = await create_key(connection, site_id=site, name=name, digest=digest)
            made[name] = CollectorKey(number, site, name, digest)
    return made


async def told(writer: Writer, key: CollectorKey, *names: str) -> dict[str, str | None]:
    return await owners_of(writer, names, key, RULES)


def days_pass(database_url: str, days: int) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE fleet.collector_claim SET told_at = told_at - %s", (timedelta(days=days),)
        )


def claims(database_url: str) -> dict[str, Any]:
    with psycopg.connect(database_url) as connection:
        return dict(
            connection.execute("SELECT name, site_id FROM fleet.collector_claim").fetchall()
        )


async def test_a_name_that_is_told_no_more_is_free_after_some_days(
    writer: Writer, keys: dict[str, CollectorKey], database_url: str
) -> None:
    assert await told(writer, keys["a"], "mm1", "mm2") == {"mm1": "site-a", "mm2": "site-a"}
    days_pass(database_url, 8)
    assert await told(writer, keys["a"], "mm1") == {"mm1": "site-a"}
    assert await told(writer, keys["b"], "mm2") == {"mm2": "site-a"}, (
        "a site may be away for a week"
    )
    days_pass(database_url, 8)
    found = await told(writer, keys["b"], "mm1", "mm2")
    assert found == {"mm1": "site-a", "mm2": "site-b"}, "m1 was told 8 days ago, m2 16"
    assert await told(writer, keys["a"], "mm2") == {"mm2": "site-b"}


async def test_a_revoked_keys_names_are_free_and_another_key_of_the_site_holds_its_own(
    writer: Writer, keys: dict[str, CollectorKey], database_url: str
) -> None:
    await told(writer, keys["b"], "stolen", "mine")
    async with writer.connection() as connection:
        await revoke_key(connection, keys["b"].key_id)
    assert await told(writer, keys["b2"], "mine") == {"mine": "site-b"}
    assert await told(writer, keys["a"], "stolen", "mine") == {"stolen": "site-a", "mine": "site-b"}
    with pytest.raises(KeyRevokedError):  # its gateway has not heard of it yet
        await told(writer, keys["b"], "late")
    await expire_claims(writer, RULES.keep)
    assert claims(database_url) == {"stolen": "site-a", "mine": "site-b"}
    async with writer.connection() as connection:
        held = {row["name"]: row["claims"] for row in await list_keys(connection)}
    assert held == {"a": 1, "b": 0, "b2": 1}


async def test_what_an_operator_gave_stays_given(
    writer: Writer, keys: dict[str, CollectorKey], database_url: str
) -> None:
    await told(writer, keys["a"], "mm1")
    async with writer.connection() as connection:
        assert await give_name(connection, "mm1", site_id="site-b")
    days_pass(database_url, 100)
    assert await told(writer, keys["b"], "mm1") == {"mm1": "site-b"}
    async with writer.connection() as connection:
        await revoke_key(connection, keys["b"].key_id)
    assert await told(writer, keys["a"], "mm1") == {"mm1": "site-b"}


async def test_a_site_claims_so_many_names_and_no_more(
    writer: Writer, keys: dict[str, CollectorKey], database_url: str
) -> None:
    found = await told(writer, keys["a"], *(f"mm{number}" for number in range(5)))
    assert {name for name, site in found.items() if site == "site-a"} == {"mm0", "mm1", "mm2"}
    assert {name for name, site in found.items() if site is None} == {"mm3", "mm4"}
    assert len(claims(database_url)) == 3, "what is refused fills nothing"
    assert await told(writer, keys["b"], "mm3") == {"mm3": "site-b"}, "its own room"
    await put(writer, [entry("mm4"), entry("mm0")])
    assert (await told(writer, keys["a"], "mm4"))["mm4"] == "site-a", "the inventory has it"
    await expire_claims(writer, RULES.keep)
    assert (await told(writer, keys["a"], "mm5"))["mm5"] == "site-a", "m0 needs no claim any more"
    assert (await told(writer, keys["a"], "mm6"))["mm6"] is None


@asynccontextmanager
async def another_gateway(database_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A transaction of somebody who is about to commit."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        yield connection


async def waits(database_url: str, *tasks: asyncio.Task[Any]) -> None:
    """Return once each of the tasks waits for a lock in the database, or has ended."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for _ in range(600):
            rows = await connection.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            row = await rows.fetchone()
            assert row is not None
            if row[0] >= sum(not task.done() for task in tasks):
                return
            await asyncio.sleep(0.05)
    raise AssertionError("nobody waits")


CLAIM = "INSERT INTO fleet.collector_claim (name, site_id) VALUES ('mm1', 'site-b')"


async def test_who_comes_second_to_a_name_is_told_that_it_is_the_firsts(
    writer: Writer, keys: dict[str, CollectorKey], database_url: str
) -> None:
    async with asyncio.TaskGroup() as group, another_gateway(database_url) as other:
        await other.execute(CLAIM)
        second = group.create_task(told(writer, keys["a"], "mm1", "mm2"))
        await waits(database_url, second)
        assert not second.done(), "it claims the same name and waits for the first"
        await other.commit()
    assert second.result() == {"mm1": "site-b", "mm2": "site-a"}
    assert claims(database_url) == {"mm1": "site-b", "mm2": "site-a"}


async def test_two_gateways_that_claim_for_a_site_together_share_its_room(
    writer: Writer, keys: dict[str, CollectorKey], database_url: str
) -> None:
    async with asyncio.TaskGroup() as group, another_gateway(database_url) as other:
        await other.execute(CLAIM)
        first = group.create_task(told(writer, keys["a"], "mm1", "mm2"))
        await waits(database_url, first)  # it has found its room, and has claimed nothing yet
        second = group.create_task(told(writer, keys["a"], "mm3", "mm4", "mm5"))
        await waits(database_url, first, second)
        await other.rollback()
    assert first.result() == {"mm1": "site-a", "mm2": "site-a"}
    assert second.result() == {"mm3": "site-a", "mm4": None, "mm5": None}
    assert len(claims(database_url)) == RULES.most


async def test_a_key_that_is_being_revoked_claims_nothing_more(
    writer: Writer, keys: dict[str, CollectorKey], database_url: str
) -> None:
    async def refused() -> None:
        with pytest.raises(KeyRevokedError):
            await told(writer, keys["a"], "mm1")

    async with asyncio.TaskGroup() as group, another_gateway(database_url) as other:
        await revoke_key(other, keys["a"].key_id)
        late = group.create_task(refused())
        await waits(database_url, late)
        await other.commit()
    assert claims(database_url) == {}


async def test_telling_again_and_again_writes_nothing(
    writer: Writer, keys: dict[str, CollectorKey], database_url: str
) -> None:
    before = datetime.now(UTC)
    await told(writer, keys["a"], "mm1")

    def last() -> datetime:
        with psycopg.connect(database_url) as connection:
            row = connection.execute("SELECT told_at FROM fleet.collector_claim").fetchone()
        assert row is not None
        return datetime.fromisoformat(row[0].isoformat())

    first = last()
    await told(writer, keys["a"], "mm1")
    assert last() == first
    days_pass(database_url, 2)
    await told(writer, keys["a"], "mm1")
    assert last() >= before
