import asyncio
import errno
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from minestream_emulators.faults import Fault, FaultRefusedError
from minestream_emulators.fleet import AddressTakenError, Fleet
from minestream_emulators.http_door import REPLY_HEADER
from minestream_emulators.running import emulated_fleet, running
from minestream_emulators.vnish.device import INDEX
from minestream_emulators.wire import HUGE_BYTES
from minestream_emulators.world import WorldPlan

T0 = datetime(2026, 1, 1, tzinfo=UTC)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = T0

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(force_close=True)
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield session


def url(fleet: Fleet, miner: str, endpoint: str = "summary") -> str:
    return f"http://{fleet.stations[miner].address}/api/v1/{endpoint}"


async def body(http: aiohttp.ClientSession, fleet: Fleet, miner: str, endpoint: str) -> Any:
    async with http.get(url(fleet, miner, endpoint)) as response:
        assert response.status == 200
        return await response.json()


async def test_every_miner_answers_at_its_own_address_with_its_own_name(
    http: aiohttp.ClientSession,
) -> None:
    async with emulated_fleet(miners=5) as fleet:
        assert len({entry["address"] for entry in fleet.inventory}) == 5
        for entry in fleet.inventory:
            async with http.get(f"http://{entry['address']}/api/v1/info") as response:
                said = await response.json()
            assert said["system"]["miner_name"] == entry["miner_id"]
            assert said["miner"] == entry["model"]


