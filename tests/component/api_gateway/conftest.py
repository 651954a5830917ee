import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import SecretStr
from tests.component.api_gateway.stream import Gateway, Tap, tapping

from api_gateway.adapters.database import Reader, Writer, fleet, open_reader, open_writer
from api_gateway.adapters.http.app import create_app
from api_gateway.adapters.stream.records import TOPICS as STREAM_TOPICS
from api_gateway.domain.inventory import compare
from api_gateway.settings import GatewaySettings
from minestream_devstack.ports import Ports
from minestream_runtime.clock import SystemClock
from minestream_runtime.health import Health
from minestream_runtime.kafka import Consumer
from minestream_schemas.ids import derived_id
from minestream_schemas.inventory import INVENTORY, Fleet, InventoryEntry

COMMAND = "import sys; from api_gateway.adapters.command import app; app()"


@pytest.fixture
def settings(database_url: str) -> GatewaySettings:
    return GatewaySettings(database_url=SecretStr(database_url))


@pytest.fixture
def on_kafka(database_url: str, kafka_bootstrap: str, namespace: str) -> GatewaySettings:
    return GatewaySettings(
        database_url=SecretStr(database_url),
        kafka_bootstrap=kafka_bootstrap,
        topic_namespace=namespace,
        outbox_poll_s=0.1,
    )


@pytest.fixture
async def reader(settings: GatewaySettings) -> AsyncIterator[Reader]:
    async with open_reader(settings) as opened:
        yield opened


@pytest.fixture
async def writer(settings: GatewaySettings) -> AsyncIterator[Writer]:
    async with open_writer(settings) as opened:
        yield opened


@pytest.fixture
async def api(settings: GatewaySettings, reader: Reader) -> AsyncIterator[httpx.AsyncClient]:
    """The real app on a real database, without the network in between."""
    app = create_app(settings, reader, Health(), SystemClock())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


def entry(miner_id: str, **fields: Any) -> InventoryEntry:
    given = {"site_id": "site-a", "address": f"{miner_id}.local:80"} | fields
    return InventoryEntry(miner_id=miner_id, **given)


async def put(writer: Writer, entries: Iterable[InventoryEntry], *, prune: bool = False) -> None:
    """Change the fleet as an import does."""
    async with fleet.changing(writer) as connection:
        there = await fleet.read_fleet(connection)
        wanted = Fleet({}, {each.miner_id: each for each in entries})
        await fleet.apply(connection, compare(there, wanted, prune=prune))


async def eventually(condition: Callable[[], Awaitable[bool]], *, within_s: float = 60) -> None:
    """Wait until a condition holds."""
    for _ in range(int(within_s / 0.05)):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")


@pytest.fixture
async def streaming(on_kafka: GatewaySettings, make_topics: Any, tmp_path: Path) -> GatewaySettings:
    """Settings of a gateway whose stream has its topics."""
    await make_topics(*STREAM_TOPICS)
    port = Ports(tmp_path / "ports").claim("gateway", 0)
    return on_kafka.model_copy(update={"gateway_port": port, "stream_heartbeat_s": 5.0})


@pytest.fixture
async def tap(streaming: GatewaySettings) -> AsyncIterator[Tap]:
    async with tapping(streaming) as opened:
        yield opened


@pytest.fixture
async def streamer(streaming: GatewaySettings) -> AsyncIterator[Gateway]:
    """A gateway whose stream is ready."""
    gateway = Gateway(streaming)
    await gateway.start()
    yield gateway
    await gateway.stop()


class Telemetry:
    """Writes the telemetry schema's tables as their owner does; the gateway reads the views."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def insert(self, table: str, *rows: dict[str, Any]) -> None:
        for row in rows:
            values = {k: Jsonb(v) if isinstance(v, dict) else v for k, v in row.items()}
            if table == "latest" and "boards" in values:
                values["boards"] = Jsonb(values["boards"])
            self._connection.execute(
                sql.SQL("INSERT INTO telemetry.{} ({}) VALUES ({})").format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(map(sql.Identifier, values)),
                    sql.SQL(", ").join(map(sql.Placeholder, values)),
                ),
                values,
            )

    def roll_up(self, hour: datetime, day: datetime) -> None:
        """Compute an hour's and a day's rollups; TimescaleDB's views compute them when read."""
        if self._connection.execute(
            "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"
        ).fetchone():
            return
        self._connection.execute("SELECT telemetry.refresh_hour(%s)", (hour,))
        self._connection.execute("SELECT telemetry.refresh_day(%s)", (day,))

    def room(self, since: datetime, until: datetime, *tables: str) -> None:
        for table in tables:
            self._connection.execute(
                "SELECT telemetry.ensure_partitions(%s, %s, %s)", (table, since, until)
            )

    def execute(self, statement: str) -> None:
        self._connection.execute(statement.encode())


