"""The pytest plugin: real servers for a session, and clean topics and databases for each test.

MINESTREAM_KAFKA_BOOTSTRAP and MINESTREAM_DATABASE_URL replace the servers. The plugin is loaded
in every run of pytest here, so whatever is slow to import is imported where it is used.
"""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import pytest

if TYPE_CHECKING:
    from minestream_schemas.event import Topic

MakeTopics = Callable[..., Awaitable[None]]


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """A folder for the session's servers that other users may walk through but not list."""
    folder = Path(tempfile.mkdtemp(prefix="minestream-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_bootstrap(stack_folder: Path) -> Iterator[str]:
    """A real Kafka: ``host:port``."""
    if given := os.environ.get("MINESTREAM_KAFKA_BOOTSTRAP"):
        yield given
        return
    from minestream_devstack.kafka import KafkaServer

    server = KafkaServer(stack_folder / "kafka", preferred_port=0)
    server.prepare()
    try:
        server.start()
        yield server.bootstrap
    finally:
        server.kill()  # its folder is removed anyway


@pytest.fixture(scope="session")
def postgres_url(stack_folder: Path) -> Iterator[str]:
    """A real PostgreSQL: its superuser's address."""
    if given := os.environ.get("MINESTREAM_DATABASE_URL"):
        yield given
        return
    from minestream_devstack.postgres import PostgresServer

    server = PostgresServer(stack_folder / "postgres", preferred_port=0, throwaway=True)
    server.prepare()
    try:
        server.start()
        yield server.url("postgres")
    finally:
        server.stop()


@pytest.fixture
def namespace() -> str:
    """A first word for topics and groups that nobody else uses."""
    return f"t-{secrets.token_hex(5)}"


@pytest.fixture
async def make_topics(kafka_bootstrap: str, namespace: str) -> AsyncIterator[MakeTopics]:
    """Creates registered topics in the namespace when called and awaited.

    Afterwards every topic of the namespace is deleted, those that a service made itself too.
    """
    from minestream_runtime.kafka import delete_topics, ensure_topics, topic_names
    from minestream_runtime.settings import Settings

    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)

    async def make(*topics: Topic) -> None:
        await ensure_topics(settings, topics)

    yield make
    await delete_topics(settings, await topic_names(settings))


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> Iterator[str]:
    """The name of a database with all registered migrations applied; nobody connects to it."""
    from pydantic import SecretStr

    from minestream_runtime.command.migrate import registered
    from minestream_runtime.database import migrate
    from minestream_runtime.settings import Settings

    name = f"template_{secrets.token_hex(5)}"
    _administer(postgres_url, f'CREATE DATABASE "{name}"')
    settings = Settings(database_url=SecretStr(_addressed(postgres_url, name)))
    asyncio.run(migrate(settings, registered()))
    _administer(
        postgres_url,
        f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false',
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",  # noqa: S608 - our own name
    )
    yield name
    _administer(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """A fresh database with all registered migrations applied, dropped afterwards."""
    name = f"test_{secrets.token_hex(5)}"
    _administer(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"')
    yield _addressed(postgres_url, name)
    _administer(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def environment(kafka_bootstrap: str, namespace: str, database_url: str) -> dict[str, str]:
    """What a child process or Settings needs to meet this test's servers."""
    return {
        "MINESTREAM_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "MINESTREAM_TOPIC_NAMESPACE": namespace,
        "MINESTREAM_DATABASE_URL": database_url,
    }


def _administer(url: str, *statements: Any) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True, connect_timeout=60) as connection:
        for statement in statements:
            connection.execute(statement)


def _addressed(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
