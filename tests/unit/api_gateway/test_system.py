"""The services' addresses, quantiles, and what is made of what services answer, sound or not."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from api_gateway.adapters.scrape import KEPT_S, System
from api_gateway.domain.system import ServiceAddress, parse_services, quantile
from api_gateway.settings import GatewaySettings
from minestream_runtime import health as runtime_health
from minestream_runtime.clock import SystemClock
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.health import Health
from minestream_runtime.metrics import counter, histogram
from minestream_schemas.metrics import METRICS

NOBODY = "127.0.0.1:9"


def test_services_are_read_as_the_setting_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "collector-vnish=127.0.0.1:8481, processor=host_a.farm:8482,processor=[::1]:8482,"
    monkeypatch.setenv("MINESTREAM_SERVICES", text)
    services = GatewaySettings.load().services
    assert services == parse_services(text)
    assert [service.address for service in services] == [
        "127.0.0.1:8481",
        "host_a.farm:8482",
        "[::1]:8482",
    ]
    monkeypatch.setenv("MINESTREAM_SERVICES", "")
    assert GatewaySettings.load().services == ()


@pytest.mark.parametrize(
    "text",
    [
        "processor",
        "processor=127.0.0.1",
        "processor=127.0.0.1:0",
        "processor=127.0.0.1:65536",
        "=127.0.0.1:80",
        "Processor=127.0.0.1:80",
        "processor=http://127.0.0.1:80",
        "processor=127.0.0.1:80/metrics",
        "processor=user@127.0.0.1:80",
        "processor=::1:80",
        "a=127.0.0.1:80,b=127.0.0.1:80",
        ",".join(f"a=127.0.0.1:{port}" for port in range(1, 102)),
        "x" * 100_000,
    ],
)
def test_a_wrong_list_of_services_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("MINESTREAM_SERVICES", text)
    with pytest.raises(ConfigurationError, match="MINESTREAM_SERVICES") as caught:
        GatewaySettings.load()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("q", "expected"),
    [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 2.0), (0.9, 2.0), (1.0, 2.0)],
)
def test_a_quantile_is_interpolated_as_prometheus_does(q: float, expected: float) -> None:
    buckets = [(1.0, 2.0), (2.0, 3.0), (math.inf, 4.0)]
    assert quantile(q, buckets) == pytest.approx(expected)


def test_nothing_observed_has_no_quantile() -> None:
    assert quantile(0.5, []) is None
    assert quantile(0.5, [(1.0, 0.0), (math.inf, 0.0)]) is None
    assert quantile(0.5, [(1.0, 3.0)]) is None
    assert quantile(0.5, [(1.0, 3.0), (2.0, 4.0)]) is None


@given(
    st.lists(st.floats(0.001, 1000), min_size=1, max_size=12, unique=True),
    st.lists(st.floats(0, 2000), min_size=1, max_size=50),
    st.floats(0, 1),
)
def test_a_quantile_lies_in_the_bucket_of_the_value_that_it_stands_for(
    bounds: list[float], observed: list[float], q: float
) -> None:
    ordered = sorted(bounds)
    buckets = [(b, float(sum(x <= b for x in observed))) for b in (*ordered, math.inf)]
    found = quantile(q, buckets)
    assert found is not None
    true = sorted(observed)[max(0, math.ceil(q * len(observed)) - 1)]
    above = [bound for bound in ordered if bound >= true]
    upper = above[0] if above else ordered[-1]
    lower = max((b for b in ordered if b < true), default=0.0)
    if q * len(observed) > 0 and not math.isclose(q * len(observed) % 1, 0, abs_tol=1e-6):
        assert min(lower, upper) - 1e-9 <= found <= upper + 1e-9
    assert 0 <= found <= ordered[-1]


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[..., Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server that answers its pages so, and gives its ``host:port``."""
    runners: list[web.AppRunner] = []

    async def start(**pages: Handler) -> str:
        app = web.Application()
        app.add_routes([web.get(f"/{name}", page) for name, page in pages.items()])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        sockets = cast("asyncio.Server", site._server).sockets
        return f"127.0.0.1:{sockets[0].getsockname()[1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


