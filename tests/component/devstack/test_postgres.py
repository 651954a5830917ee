"""Our PostgreSQL: roles, migrations, locks, and who may come in."""

import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from pydantic import SecretStr

from minestream_devstack.orphans import end
from minestream_devstack.postgres import PostgresServer
from minestream_runtime.command.migrate import registered
from minestream_runtime.database import Role, migrate, open_pool
from minestream_runtime.settings import Settings


@pytest.fixture
def walkable() -> Iterator[Path]:
    """A folder that an unprivileged user can walk through (pytest's own are for their owner)."""
    with TemporaryDirectory(prefix="minestream-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


async def test_migrating_twice_applies_nothing_the_second_time(database_url: str) -> None:
    settings = Settings(database_url=SecretStr(database_url))
    assert await migrate(settings, registered()) == []


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_can_be_taken_on(database_url: str, role: Role) -> None:
    settings = Settings(database_url=SecretStr(database_url))
    async with open_pool(settings, role, name="test") as pool, pool.connection() as connection:
        (who,) = await (await connection.execute("SELECT current_user")).fetchone() or ("",)
        assert who == role


async def test_a_reader_cannot_make_a_schema(database_url: str) -> None:
    settings = Settings(database_url=SecretStr(database_url))
    async with open_pool(settings, Role.READER, name="t") as pool, pool.connection() as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("CREATE SCHEMA mine")


def test_nobody_comes_in_without_the_password(postgres_url: str) -> None:
    with (
        psycopg.connect(postgres_url) as own,
        pytest.raises(psycopg.OperationalError, match="password"),
    ):
        psycopg.connect(
            host="127.0.0.1",
            port=own.info.port,
            user=own.info.user,
            password="guessed",  # noqa: S106 - a wrong one
            dbname="postgres",
        )


def test_data_outlive_a_kill_and_a_lock_with_a_foreign_pid(walkable: Path) -> None:
    folder = walkable / "postgres"
    first = PostgresServer(folder, preferred_port=0)
    first.prepare()
    first.start()
    with psycopg.connect(first.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer; CHECKPOINT")
    first.kill()
    end(first.leftovers())  # they may have noticed already, and be going
    lock = folder / "data" / "postmaster.pid"
    lock.write_text("\n".join(["1", *lock.read_text().splitlines()[1:]]) + "\n")

    second = PostgresServer(folder, preferred_port=0)
    second.prepare()
    second.start()
    try:
        with psycopg.connect(second.url()) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        assert second.port == first.port
    finally:
        second.stop()
    assert second.leftovers() == []


def test_the_password_is_for_its_owner_alone(walkable: Path) -> None:
    server = PostgresServer(walkable / "postgres", preferred_port=0)
    server.prepare()
    assert stat.S_IMODE((walkable / "postgres" / "password").stat().st_mode) == 0o600


def test_a_folder_that_the_unprivileged_user_cannot_reach_is_no_obstacle(tmp_path: Path) -> None:
    """As in root's home: pytest's folders are 0700 already."""
    tmp_path.chmod(0o700)
    server = PostgresServer(tmp_path / "postgres", preferred_port=0, throwaway=True)
    server.prepare()
    server.start()
    try:
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
        server.forget()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