@pytest.fixture
def tables(telemetry: Telemetry) -> Telemetry:
    """The same, where events are called telemetry."""
    return telemetry


@pytest.fixture
def telemetry(database_url: str) -> Iterable[Telemetry]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Telemetry(connection)


async def inventory_on(settings: GatewaySettings, count: int) -> list[tuple[str, Any]]:
    """Key and decoded value of the topic's first ``count`` records, in order per key."""
    found: list[tuple[str, Any]] = []
    async with Consumer(settings, [INVENTORY]) as consumer:
        for _ in range(240):
            for record in await consumer.records(wait_s=0.5):
                assert record.key is not None
                value = None if record.value is None else json.loads(record.value)
                found.append((record.key.decode(), value))
            if len(found) >= count:
                return found
    raise AssertionError(f"{len(found)} records of {count} came: {found[:5]}")


@pytest.fixture
def credentials_key() -> str:
    return Fernet.generate_key().decode()


Minestream = Callable[..., list[str]]


@pytest.fixture
def inventory_command() -> Minestream:
    """The words that run ``minestream inventory`` as a process of its own."""
    return lambda *words: [sys.executable, "-c", COMMAND, *map(str, words)]


@pytest.fixture
def fleet_file(tmp_path: Path) -> Path:
    file = tmp_path / "fleet.yaml"
    file.write_text(
        """\
defaults: {site_id: site-a, transport: http}
sites:
  - {site_id: site-a, name: Alpha, tariff_usd_per_kwh: 0.05}
miners:
  - {miner_id: site-a-1, address: "127.0.0.1:8001", rack_id: site-a-r1, slot: 1, workers: [a, b]}
  - {miner_id: site-a-2, address: "127.0.0.1:8002", model: Antminer L9, algorithm: scrypt}
  - miner_id: site-a-3
    address: 127.0.0.1:8003
    interval_s: 30
    credentials: {password: "${MINER_PASSWORD}"}
"""
    )
    return file


NOW = datetime.now(UTC).replace(microsecond=0)


def reading(miner_id: str, ts: datetime = NOW, **fields: Any) -> dict[str, Any]:
    given = {
        "event_id": derived_id("t", miner_id, ts, fields.get("n", 0)),
        "raw_event_id": derived_id("raw", miner_id, ts),
        "ts": ts,
        "miner_id": miner_id,
        "site_id": "site-a",
        "dialect": "vnish-1.2",
        "algorithm": "sha256d",
        "status": "mining",
    }
    fields.pop("n", None)
    return given | fields


def check(app_document: dict[str, Any], path: str, answer: httpx.Response) -> None:
    """An answer fits the API's own description."""
    content = app_document["paths"][path]["get"]["responses"][str(answer.status_code)]["content"]
    media_type = answer.headers["content-type"].partition(";")[0]
    if "json" in media_type:
        schema = content[media_type]["schema"] | {"components": app_document["components"]}
        jsonschema.validate(answer.json(), schema)
    else:
        assert media_type in content


@pytest.fixture
def document(settings: GatewaySettings) -> dict[str, Any]:
    app: Any = create_app(settings, None, Health(), SystemClock())  # type: ignore[arg-type] # only described
    described: dict[str, Any] = app.openapi()
    return described


Check = Callable[[str, httpx.Response], None]


@pytest.fixture
def fits(document: dict[str, Any]) -> Check:
    return lambda path, answer: check(document, path, answer)


async def collect(api: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """All items, page by page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(200):
        answer = await api.get(path, params=query | cursor)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            return items
        assert len(answer.json()["items"]) == query["limit"]
        cursor = {"cursor": answer.json()["next"]}
    raise AssertionError("the pages do not end")
