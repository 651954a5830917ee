"""A database that keeps its connections and says nothing more."""

import asyncio

import pytest
from pydantic import SecretStr
from tests.component.severing import relay

from minestream_runtime.database import Role, open_pool, pool, store_errors
from minestream_runtime.errors import StoreUnavailableError
from minestream_runtime.settings import Settings


async def test_a_database_that_freezes_counts_as_away_and_is_used_again_when_it_thaws(
    database_url: str,
) -> None:
    async with asyncio.timeout(60), relay(database_url) as (address, switch):
        settings = Settings(database_url=SecretStr(address))
        async with open_pool(
            settings, Role.READER, name="test", most=1, statement_timeout_s=20
        ) as connections:

            async def one() -> object:
                with store_errors():
                    async with connections.connection() as connection:
                        return await (await connection.execute("SELECT 1")).fetchone()

            async def half_way() -> None:
                with store_errors():
                    async with connections.connection() as connection, connection.transaction():
                        await connection.execute("SELECT 1")
                        assert isinstance(connection, pool._Patient)
                        assert connection.patience_s == 20 + pool._GRACE_S
                        connection.patience_s = 0.5
                        switch.freeze()
                        await connection.execute("SELECT 2")

            assert await one() == (1,)
            with pytest.raises(StoreUnavailableError, match=r"no answer for 0\.5 s"):
                await half_way()
            switch.mend()
            assert await one() == (1,)