async def test_every_reply_is_numbered_and_logged_before_the_client_has_it(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    log = tmp_path / "replies.jsonl"
    async with emulated_fleet(miners=3, replies=log) as fleet:
        got: dict[int, tuple[str, str, int]] = {}
        for miner in fleet.stations:
            for endpoint in ("summary", "info", "settings", "nonsense"):
                async with http.get(url(fleet, miner, endpoint)) as response:
                    number = int(response.headers[REPLY_HEADER])
                    last = json.loads(log.read_bytes().splitlines()[-1])
                    assert last["reply"] == number
                    got[number] = (miner, f"/api/v1/{endpoint}", response.status)
        assert got == {line.reply: (line.miner, line.path, line.status) for line in fleet.replies()}
        assert sorted(got) == list(range(1, 13))
    async with emulated_fleet(miners=3, replies=log) as fleet:
        async with http.get(url(fleet, "demo-r01-s01")) as response:
            assert response.headers[REPLY_HEADER] == "13"
        assert len(fleet.replies()) == 13


async def test_many_clients_at_once_get_different_numbers(http: aiohttp.ClientSession) -> None:
    async def number(where: str) -> str:
        async with http.get(where) as response:
            await response.read()
            return response.headers[REPLY_HEADER]

    async with emulated_fleet(miners=20) as fleet:
        asked = [number(url(fleet, miner)) for miner in fleet.stations for _ in range(5)]
        assert len(set(await asyncio.gather(*asked))) == 100


async def test_the_unlock_path_works_over_http(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        password = fleet.inventory[0]["credentials"]["password"]
        async with http.get(url(fleet, miner, "settings")) as refused:
            assert (refused.status, await refused.read()) == (401, b"")
        async with http.post(url(fleet, miner, "unlock"), json={"pw": "wrong"}) as wrong:
            assert (wrong.status, await wrong.json()) == (403, {"unlock_timeout": None})
        async with http.post(url(fleet, miner, "unlock"), json={"pw": password}) as right:
            token = (await right.json())["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        async with http.get(url(fleet, miner, "settings"), headers=bearer) as settings:
            assert (settings.status, len((await settings.json())["miner"]["pools"])) == (200, 3)


async def test_an_unreachable_miner_refuses_and_comes_back(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=2) as fleet:
        one, two = fleet.stations
        await fleet.break_miner("unreachable", [one], for_s=0.4)
        with pytest.raises(aiohttp.ClientConnectorError) as refused:
            await http.get(url(fleet, one))
        assert refused.value.errno == errno.ECONNREFUSED
        await body(http, fleet, two, "summary")
        await asyncio.sleep(0.6)
        assert (await body(http, fleet, one, "summary"))["miner"] is not None


async def test_connections_that_are_kept_alive_end_when_a_miner_becomes_unreachable() -> None:
    async with aiohttp.ClientSession() as http, emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        await body(http, fleet, miner, "summary")
        await fleet.break_miner("unreachable", [miner])
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(url(fleet, miner))


async def test_a_silent_miner_accepts_and_says_nothing(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with emulated_fleet(miners=2, replies=tmp_path / "r.jsonl") as fleet:
        one, two = fleet.stations
        await fleet.break_miner("silent", [one])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await http.get(url(fleet, one))
        await body(http, fleet, two, "summary")
        assert [line.miner for line in fleet.replies()] == [two]
        await fleet.heal()
        await body(http, fleet, one, "summary")


async def test_a_dripping_miner_sends_a_byte_a_second(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner("slow-drip", [miner])
        async with http.get(url(fleet, miner)) as response:
            assert int(response.headers["Content-Length"]) > 2000
            began = time.monotonic()
            assert await response.content.readexactly(3) == b'{"m'
            assert 1.8 < time.monotonic() - began < 3.0


async def test_garbage_is_a_web_page_that_says_it_is_fine(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner("garbage-body", [miner])
        async with http.get(url(fleet, miner)) as response:
            assert (response.status, response.content_type) == (200, "text/html")
            assert await response.read() == INDEX


async def test_truncated_json_ends_in_the_middle(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner("truncated-json", [miner])
        async with http.get(url(fleet, miner)) as response:
            text = await response.text()
        assert text.startswith('{"miner":{')
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)


async def test_nul_bytes_lie_inside_the_body_which_is_whole_without_them(
    http: aiohttp.ClientSession,
) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner("nul-bytes", [miner])
        async with http.get(url(fleet, miner)) as response:
            said = await response.read()
        assert said.strip(b"\0").count(b"\0") == 2
        assert json.loads(said.replace(b"\0", b""))["miner"]["hr_realtime"] > 0


async def test_a_huge_body_flows_until_the_client_has_enough(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner("huge-body", [miner])
        taken = 0
        async with http.get(url(fleet, miner)) as response:
            assert response.headers["Transfer-Encoding"] == "chunked"
            async for piece in response.content.iter_any():
                taken += len(piece)
                if taken > 8 * 1024**2:
                    break
        assert taken < HUGE_BYTES / 50
        await fleet.heal()
        await body(http, fleet, miner, "summary")
        assert HUGE_BYTES == 1024**3


async def test_the_wrong_unit_the_wrong_password_and_the_skewed_clock(
    http: aiohttp.ClientSession,
) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        for fault in ("wrong-unit", "wrong-password", "clock-skew"):
            await fleet.break_miner(fault, [miner])
        async with http.get(url(fleet, miner, "info")) as info:
            assert (await info.json())["hr_measure"] == "XH/s"
            ahead = parsedate_to_datetime(info.headers["Date"]) - datetime.now(UTC)
            assert timedelta(hours=23) < ahead < timedelta(hours=25)
        async with http.post(url(fleet, miner, "unlock"), json={"pw": "admin"}) as unlock:
            assert unlock.status == 403
        await fleet.heal()
        async with http.get(url(fleet, miner, "info")) as info:
            assert (await info.json())["hr_measure"] != "XH/s"
            behind = datetime.now(UTC) - parsedate_to_datetime(info.headers["Date"])
            assert behind < timedelta(seconds=5)


async def test_a_wrong_password_strikes_where_a_password_is_known() -> None:
    async with emulated_fleet(miners=24) as fleet:
        known = {entry["miner_id"] for entry in fleet.inventory if "credentials" in entry}
        order = await fleet.break_miner("wrong-password", share=1.0)
        assert set(order.miners) == known


async def test_a_long_request_is_read_whole(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        padded = json.dumps({"pw": "admin", "pad": "x" * 300_000})
        async with http.post(url(fleet, miner, "unlock"), data=padded) as unlock:
            assert unlock.status == 200
        async with http.post(
            url(fleet, miner, "unlock"), data=BytesIO(b" " * 2_000_000)
        ) as refused:
            assert refused.status == 413


async def test_a_reboot_refuses_then_starts_its_counters_again(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        assert fleet.truth(miner)["accepted_total"] > 0
        order = await fleet.break_miner("reboot", [miner], for_s=0.4)
        assert order.ends_s is not None
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(url(fleet, miner))
        await asyncio.sleep(0.6)
        assert await body(http, fleet, miner, "summary") == {"miner": None}
        truth = fleet.truth(miner)
        assert (truth["accepted_total"], truth["uptime_s"] < 5.0) == (0, True)


@pytest.mark.parametrize("fault", ["hot-chip", "dead-fan", "lost-board"])
async def test_faults_of_the_body_show_in_the_summary(
    http: aiohttp.ClientSession, fault: str
) -> None:
    clock = Hand()
    async with emulated_fleet(miners=1, now=clock) as fleet:
        (miner,) = fleet.stations
        before = (await body(http, fleet, miner, "summary"))["miner"]
        await fleet.break_miner(fault, [miner])
        clock.move(600.0)
        after = (await body(http, fleet, miner, "summary"))["miner"]
        if fault == "hot-chip":
            assert after["chip_temp"]["max"] > before["chip_temp"]["max"] + 15
            assert after["hw_errors"] > before["hw_errors"] + 50
        elif fault == "dead-fan":
            assert [fan["status"] for fan in after["cooling"]["fans"]].count("lost") == 1
            assert after["chip_temp"]["max"] > before["chip_temp"]["max"]
            assert after["cooling"]["fan_duty"] > before["cooling"]["fan_duty"]
        else:
            assert after["hr_realtime"] == pytest.approx(before["hr_realtime"] * 2 / 3, rel=0.05)
        assert fleet.truth(miner)["faults"] == [fault]


async def test_every_fault_there_is_can_be_caused_and_healed_together(
    http: aiohttp.ClientSession,
) -> None:
    async with emulated_fleet(miners=len(Fault), faults=list(Fault)) as fleet:
        assert len(fleet.orders()) == len(Fault)
        assert await fleet.heal() == len(Fault)
        for miner in fleet.stations:
            assert "miner" in await body(http, fleet, miner, "summary")
            assert fleet.truth(miner)["faults"] == []


async def test_a_fault_can_begin_later(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner("garbage-body", [miner], after_s=0.3, for_s=30.0)
        await body(http, fleet, miner, "summary")
        await asyncio.sleep(0.5)
        async with http.get(url(fleet, miner)) as response:
            assert response.content_type == "text/html"


async def test_refused_orders_break_nothing() -> None:
    async with emulated_fleet(miners=2) as fleet:
        with pytest.raises(FaultRefusedError, match="unknown fault"):
            await fleet.break_miner("nope")
        with pytest.raises(FaultRefusedError, match="unknown miner"):
            await fleet.break_miner("silent", ["x"])
        with pytest.raises(FaultRefusedError, match="past"):
            await fleet.break_miner("silent", after_s=-1.0)
        assert fleet.orders() == []


async def test_two_worlds_on_one_address_are_one_too_many() -> None:
    async with emulated_fleet(miners=1) as fleet:
        (station,) = fleet.stations.values()
        second = Fleet(WorldPlan(miners=1, first_address=station.host), port=station.port)
        with pytest.raises(AddressTakenError, match=f"{station.address}.*--port"):
            async with running(second):
                raise AssertionError("it must not open")


async def test_without_the_loopback_block_ports_tell_miners_apart(
    http: aiohttp.ClientSession,
) -> None:
    async with emulated_fleet(miners=4, one_address=True, first_address="127.0.0.1") as fleet:
        ports = {entry["address"].rpartition(":")[2] for entry in fleet.inventory}
        assert len(ports) == 4
        assert {entry["address"].split(":")[0] for entry in fleet.inventory} == {"127.0.0.1"}
        for miner in fleet.stations:
            said = await body(http, fleet, miner, "info")
            assert said["system"]["miner_name"] == miner


async def test_the_same_seed_and_the_same_instants_give_the_same_answers(
    http: aiohttp.ClientSession,
) -> None:
    runs = []
    for _ in range(2):
        clock = Hand()
        async with emulated_fleet(miners=4, seed=11, now=clock) as fleet:
            said = []
            for _ in range(3):
                clock.move(30.0)
                said += [await body(http, fleet, miner, "summary") for miner in fleet.stations]
            runs.append(said)
    assert runs[0] == runs[1]


async def test_a_thousand_miners_are_listening_within_seconds(http: aiohttp.ClientSession) -> None:
    began = time.monotonic()
    async with emulated_fleet(miners=1000) as fleet:
        assert time.monotonic() - began < 10.0
        for miner in list(fleet.stations)[::100]:
            await body(http, fleet, miner, "summary")
        assert sum(station.firmware is not None for station in fleet.stations.values()) == 10
