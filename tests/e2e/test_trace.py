"""One trace from poll to row and to the websocket, over the real processes (N-otel, USR-otel)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from opentelemetry.proto.trace.v1 import trace_pb2
from tests.contract.test_metrics import ALLOWED, promtool_lints
from tests.e2e.backend import Backend, Seen, edges_of, listening
from tests.e2e.world import World, command, inhabit, running

from minestream_runtime import semconv, traces
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.kafka import Producer
from minestream_schemas.metrics import HOPS, METRICS
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.telemetry import TELEMETRY

MINERS = 6
SERVICES = ("timescale-sink", "processor", "api-gateway", "collector-vnish")
KINDS = trace_pb2.Span.SpanKind
POLL, SEND = "poll miner", f"send {RAW_MINER.name}"
PROCESS, NORMALISE = f"process {RAW_MINER.name}", "normalise"
WRITE_RAW, WRITE, PUSH = (
    f"write {RAW_MINER.name}",
    f"write {TELEMETRY.name}",
    f"push {TELEMETRY.name}",
)
EDGES = {
    (None, POLL, "collector-vnish"),
    (POLL, "GET summary", "collector-vnish"),
    (POLL, SEND, "collector-vnish"),
    (SEND, PROCESS, "processor"),
    (PROCESS, NORMALISE, "processor"),
    (SEND, WRITE_RAW, "timescale-sink"),
    (PROCESS, WRITE, "timescale-sink"),
    (PROCESS, PUSH, "api-gateway"),
}
"""Parent, span, and whose it is: the way of one poll."""


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with listening() as there:
        yield there


def whole(backend: Backend) -> list[Seen] | None:
    """The spans of a trace that has every edge; None: there is none yet."""
    return next((spans for spans in backend.by_trace().values() if edges_of(spans) >= EDGES), None)


@contextlib.asynccontextmanager
async def subscribed(world: World) -> AsyncIterator[list[dict[str, Any]]]:
    """A websocket on which readings come; what came on it."""
    heard: list[dict[str, Any]] = []
    url = f"http://127.0.0.1:{world.ports['gateway']}/api/v1/stream"
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as socket:
        await socket.send_json({"type": "subscribe", "id": "all", "kinds": ["reading"]})

        async def hear() -> None:
            while True:
                heard.append(await socket.receive_json())

        hearing = asyncio.ensure_future(hear())
        try:
            yield heard
        finally:
            hearing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await hearing


async def build(world: World) -> None:
    """Emulators, inventory and all services but the collector."""
    await inhabit(world, miners=MINERS, seed=3)
    world.ports["gateway"] = world.free_port("gateway")
    world.add("timescale-sink", "timescale_sink")
    world.add("processor", "processor")
    ports = {**world.ports, "collector-vnish": world.free_port("collector-vnish")}
    others = [f"{name}=127.0.0.1:{ports[name]}" for name in SERVICES if name != "api-gateway"]
    world.add(
        "api-gateway",
        "api_gateway",
        MINESTREAM_GATEWAY_PORT=str(world.ports["gateway"]),
        MINESTREAM_SERVICES=",".join(others),
    )
    for name in ("timescale-sink", "processor", "api-gateway"):
        await world.ready(name, within_s=90)


async def without_sampling(world: World, backend: Backend) -> None:
    """With ratio 0 errors alone leave spans, under the trace of the record that they are of."""
    world.add("collector-vnish", "collector_vnish", MINESTREAM_TRACE_RATIO="0")
    await world.ready("collector-vnish")
    broken = new_event_id(SystemClock().now())
    async with Producer(world.settings, deadline_s=60) as producer:
        headers = traces.headers_of_unkept(broken)
        await producer.send(RAW_MINER, key=b"site-x-1", value=b"{no json", headers=headers)

    async def told() -> bool:
        rows = await asyncio.to_thread(world.rows, "SELECT count(*) FROM telemetry_v1.reading")
        told_by = {seen.service for seen in backend.by_trace().get(broken.bytes, [])}
        return rows[0][0] > MINERS and "processor" in told_by

    await world.until(told, "readings stored and an error told", within_s=90)
    assert all(seen.failed for seen in backend.spans)
    errors = backend.by_trace()[broken.bytes]
    assert all(seen.attributes[semconv.ERROR_TYPE] for seen in errors)
    assert b"{no json" not in b"".join(seen.span.SerializeToString() for seen in errors)
    await asyncio.to_thread(world.children["collector-vnish"].stop)
    backend.spans.clear()


def check_trace(backend: Backend, spans: list[Seen]) -> UUID:
    """The id of the trace's raw event, when all about its spans is right."""
    raw_event_id = UUID(bytes=spans[0].span.trace_id)
    kinds = {seen.span.name: seen.span.kind for seen in spans}
    assert kinds[POLL] == KINDS.SPAN_KIND_INTERNAL
    assert kinds["GET summary"] == KINDS.SPAN_KIND_CLIENT
    assert kinds[SEND] == KINDS.SPAN_KIND_PRODUCER
    assert {kinds[name] for name in (PROCESS, WRITE_RAW, WRITE, PUSH)} == {KINDS.SPAN_KIND_CONSUMER}
    of = {seen.span.name: seen for seen in spans}
    (miner_id,) = {seen.attributes.get(semconv.MINER_ID) for seen in spans}
    assert miner_id
    assert {seen.attributes.get(semconv.EVENT_ID) for seen in spans} == {str(raw_event_id)}
    assert of["GET summary"].attributes[semconv.HTTP_STATUS] == 200
    assert of[POLL].span.start_time_unix_nano <= of[SEND].span.start_time_unix_nano
    assert of[SEND].span.start_time_unix_nano <= of[PROCESS].span.start_time_unix_nano
    batches = {
        seen.span.trace_id: seen.span for seen in backend.spans if seen.span.name.endswith("batch")
    }
    for name in (WRITE_RAW, WRITE, PUSH):
        (link,) = of[name].span.links
        batch = batches[link.trace_id]
        assert batch.name == f"{name.split()[0]} batch"
        back = [each for each in batch.links if each.trace_id == raw_event_id.bytes]
        assert of[name].span.parent_span_id in {each.span_id for each in back}
    return raw_event_id