def page(body: bytes | str, status: int = 200) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        content = body if isinstance(body, bytes) else body.encode()
        return web.Response(body=content, status=status)

    return answer


READY = page('{"status": "ready", "faults": {}}')


def system_of(*addresses: str, **settings: Any) -> System:
    services = tuple(ServiceAddress("svc", *_split(address)) for address in addresses)
    given = GatewaySettings(services=services, kafka_bootstrap=NOBODY, **settings)
    return System(given, Health(), SystemClock())


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


async def asked(*addresses: str) -> list[dict[str, Any]]:
    found = await system_of(*addresses).look()
    return [each for each in found["services"] if each["name"] == "svc"]


async def test_a_real_services_health_and_metrics_are_read_whole() -> None:
    counter("miner_poll_total").labels("told").inc(3)
    for age_s in (0.2, 0.2, 0.2, 3.0):
        histogram("minestream_event_age_seconds").labels("told").observe(age_s)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    checked = Health(checks={"kafka": lambda: "away"}, notes={"spool": lambda: "12 wait"})
    async with runtime_health.serving(checked, host="127.0.0.1", port=port):
        (said,) = await asked(f"127.0.0.1:{port}")
    assert not said["ready"]
    assert said["faults"] == {"kafka": "away"}
    assert said["notes"] == {"spool": "12 wait"}
    assert said["up_s"] > 0
    assert said["memory_bytes"] > 1e6
    assert said["cpu_s"] > 0
    assert {"labels": {"status": "told"}, "value": 3.0} in said["metrics"]["miner_poll_total"]
    ages = said["metrics"]["minestream_event_age_seconds"]
    (age,) = [series for series in ages if series["labels"] == {"hop": "told"}]
    assert (age["count"], age["sum"]) == (4, pytest.approx(3.6))
    assert 0.1 < age["p50"] <= 0.25
    assert 2.5 < age["p99"] <= 5
    assert set(said["metrics"]) <= set(METRICS)


async def test_our_own_metrics_and_the_servers_stand_beside_the_services() -> None:
    counter("miner_poll_total").labels("ok").inc(0)
    with socket.create_server(("127.0.0.1", 0)) as broker:
        address = f"127.0.0.1:{broker.getsockname()[1]}"
        settings = GatewaySettings(kafka_bootstrap=f"{NOBODY},{address}")
        checked = Health(checks={"database": lambda: "store_unavailable"})
        found = await System(settings, checked, SystemClock()).look()
    gateway, kafka, postgresql = found["services"]
    assert (gateway["name"], gateway["ready"]) == ("api-gateway", False)
    assert "miner_poll_total" in gateway["metrics"]
    assert (kafka["name"], kafka["ready"], kafka["faults"]) == ("kafka", True, {})
    assert postgresql["faults"] == {"database": "store_unavailable"}
    assert postgresql["address"] == "127.0.0.1:5432"
    assert set(found["meanings"]) == set(METRICS)
    assert all(meaning["unit"] for meaning in found["meanings"].values())


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_the_gateway_itself_is_shown_once_and_another_gateway_beside_it(host: str) -> None:
    services = parse_services("api-gateway=127.0.0.1:8480,api-gateway=127.0.0.1:9")
    settings = GatewaySettings(services=services, gateway_host=host, kafka_bootstrap=NOBODY)
    found = await System(settings, Health(), SystemClock()).look()
    gateways = [each for each in found["services"] if each["name"] == "api-gateway"]
    assert [(each["address"], each["ready"]) for each in gateways] == [
        ("127.0.0.1:9", False),
        (f"{host}:8480", True),
    ]


