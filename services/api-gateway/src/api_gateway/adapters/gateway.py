"""The gateway's parts, wired: REST, the stream, uploads, the outbox relay, the database's watch."""

import asyncio

from api_gateway.adapters.collector.door import Door
from api_gateway.adapters.database import open_reader, open_writer
from api_gateway.adapters.database.watch import Watch
from api_gateway.adapters.detections import Detections
from api_gateway.adapters.http.app import create_app
from api_gateway.adapters.http.server import serve
from api_gateway.adapters.relay import relay_of
from api_gateway.adapters.stream.hub import Hub
from api_gateway.adapters.stream.source import Source
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer
from minestream_runtime.kafka.setting_aside import SettingAside


async def run_gateway(settings: GatewaySettings, health: Health) -> None:
    """Serve until cancelled.

    Args:
        settings: the gateway's.
        health: gains the check of the database. Kafka is none of it: reading works without.
    """
    clock = SystemClock()
    async with (
        open_reader(settings) as reader,
        open_writer(settings) as writer,
        Producer(settings) as producer,
        asyncio.TaskGroup() as tasks,
    ):
        watch = Watch(reader)
        health.checks["database"] = watch.fault
        app = create_app(settings, reader, health, clock)
        app.state.hub = hub = Hub(settings, clock)
        health.notes["stream"] = hub.fault
        app.state.door = door = Door(settings, writer, producer, clock)
        letters = SettingAside(producer, service="api-gateway")
        detections = Detections(settings, writer, letters, clock)
        health.notes["detections"] = detections.fault
        tasks.create_task(watch.run())
        tasks.create_task(detections.run())
        tasks.create_task(door.log.run())
        tasks.create_task(relay_of(settings, writer, producer, clock).run())
        tasks.create_task(hub.run())
        tasks.create_task(Source(settings, reader, clock, hub).run())
        tasks.create_task(serve(app, host=settings.gateway_host, port=settings.gateway_port))
