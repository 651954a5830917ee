"""N-open-topics: the programs of docs/adding-a-collector.md do what is said of them."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from minestream_devstack.ports import Ports
from minestream_dialects import normalise
from minestream_runtime.kafka import Consumer, Producer
from minestream_runtime.settings import Settings
from minestream_schemas.raw import RAW_MINER, RawMiner
from minestream_schemas.telemetry import TELEMETRY, MinerStatus, MinerTelemetry

PAGE = Path(__file__).parents[3] / "docs" / "adding-a-collector.md"
COLLECTOR, CONSUMER = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
BITAXE = {
    "ASICModel": "BM1368",
    "version": "v2.4.1",
    "hashRate": 623.5,
    "temp": 91.25,
    "power": 14.5,
    "sharesAccepted": 3021,
    "sharesRejected": 4,
    "uptimeSeconds": 86_400,
}
"""As the firmware's open source says its /api/system/info."""


def lines(code: str) -> int:
    """Lines of code: neither empty ones nor the docstring."""
    return len([line for line in code.splitlines() if line.strip() and not line.startswith('"""')])


@asynccontextmanager
async def program(code: str, file: Path, **environment: str) -> AsyncIterator[Any]:
    await asyncio.to_thread(file.write_text, code)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(file),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def interrupted(process: asyncio.subprocess.Process) -> tuple[int | None, bool]:
    """What Ctrl-C does to a program: its exit code, and whether it prints a traceback."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return process.returncode, b"Traceback" in said


def named(code: str, namespace: str) -> str:
    """The program in this test's own namespace of the broker."""
    return code.replace(".name", f'.named("{namespace}")').replace("hot-miners", namespace)


async def first(settings: Settings, count: int) -> dict[str, RawMiner]:
    found: dict[str, RawMiner] = {}
    async with asyncio.timeout(60), Consumer(settings, [RAW_MINER]) as consumer:
        while len(found) < count:
            for record in await consumer.records(wait_s=0.5):
                event = RawMiner.from_json(record.value or b"")
                assert record.key == event.miner_id.encode()
                found[event.miner_id] = event
    return found


async def test_the_collector_publishes_what_the_processor_reads(
    kafka_bootstrap: str,
    namespace: str,
    make_topics: Callable[..., Awaitable[None]],
    tmp_path: Path,
) -> None:
    assert len(COLLECTOR.splitlines()) < 60
    await make_topics(RAW_MINER)
    app = web.Application()
    app.router.add_get("/api/system/info", _info)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    nobody = Ports(tmp_path / "ports").claim("nobody", 0)
    miners = f"bitaxe-1=127.0.0.1:{runner.addresses[0][1]},bitaxe-2=127.0.0.1:{nobody}"
    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)
    environment = {"KAFKA": kafka_bootstrap, "BITAXE_MINERS": miners, "EVERY_S": "1"}
    try:
        code = named(COLLECTOR, namespace)
        async with program(code, tmp_path / "bitaxe.py", **environment) as process:
            found = await first(settings, 2)
            assert await interrupted(process) == (0, False)
    finally:
        await runner.cleanup()
    reading = normalise(found["bitaxe-1"]).telemetry
    assert (reading.status, reading.hashrate_hs) == (MinerStatus.MINING, 623.5e9)
    assert (reading.chip_temp_max_c, reading.power_w) == (91.25, 14.5)
    assert (reading.accepted_total, reading.uptime_s) == (3021, 86_400)
    silent = normalise(found["bitaxe-2"]).telemetry
    assert (silent.status, silent.hashrate_hs) == (MinerStatus.OFFLINE, None)


async def test_the_consumer_prints_the_hot_and_no_other(
    kafka_bootstrap: str,
    namespace: str,
    make_topics: Callable[..., Awaitable[None]],
    tmp_path: Path,
) -> None:
    assert lines(CONSUMER) <= 15
    await make_topics(TELEMETRY)
    example = PAGE.parents[1] / "libs/schemas/examples/minestream.telemetry.v1/0001.json"
    reading = MinerTelemetry.from_json(example.read_bytes())
    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)
    code = named(CONSUMER, namespace)
    async with (
        Producer(settings, deadline_s=60) as producer,
        program(code, tmp_path / "hot.py", KAFKA=kafka_bootstrap) as process,
    ):
        for name, temperature in (("cold-1", 60.0), ("quiet-1", None), ("hot-1", 85.5)):
            changed = {"miner_id": name, "chip_temp_max_c": temperature}
            event = reading.model_copy(update=changed)
            await producer.send(TELEMETRY, key=name.encode(), value=event.to_json())
        async with asyncio.timeout(60):
            printed = [line.decode() async for line in _until(process.stdout, b"hot-1")]
        assert await interrupted(process) == (0, False)
    assert "hot-1 85.5 °C" in printed[-1]
    assert not any(other in line for line in printed for other in ("cold-1", "quiet-1"))


async def _until(lines_: asyncio.StreamReader, word: bytes) -> AsyncIterator[bytes]:
    """What is printed, the client's own remarks too, up to a line with the word."""
    async for line in lines_:
        yield line
        if word in line:
            return


async def _info(_: web.Request) -> web.Response:
    return web.json_response(BITAXE)
