from collections.abc import AsyncIterator

import aiohttp
import pytest

from minestream_emulators.control import serving
from minestream_emulators.control_address import host_and_port
from minestream_emulators.faults import Fault
from minestream_emulators.running import emulated_fleet
from minestream_emulators.troubles import Trouble, Troubles


@pytest.fixture
async def control() -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        emulated_fleet(miners=10) as fleet,
        serving(fleet, Troubles(lambda: 0.0), "127.0.0.1", 0) as (host, port),
        aiohttp.ClientSession(base_url=f"http://{host}:{port}") as session,
    ):
        yield session


async def test_faults_are_listed_caused_and_healed(control: aiohttp.ClientSession) -> None:
    async with control.get("/faults") as listed:
        said = await listed.json()
    assert (set(said["faults"]), said["active"]) == ({*Fault, *Trouble}, [])
    order = {"fault": "silent", "share": 0.3, "for_s": 60}
    async with control.post("/faults", json=order) as caused:
        assert (caused.status, len((await caused.json())["miners"])) == (201, 3)
    async with control.get("/faults") as listed:
        assert [one["fault"] for one in (await listed.json())["active"]] == ["silent"]
    async with control.get("/miners") as truth:
        assert sum(one["faults"] == ["silent"] for one in await truth.json()) == 3
    async with control.delete("/faults") as healed:
        assert await healed.json() == {"healed": 3}


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (b'{"fault": "nope"}', "there are hot-chip"),
        (b'{"fault": "silent", "miners": ["x"]}', "unknown miner 'x'"),
        (b'{"fault": "silent", "cuont": 1}', "cuont"),
        (b'{"fault": "silent", "for_s": -1}', "above zero"),
        (b"{}", "fault"),
        (b"not json", "malformed"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_with_the_reason(
    control: aiohttp.ClientSession, order: bytes, reason: str
) -> None:
    async with control.post("/faults", data=order) as refused:
        assert refused.status == 400
        assert reason in (await refused.json())["error"]


async def test_truth_is_told_of_every_miner(control: aiohttp.ClientSession) -> None:
    async with control.get("/miners") as truth:
        miners = await truth.json()
    assert len(miners) == 10
    assert all(one["mining"] and one["listening"] and one["hashrate_hs"] > 1e9 for one in miners)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_and_readiness(control: aiohttp.ClientSession, path: str) -> None:
    async with control.get(path) as response:
        assert (response.status, await response.json()) == (200, {"status": "ok", "miners": 10})


def test_the_control_api_is_for_this_machine_alone() -> None:
    assert host_and_port("127.0.0.1:8490") == ("127.0.0.1", 8490)
    assert host_and_port("[::1]:1") == ("::1", 1)
    for wrong in ("0.0.0.0:8490", "10.0.0.1:8490", "127.0.0.1", "127.0.0.1:70000", "host:1", ""):
        with pytest.raises(ValueError, match=r"such as 127\.0\.0\.1:8490"):
            host_and_port(wrong)
