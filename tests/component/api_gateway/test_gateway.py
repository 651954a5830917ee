import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from tests.component.api_gateway.conftest import entry, eventually, inventory_on, put

from api_gateway.adapters.database import open_writer
from api_gateway.settings import GatewaySettings
from minestream_devstack.ports import Ports
from minestream_devstack.postgres import PostgresServer
from minestream_devstack.supervision import STOP_WAIT_S
from minestream_runtime.command.migrate import registered
from minestream_runtime.database import migrate
from minestream_schemas.inventory import INVENTORY


@pytest.fixture
async def gateway(
    environment: dict[str, str], tmp_path: Path
) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    """The service as a process, and a client of it."""
    async with _running(environment, tmp_path) as both:
        yield both


class _running:  # noqa: N801 - read as a verb
    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._port = Ports(folder / "ports").claim("gateway", 0)
        self._environment = environment | {"MINESTREAM_GATEWAY_PORT": str(self._port)}

    async def __aenter__(self) -> tuple[Any, httpx.AsyncClient]:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "api_gateway",
            env=os.environ | self._environment,
            stdout=asyncio.subprocess.DEVNULL,
        )
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._port}", timeout=60)

        async def answers() -> bool:
            try:
                return (await self.client.get("/healthz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(answers)
        return self.process, self.client

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


async def test_the_service_answers_relays_and_ends_when_told(
    gateway: tuple[Any, httpx.AsyncClient],
    on_kafka: GatewaySettings,
    make_topics: Any,
) -> None:
    process, client = gateway
    await make_topics(INVENTORY)
    async with open_writer(on_kafka) as writer:
        await put(writer, [entry("m-1")])
    assert [key for key, _ in await inventory_on(on_kafka, 1)] == ["m-1"]
    answer = await client.get("/api/v1/miners")
    assert [item["miner_id"] for item in answer.json()["items"]] == ["m-1"]
    measured = (await client.get("/metrics")).text
    line = 'minestream_http_request_seconds_count{route="/api/v1/miners",status="200"} 1.0'
    assert line in measured
    assert "minestream_outbox_waiting" in measured
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), STOP_WAIT_S) == 0


async def test_a_taken_port_ends_the_service_with_a_reason(
    environment: dict[str, str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "api_gateway",
            env=os.environ | environment | {"MINESTREAM_GATEWAY_PORT": str(taken.getsockname()[1])},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode != 0
    assert b"set MINESTREAM_GATEWAY_HOST or MINESTREAM_GATEWAY_PORT" in said


async def test_with_the_database_away_it_is_alive_not_ready_and_says_when_to_come_back(
    environment: dict[str, str], stack_folder: Path, tmp_path: Path
) -> None:
    server = PostgresServer(stack_folder / "own", preferred_port=0, throwaway=True)
    server.prepare()
    server.start()
    try:
        url = server.url("postgres")
        await migrate(GatewaySettings(database_url=SecretStr(url)), registered())
        async with _running(environment | {"MINESTREAM_DATABASE_URL": url}, tmp_path) as (
            _,
            client,
        ):

            async def ready() -> bool:
                return (await client.get("/readyz")).status_code == 200

            async def unready() -> bool:
                return not await ready()

            await eventually(ready)
            assert (await client.get("/api/v1/miners")).status_code == 200
            server.stop()
            answer = await client.get("/api/v1/miners")
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert answer.headers["content-type"] == "application/problem+json"
            await eventually(unready)
            assert (await client.get("/healthz")).status_code == 200
            server.start()
            await eventually(ready)
            assert (await client.get("/api/v1/miners")).status_code == 200
    finally:
        server.stop()


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    """A database without any of our schemas."""
    name = f"empty_{secrets.token_hex(5)}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


async def test_before_the_migrations_it_says_what_to_run(
    environment: dict[str, str], empty_database: str, tmp_path: Path
) -> None:
    changed = environment | {"MINESTREAM_DATABASE_URL": empty_database}
    async with _running(changed, tmp_path) as (_, client):
        answer = await client.get("/api/v1/miners")
        assert answer.status_code == 503
        assert "minestream migrate" in answer.json()["detail"]
        assert (await client.get("/readyz")).json()["faults"] == {"database": "schema_missing"}
