"""Miners behind web pages of other families: access, shapes, faults."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from minestream_emulators.device import Reply, Request
from minestream_emulators.families import firmware_of
from minestream_emulators.models import MODELS
from minestream_emulators.running import emulated_fleet
from minestream_emulators.web.access import NONCE_S, digest_response
from minestream_emulators.web.device import WebDevice
from minestream_emulators.web.elphapex import Elphapex
from minestream_emulators.world import WorldPlan, climate, machine, residents

GUESS, CIRCLE = "guess", "Circle Of Life"
T0 = 1_767_225_600.0
STATS = "/cgi-bin/stats.cgi"
PAGES = {
    "l7-web": ("stats", "summary", "pools", "get_system_info", "get_miner_conf"),
    "s19-web": ("stats", "summary", "pools", "get_system_info", "get_miner_conf"),
    "dg1p": ("stats", "summary", "pools", "get_system_info", "get_power", "get_miner_conf"),
    "s19-cgi-digest": ("stats", "config"),
}
REALMS = {"l7-web": "antMiner Configuration", "dg1p": "Daoge", "s19-cgi-digest": "Vnish"}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield session


def web(kind: str) -> WebDevice:
    plan = WorldPlan(miners=1, mix={kind: 1.0})
    (resident,) = residents(plan)
    found = firmware_of(machine(resident, climate(plan), T0), resident.who)
    assert isinstance(found, WebDevice)
    return found


def asked(authorization: str = "", *, at_s: float = T0, path: str = STATS) -> Request:
    return Request("GET", path, at_s, headers={"authorization": authorization})


def challenge(reply: Reply) -> dict[str, str]:
    assert reply.status == 401
    text = reply.headers["WWW-Authenticate"].removeprefix("Digest ")
    return {
        key: value.strip('"')
        for key, _, value in (part.partition("=") for part in text.split(", "))
    }


def answered(one: WebDevice, told: dict[str, str], *, nc: str, password: str | None = None) -> str:
    user = one.who.username or ""
    parts = {
        "username": user,
        "realm": told["realm"],
        "nonce": told["nonce"],
        "uri": STATS,
        "qop": "auth",
        "nc": nc,
        "cnonce": "0a4f113b",
    }
    parts["response"] = digest_response(
        parts,
        method="GET",
        user=user,
        password=one.who.password if password is None else password,
        realm=told["realm"],
    )
    return "Digest " + ", ".join(f'{key}="{value}"' for key, value in parts.items())


def test_the_response_is_that_of_the_standard() -> None:
    told = {
        "uri": "/dir/index.html",
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "nc": "00000001",
        "cnonce": "0a4f113b",
        "qop": "auth",
    }
    said = digest_response(
        told,
        method="GET",
        user="Mufasa",
        password=CIRCLE,
        realm="testrealm@host.com",
    )
    assert said == "6629fae49393a05397450978507c4ef1"  # the example of RFC 2617, section 3.5


@pytest.mark.parametrize("kind", sorted(REALMS))
def test_a_client_without_the_password_meets_a_challenge_of_the_firmwares_realm(kind: str) -> None:
    one = web(kind)
    told = challenge(one.answer(asked()))
    assert (told["realm"], told["qop"]) == (REALMS[kind], "auth")
    assert one.answer(asked(answered(one, told, nc="00000001", password=GUESS))).status == 401
    assert one.answer(asked("Digest nonsense, =")).status == 401
    assert one.answer(asked("Bearer token")).status == 401


def test_a_count_is_good_once_and_a_nonce_for_its_time() -> None:
    one = web("l7-web")
    told = challenge(one.answer(asked()))
    assert "stale" not in told
    first = answered(one, told, nc="00000001")
    assert one.answer(asked(first)).status == 200
    assert one.answer(asked(answered(one, told, nc="00000002"), at_s=T0 + 60)).status == 200
    assert challenge(one.answer(asked(first, at_s=T0 + 61)))["stale"] == "true"
    late = answered(one, told, nc="00000003")
    assert challenge(one.answer(asked(late, at_s=T0 + NONCE_S)))["stale"] == "true"


def test_a_nonce_of_another_miner_or_of_before_the_reboot_is_stale() -> None:
    one, other = web("l7-web"), web("s19-web")
    told = challenge(one.answer(asked()))
    strange = challenge(other.answer(asked()))["nonce"]
    forged = answered(one, told | {"nonce": strange.replace("-", "-0")}, nc="00000001")
    assert challenge(one.answer(asked(forged)))["stale"] == "true"
    one.reboot()
    old = answered(one, told, nc="00000001")
    assert challenge(one.answer(asked(old)))["stale"] == "true"


def test_an_answer_for_one_page_opens_no_other() -> None:
    one = web("l7-web")
    told = challenge(one.answer(asked()))
    said = answered(one, told, nc="00000001")
    assert one.answer(asked(said, path="/cgi-bin/pools.cgi")).status == 401


def test_basic_access_wants_the_very_words() -> None:
    one = web("s19-cgi")
    assert one.answer(asked()).headers["WWW-Authenticate"] == 'Basic realm="Vnish"'
    right = base64.b64encode(b"admin:admin").decode()
    assert one.answer(asked(f"Basic {right}")).status == 200
    for wrong in ("YWRtaW46cm9vdA==", "?", ""):
        assert one.answer(asked(f"Basic {wrong}")).status == 401
    one.wrong_password = True
    assert one.answer(asked(f"Basic {right}")).status == 401


@pytest.mark.parametrize("kind", sorted(PAGES))
async def test_a_client_of_another_make_reads_every_page_by_digest(
    kind: str, http: aiohttp.ClientSession
) -> None:
    async with emulated_fleet(miners=1, mix={kind: 1.0}) as fleet:
        (entry,) = fleet.inventory
        login = entry["credentials"]
        digest = aiohttp.DigestAuthMiddleware(login["username"], login["password"])
        for page in PAGES[kind]:
            url = f"http://{entry['address']}/cgi-bin/{page}.cgi"
            async with http.get(url, middlewares=(digest,)) as response:
                assert response.status == 200
                assert await response.json()


async def test_the_toolkits_pages_are_open_and_in_the_documents_shape(
    http: aiohttp.ClientSession,
) -> None:
    async with emulated_fleet(miners=1, mix={"s19xp-toolkit": 1.0}) as fleet:
        (station,) = fleet.stations.values()

        async def read(path: str) -> Any:
            async with http.get(f"http://{station.address}{path}") as response:
                assert response.status == 200
                return await response.json()

        said = await read("/summary")
        assert said["summary"]["hashrate"].endswith(" TH/s")
        assert said["summary"]["status"] == "mining"
        assert len(said["chips"]) == len(await read("/chips")) == 3 * 126
        assert [chain["id"] for chain in await read("/chains")] == [0, 1, 2]
        assert (await read("/status"))["status"] == "mining"


def test_elphapex_says_what_was_recorded_where_it_was_recorded() -> None:
    one = web("dg1p")
    assert isinstance(one, Elphapex)
    (stats,) = one.stats()["STATS"]
    assert (stats["rate_unit"], stats["rate_30m"], stats["chain_num"]) == ("MH/s", 0, 4)
    assert all(isinstance(rpm, str) for rpm in stats["fan"])
    chip = max(int(text) for text in stats["chain"][0]["temp_chip"] if text)
    assert chip / 1000 == pytest.approx(one.miner.boards[0].hottest_c, abs=0.51)
    assert float(one.power()["power_output"]) == pytest.approx(one.miner.power_w, abs=0.51)


def test_every_page_of_an_elphapex_names_the_same_firmware() -> None:
    one = web("dg1p")
    named = one.pages()["/cgi-bin/get_system_info.cgi"](one)["system_filesystem_version"]
    assert named == one.pages()[STATS](one)["INFO"]["miner_version"] == "DG1+_SW_V1.0.2"


@pytest.mark.parametrize(("fault", "page"), [("dead-fan", "fans"), ("lost-board", "rate")])
async def test_an_ailing_antminer_complains_of_what_ails_it(fault: str, page: str) -> None:
    async with emulated_fleet(miners=1, mix={"s19-web": 1.0}) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner(fault, [miner])
        one = fleet.firmware(fleet.stations[miner], fleet.now().timestamp())
        assert isinstance(one, WebDevice)
        pages = one.pages()
        said = pages["/cgi-bin/summary.cgi"](one)
        statuses = {row["type"]: row["status"] for row in said["SUMMARY"][0]["status"]}
        assert statuses.pop(page) == "e"
        assert set(statuses.values()) == {"s"}


async def test_the_clock_fault_is_in_the_body_too() -> None:
    one = web("s19-web")
    before = one.pages()[STATS](one)["STATUS"]["when"]
    one.ahead_s = 86400.0
    assert one.pages()[STATS](one)["STATUS"]["when"] - before == 86400


def test_the_inventory_knows_every_password_without_which_nothing_is_read() -> None:
    plan = WorldPlan(miners=40, mix=dict.fromkeys(MODELS, 1.0))
    for resident in residents(plan):
        if resident.model.family in ("antminer-web", "elphapex", "vnish-cgi"):
            assert resident.who.known_password
            assert resident.who.username
        elif resident.model.transport == "tcp":
            assert not resident.who.known_password


async def test_what_nobody_told_the_inventory_is_left_to_be_found_out() -> None:
    async with emulated_fleet(miners=30, mix=dict.fromkeys(MODELS, 1.0), untold=0.5) as fleet:
        untold = [entry for entry in fleet.inventory if entry["transport"] == "auto"]
        assert 5 < len(untold) < 25
        assert not any("dialect" in entry or "model" in entry for entry in untold)
        assert json.dumps(fleet.inventory)


async def test_faults_strike_on_every_familys_pages(http: aiohttp.ClientSession) -> None:
    async with emulated_fleet(miners=1, mix={"s19xp-toolkit": 1.0}) as fleet:
        (miner,) = fleet.stations
        url = f"http://{fleet.stations[miner].address}/summary"

        async def struck(fault: str) -> bytes:
            await fleet.break_miner(fault, [miner])
            async with http.get(url) as response:
                said = await response.read()
            await fleet.heal()
            return said

        async with http.get(url) as response:
            whole = await response.read()
        assert b"AnthillOS" in await struck("garbage-body")
        assert 0.5 < len(await struck("truncated-json")) / len(whole) < 0.7
        assert (await struck("nul-bytes")).count(b"\0") == 3
        assert b"XH/s" in await struck("wrong-unit")
        with pytest.raises(aiohttp.ClientConnectorError):
            await struck("unreachable")


async def test_a_refused_password_is_refused_at_the_next_request(
    http: aiohttp.ClientSession,
) -> None:
    async with emulated_fleet(miners=1, mix={"l7-web": 1.0}) as fleet:
        (entry,) = fleet.inventory
        url, login = f"http://{entry['address']}{STATS}", entry["credentials"]
        digest = aiohttp.DigestAuthMiddleware(login["username"], login["password"])
        statuses = []
        for fault in (None, "wrong-password"):
            if fault is not None:
                await fleet.break_miner(fault)
            async with http.get(url, middlewares=(digest,)) as response:
                statuses.append(response.status)
        assert statuses == [200, 401]
