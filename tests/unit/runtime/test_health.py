"""The three pages of a service: alive, ready or why not, and what it counts."""

import socket
import sys
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.health import Health, serving
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_schemas.metrics import METRICS


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_service_is_ready_until_a_check_says_why_not(http: aiohttp.ClientSession) -> None:
    fault: str | None = None
    health = Health(checks={"kafka": lambda: fault}, notes={"spool": lambda: "3 wait"})
    port = free_port()
    async with serving(health, host="127.0.0.1", port=port):
        url = f"http://127.0.0.1:{port}"
        async with http.get(f"{url}/readyz") as answer:
            assert answer.status == 200
            assert await answer.json() == {
                "status": "ready",
                "faults": {},
                "notes": {"spool": "3 wait"},
            }
        fault = "away"
        async with http.get(f"{url}/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["faults"] == {"kafka": "away"}
        async with http.get(f"{url}/healthz") as answer:
            assert answer.status == 200
            assert await answer.json() == {"status": "alive"}


async def test_metrics_are_prometheus_text_with_the_processs_own(
    http: aiohttp.ClientSession,
) -> None:
    counter("miner_poll_total").labels("ok").inc()
    port = free_port()
    async with (
        serving(Health(), host="127.0.0.1", port=port),
        http.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        text = await answer.text()
        assert answer.content_type == "text/plain"
        assert answer.charset == "utf-8"
        assert "version=" in answer.headers["Content-Type"]
    found = {family.name: family for family in text_string_to_metric_families(text)}
    assert found["miner_poll"].documentation == METRICS["miner_poll_total"].meaning
    assert not any(name.endswith("_created") for name in found)
    if sys.platform == "linux":
        assert found["process_resident_memory_bytes"].samples[0].value > 1e6
        assert found["process_cpu_seconds"].samples[0].value > 0
        assert found["process_start_time_seconds"].samples[0].value > 1e9
        assert found["process_open_fds"].samples[0].value > 0


async def test_port_0_serves_nothing() -> None:
    async with serving(Health(), host="no such host", port=0):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "no.such.host.invalid"])
async def test_an_address_that_cannot_be_had_names_the_settings(host: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match="set MINESTREAM_HEALTH_HOST or"),
    ):
        async with serving(Health(), host=host, port=taken.getsockname()[1]):
            raise AssertionError("it listens")


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (counter, "miner_poll_latency_ms"),
        (gauge, "miner_poll_total"),
        (histogram, "minestream_targets"),
    ],
)
def test_a_metric_is_of_its_registered_kind_or_none(
    make: Callable[[str], object], name: str
) -> None:
    with pytest.raises(ValueError, match=f"{name} is a"):
        make(name)
    with pytest.raises(KeyError):
        make("minestream_nothing_total")