async def test_no_address_shows_a_user_or_a_password() -> None:
    found = await system_of(database_url="postgresql://boss:s3cret@db.farm:6543/x").look()
    assert found["services"][-1]["address"] == "db.farm:6543"
    assert "s3cret" not in str(found)
    assert "boss" not in str(found)


async def test_a_service_that_is_not_there_is_not_ready_and_says_why() -> None:
    (said,) = await asked(NOBODY)
    assert not said["ready"]
    assert said["faults"] == {"answer": "no connection: Connection refused"}
    assert (said["metrics"], said["up_s"]) == ({}, None)
    found = await system_of().look()
    kafka = next(each for each in found["services"] if each["name"] == "kafka")
    assert not kafka["ready"]
    assert kafka["faults"]["connection"]


async def test_a_service_that_never_ends_its_answer_holds_up_nobody(serve: Serve) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"#\n")
            await asyncio.sleep(0.05)

    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"# comment\n" * 10_000)

    good = await serve(readyz=READY, metrics=page(generate_latest()))
    began_s = asyncio.get_running_loop().time()
    slow, flooding, sound = await asked(
        await serve(readyz=drip, metrics=drip), await serve(readyz=READY, metrics=flood), good
    )
    assert asyncio.get_running_loop().time() - began_s < 4
    assert slow["faults"] == {"answer": "no answer within 2 s"}
    assert flooding["ready"]
    assert flooding["notes"]["metrics"] in {
        "an answer over 4194304 bytes",
        "no answer within 2 s",
    }
    assert sound["ready"]
    assert sound["metrics"]


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "[]", '"ready"', '{"status": "ready"}', '{"status": 1, "faults": []}', "\xff"],
)
async def test_what_no_service_of_ours_answers_is_told_as_that(serve: Serve, body: str) -> None:
    (said,) = await asked(await serve(readyz=page(body.encode("latin-1"))))
    assert not said["ready"]
    assert "is the address right" in said["faults"]["answer"]
    assert said["notes"]["metrics"]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"miner_poll_total{",
        b"miner_poll_total NotANumber",
        b"# TYPE minestream_batch_seconds histogram\nminestream_batch_seconds_bucket 1\n",
        (
            b"# TYPE minestream_batch_seconds histogram\n"
            b'minestream_batch_seconds_bucket{le="x"} 1\nminestream_batch_seconds_count 1\n'
        ),
    ],
)
async def test_metrics_that_cannot_be_read_cost_only_themselves(serve: Serve, body: bytes) -> None:
    (said,) = await asked(await serve(readyz=READY, metrics=page(body)))
    assert said["ready"]
    assert said["metrics"] == {}
    assert said["notes"] == {"metrics": "not in Prometheus's text format"}


async def test_a_redirect_is_not_followed(serve: Serve) -> None:
    async def away(_: web.Request) -> web.Response:
        raise web.HTTPFound("/secret")

    asked_for: list[str] = []

    async def secret(request: web.Request) -> web.Response:
        asked_for.append(request.path)
        return web.Response()

    await asked(await serve(readyz=away, metrics=away, secret=secret))
    assert not asked_for


async def test_many_who_look_cost_one_scrape(serve: Serve) -> None:
    scrapes = 0

    async def counted(_: web.Request) -> web.Response:
        nonlocal scrapes
        scrapes += 1
        return web.Response(body=generate_latest())

    class Clock(SystemClock):
        now_s = 0.0

        def now(self) -> datetime:
            return datetime.now(UTC)

        def monotonic(self) -> float:
            return self.now_s

    clock = Clock()
    service = ServiceAddress("svc", *_split(await serve(readyz=READY, metrics=counted)))
    system = System(GatewaySettings(services=(service,)), Health(), clock)
    await asyncio.gather(*(system.look() for _ in range(100)))
    assert scrapes == 1
    clock.now_s += KEPT_S
    await system.look()
    assert scrapes == 2