async def check_command(world: World, raw_event_id: UUID, spans: list[Seen]) -> None:
    """``minestream trace`` and REST tell the rows' stamps and the same spans."""
    words = ("trace", str(raw_event_id))
    wanted = {seen.span.span_id.hex() for seen in spans}
    gateway = f"http://127.0.0.1:{world.ports['gateway']}"
    said: dict[str, Any] = {}

    async def agree() -> bool:
        said.update(json.loads(await asyncio.to_thread(command, world, *words, "--json")))
        url = f"{gateway}/api/v1/readings/{said['event_id']}/trace"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            rest = await answer.json()
        return rest == said and wanted <= {span["span_id"] for span in said["spans"]}

    await world.until(agree, "command, REST and backend agree", within_s=60)
    assert said["trace_id"] == raw_event_id.hex
    assert said["sampled"]
    steps = said["steps"]
    assert [step["step"] for step in steps] == ["polled", "published", "normalised", "stored"]
    afters = [step["after_s"] for step in steps]
    assert afters == pytest.approx(sorted(afters), abs=0.005), "one machine, one clock"
    assert 0 <= afters[0] <= afters[-1] < 60
    text = await asyncio.to_thread(command, world, *words)
    places = [text.rindex(name) for name in (POLL, SEND, PROCESS, NORMALISE, WRITE)]
    assert places == sorted(places)
    print(text)  # noqa: T201 - what a person sees


async def check_metrics(world: World) -> None:
    """Every service's metrics are sound, and /system has them all."""
    async with aiohttp.ClientSession() as http:
        for name in SERVICES:
            async with http.get(f"http://127.0.0.1:{world.ports[name]}/metrics") as answer:
                text = await answer.text()
            assert (promtool_lints(text) or set()) <= ALLOWED, name
            assert "process_resident_memory_bytes" in text
        url = f"http://127.0.0.1:{world.ports['gateway']}/api/v1/system"
        system: dict[str, Any] = {}

        async def all_ready() -> bool:
            async with http.get(url) as answer:
                system.update(await answer.json())
            return all(service["ready"] for service in system["services"])

        await world.until(all_ready, "every service ready, says the gateway", within_s=60)
    by_name = {service["name"]: service for service in system["services"]}
    assert set(by_name) == {*SERVICES, "kafka", "postgresql"}
    measured = {name for service in system["services"] for name in service["metrics"]}
    assert measured <= set(METRICS)
    hops = {
        series["labels"]["hop"]
        for service in system["services"]
        for series in service["metrics"].get("minestream_event_age_seconds", [])
        if series["count"]
    }
    assert hops == {*HOPS} - {"judged"}, "no alerter runs here"
    for name in SERVICES:
        assert by_name[name]["up_s"] > 0
        assert by_name[name]["memory_bytes"] > 1e6


@pytest.mark.timeout(400)
async def test_one_trace_leads_from_the_poll_to_the_row_and_to_the_websocket(
    tmp_path: Path, environment: dict[str, str], database_url: str, backend: Backend
) -> None:
    environment |= {
        "MINESTREAM_OTLP_ENDPOINT": backend.url,
        "MINESTREAM_TRACE_FOLDER": str(tmp_path / "traces"),
        "MINESTREAM_TRACE_RATIO": "1",
        "MINESTREAM_CREDENTIALS_KEY": "A" * 43 + "=",
        "MINESTREAM_DEMO": "1",
        "MINESTREAM_POLL_INTERVAL_S": "5",
    }
    async with running(World(tmp_path, environment, database_url)) as world:
        await build(world)
        await without_sampling(world, backend)
        world.add("collector-vnish", "collector_vnish")
        async with subscribed(world) as heard:

            async def complete() -> bool:
                return whole(backend) is not None

            await world.until(complete, "a whole trace", within_s=90)
            spans = whole(backend)
            assert spans is not None
            raw_event_id = check_trace(backend, spans)

            async def pushed() -> bool:
                return str(raw_event_id) in json.dumps(heard)

            await world.until(pushed, "its reading on the websocket", within_s=30)
        await check_command(world, raw_event_id, spans)
        await check_metrics(world)


def test_the_page_of_traces_names_each_of_these_spans() -> None:
    page = (Path(__file__).parents[2] / "docs" / "observability.md").read_text()
    for parent, name, service in EDGES:
        shown = "GET <endpoint>" if name.startswith("GET") else name
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{shown}` |")]
        assert service.removesuffix("-vnish") in row
        assert (parent or "nothing").split()[0] in row.split("|")[3]
