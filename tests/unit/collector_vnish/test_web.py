"""Polls of miners with a plain web API: recorded answers, logins, and what may not be told."""

# ruff: noqa: S106 - secrets of miners that live for one test

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp.web import BaseRequest, StreamResponse
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collector_vnish.web_miner import FIXTURES, WebMiner, recorded, serving

from collector_vnish.adapters.web import WebFamily
from collector_vnish.domain.web import ANTMINER, CGI, ELPHAPEX, FAMILIES, TOOLKIT, Web, elapsed_s
from collector_vnish.settings import VnishSettings
from minestream_dialects import normalise
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.family import Miner
from minestream_runtime.collecting.fleet import Claim, Fleet
from minestream_runtime.collecting.owners import TRANSPORTS
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.devices.http import device_session
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import PollStatus, RawMiner
from minestream_schemas.telemetry import MinerStatus

CONF = {"pools": [{"url": "p:1", "user": "u", "pass": "hunter2"}], "bitmain-freq": "675"}
STATS = {"STATS": [{"elapsed": 501234, "rate_5s": 88422.0, "chain": []}]}


def cgi(bodies: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"/cgi-bin/{name}.cgi": body for name, body in bodies.items()}


def antminer(**more: object) -> dict[str, bytes]:
    said = {
        "stats": STATS,
        "summary": {"SUMMARY": []},
        "pools": {"POOLS": []},
        "get_system_info": {"minertype": "Antminer S19", "system_filesystem_version": "Fri Nov"},
        "get_miner_conf": CONF,
        **more,
    }
    return cgi({name: json.dumps(body).encode() for name, body in said.items()})


@asynccontextmanager
async def polling(
    web: Web, miner: WebMiner, *, login: Mapping[str, str] | None = None
) -> AsyncIterator[Callable[[], Awaitable[RawMiner]]]:
    clock = SystemClock()
    sealer = Sealer([Fernet.generate_key()])
    async with serving(miner) as address, device_session() as session:
        family = WebFamily(web, session, clock, deadline_s=2.0)
        fleet = Fleet(
            VnishSettings(),
            sealer,
            lambda entry: Claim(family, entry.address, "inventory"),
            add=lambda *_: None,
            remove=lambda _: None,
            clock=clock,
        )
        entry = InventoryEntry(
            miner_id="m-1",
            site_id="site",
            address=address,
            sealed=sealer.seal(login, miner_id="m-1") if login else None,
        )
        fleet.there("m-1", entry)
        poller = Poller(fleet, clock, collector_id="collector-vnish-0")

        async def once() -> RawMiner:
            miner.asked.clear()
            miner.offers.clear()
            polled = await poller.poll("m-1")
            assert polled.event is not None
            for secret in (*(login or {}).values(), "hunter2"):
                assert secret.encode() not in polled.event.value
            return RawMiner.from_json(polled.event.value)

        yield once


def test_every_family_is_spoken_over_http() -> None:
    assert {web.name for web in FAMILIES} == {
        name for name, over in TRANSPORTS.items() if over == "http"
    } - {"vnish"}


@pytest.mark.parametrize("model", ["dg_home1_1.0.5", "dg1plus_1.0.2"])
async def test_an_elphapex_answers_behind_digest_with_its_factory_login(model: str) -> None:
    names = sorted(path.name for path in (FIXTURES / "elphapex").glob(f"{model}_*.json"))
    bodies = recorded(*(f"elphapex/{name}" for name in names))
    settings = {"fc-work-mode": 1, "pools": [{"url": "p:1", "user": "u", "pass": "s3cret"}]}
    pages = cgi(bodies | {"get_miner_conf": json.dumps(settings).encode()})
    miner = WebMiner(pages, lock="digest", realm="Daoge")
    async with polling(ELPHAPEX, miner) as poll:
        event = await poll()
    assert event.status is PollStatus.OK
    assert event.dialect == "elphapex"
    said = {name: body.body for name, body in event.endpoints.items()}
    kept = {"fc-work-mode": 1, "pools": [{"url": "p:1", "user": "u", "pass": "***"}]}
    assert json.loads(said.pop("get_miner_conf") or "") == kept
    assert said == {name: body.decode() for name, body in bodies.items()}
    assert event.firmware


@pytest.mark.parametrize(
    ("family", "page", "settings"),
    [
        (ANTMINER, "cgminer/s19_web_stats.json", {"bitmain-work-mode": "1"}),
        (ELPHAPEX, "elphapex/dg1plus_1.0.2_stats.json", {"fc-work-mode": 1}),
    ],
    ids=["antminer", "elphapex"],
)
async def test_a_miner_asleep_is_stopped_at_each_poll_and_not_where_its_settings_are_asked_alone(
    family: Web, page: str, settings: dict[str, object]
) -> None:
    stats = json.loads((FIXTURES / page).read_text())
    rates = ("rate_5s", "rate_30m", "rate_15m", "rate_avg")
    stats["STATS"][0].update(dict.fromkeys(rates, 0.0))
    more = {"stats": stats, "get_power": {"power_output": "25"}, "get_miner_conf": settings}
    miner = WebMiner(antminer(**more), lock="digest")
    async with polling(family, miner) as poll:
        events = [await poll() for _ in range(2)]
        assert "/cgi-bin/get_miner_conf.cgi" not in miner.asked, "asked half-hourly"
    said = [normalise(event).telemetry.status for event in events]
    assert said == [MinerStatus.STOPPED] * 2


async def test_a_challenge_costs_one_round_trip_and_not_one_per_poll() -> None:
    miner = WebMiner(antminer(), lock="digest")
    async with polling(ANTMINER, miner) as poll:
        await poll()
        assert len(miner.asked) == 6, "five endpoints, and the challenge"
        for _ in range(3):
            event = await poll()
            assert miner.asked == ["/cgi-bin/stats.cgi"]
            assert event.status is PollStatus.OK
            assert {"summary", "pools", "get_system_info"} <= event.endpoints.keys()


@pytest.mark.parametrize("says_stale", [True, False])
async def test_a_nonce_that_is_used_up_is_replaced_within_the_poll(*, says_stale: bool) -> None:
    miner = WebMiner(antminer(), lock="digest", nonce_serves=3, says_stale=says_stale)
    async with polling(ANTMINER, miner) as poll:
        assert (await poll()).status is PollStatus.OK
        for _ in range(6):
            assert (await poll()).status is PollStatus.OK


async def test_the_inventorys_credentials_are_used_and_never_told() -> None:
    miner = WebMiner(antminer(), lock="digest", username="admin", password="s3cret")
    login = {"username": "admin", "password": "s3cret"}
    async with polling(ANTMINER, miner, login=login) as poll:
        event = await poll()
    assert event.status is PollStatus.OK
    assert not any("s3cret" in offer for offer in miner.offers)
    conf = json.loads(event.endpoints["get_miner_conf"].body or "")
    assert conf == {**CONF, "pools": [{"url": "p:1", "user": "u", "pass": "***"}]}


async def test_wrong_credentials_are_offered_once_and_the_miner_is_seen_to_live() -> None:
    miner = WebMiner(antminer(), lock="digest", password="another")
    async with polling(ANTMINER, miner) as poll:
        first = await poll()
        assert first.status is PollStatus.UNAUTHORISED
        assert miner.asked == ["/cgi-bin/stats.cgi"] * 2, "asked who we are, and refused"
        for _ in range(3):
            event = await poll()
            assert event.status is PollStatus.UNAUTHORISED
            assert event.error == "stats: HTTP 401, wants Digest"
            assert miner.offers == [""]


async def test_the_documents_own_miner_is_read_with_basic_or_digest() -> None:
    pages = cgi(
        {
            "stats": (FIXTURES / "seed_shapes/seed1_stats_cgi.json").read_bytes(),
            "config": json.dumps({"data": {"password": "hunter2", "frequency": 500}}).encode(),
        }
    )
    for lock, round_trips in (("basic", 2), ("digest", 3)):
        miner = WebMiner(dict(pages), lock=lock)
        async with polling(CGI, miner) as poll:
            event = await poll()
        assert (event.status, len(miner.asked)) == (PollStatus.OK, round_trips)
        assert json.loads(event.endpoints["config"].body or "") == {
            "data": {"password": "***", "frequency": 500}
        }


async def test_a_password_is_not_sent_as_it_is_to_who_speaks_digest_elsewhere() -> None:
    miner = WebMiner(antminer(), lock="basic")
    async with polling(ANTMINER, miner) as poll:
        assert (await poll()).status is PollStatus.UNAUTHORISED
        assert miner.offers == [""]


async def test_the_toolkits_shape_needs_no_login() -> None:
    body = (FIXTURES / "seed_shapes/seed2_vnish_summary.json").read_bytes()
    pages = {f"/{name}": body for name in ("summary", "chips", "chains")}
    miner = WebMiner(pages)
    async with polling(TOOLKIT, miner) as poll:
        event = await poll()
        assert (event.status, miner.offers) == (PollStatus.OK, [""] * 4)
        assert event.endpoints.keys() == {"summary", "status", "chains", "chips"}
        event = await poll()
        assert miner.asked == ["/summary"], "a missing endpoint is not asked again"
        assert event.endpoints.keys() == {"summary", "chains"}


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"STATS": []}', PollStatus.OK, None),
        (b'{"STATS": [],}\x00', PollStatus.OK, None),
        (b'{"STATUS": []}', PollStatus.GARBAGE, "stats: without `STATS`"),
        (b"<html>", PollStatus.GARBAGE, None),
        (b"[]", PollStatus.GARBAGE, "stats: without `STATS`"),
        (b"12", PollStatus.GARBAGE, None),
        (b"\xff", PollStatus.GARBAGE, None),
        (b"", PollStatus.GARBAGE, None),
    ],
)
async def test_an_answer_that_cannot_be_theirs_is_garbage_and_kept(
    body: bytes, status: PollStatus, error: str | None
) -> None:
    miner = WebMiner({**antminer(), "/cgi-bin/stats.cgi": body})
    async with polling(ANTMINER, miner) as poll:
        event = await poll()
    assert event.status is status
    assert error is None or event.error == error


@given(st.binary(max_size=200))
def test_no_bytes_break_the_look_at_the_uptime(body: bytes) -> None:
    found = elapsed_s(body)
    assert found is None or found >= 0


def test_the_time_since_the_start_is_seen() -> None:
    assert elapsed_s(b'{"STATS": [{"elapsed": 501234, "rate_5s": 1}]}') == 501234.0
    assert elapsed_s(b'{"summary": {"uptime":86400}}') == 86400.0
    assert elapsed_s(b'{"elapsed": "soon"}') is None
    assert elapsed_s(b'{"summary":{"elapsed":"86,402","ghs5s":"1"}}') == 86402.0, "as an S9 does"


def s9(minertype: str) -> dict[str, bytes]:
    info = json.loads((FIXTURES / "cgminer/s9_web_get_system_info_assembled.json").read_text())
    page = (FIXTURES / "cgminer/s9_web_get_miner_status_assembled.json").read_bytes()
    said = json.dumps(info | {"minertype": minertype}).encode()
    conf = json.dumps(CONF).encode()
    return cgi({"get_miner_status": page, "get_system_info": said, "get_miner_conf": conf})


async def test_an_antminer_without_stats_is_asked_as_an_older_one_from_then_on() -> None:
    miner = WebMiner(s9("Antminer S9"), lock="digest")
    async with polling(ANTMINER, miner) as poll:
        first = await poll()
        assert miner.asked[0] == "/cgi-bin/stats.cgi"
        second = await poll()
        assert miner.asked == ["/cgi-bin/get_miner_status.cgi"], "not stats at each poll for ever"
    reading = normalise(first).telemetry
    assert (first.status, second.status) == (PollStatus.OK, PollStatus.OK)
    assert first.dialect == second.dialect == "antminer-web"
    assert "get_miner_conf" in first.endpoints
    assert second.endpoints.keys() == {"get_miner_status", "get_system_info"}
    assert (reading.hashrate_hs, reading.boards_healthy) == (13582.67e9, 3)
    assert reading.quality_flags == ("unit_inferred",)


async def test_an_antminer_that_was_brought_up_to_date_has_stats_again() -> None:
    miner = WebMiner(s9("Antminer S9"), lock="digest")
    async with polling(ANTMINER, miner) as poll:
        await poll()
        miner.pages = antminer()
        event = await poll()
        assert event.status is PollStatus.OK
        assert "stats" in event.endpoints
        miner.pages = {}
        for _ in range(3):
            event = await poll()
            assert event.status is PollStatus.GARBAGE
            assert len(miner.asked) == 2, "both are tried, once"


async def test_what_the_inventory_says_meanwhile_stands_whatever_page_is_missing() -> None:
    class Meanwhile(WebMiner):
        async def handle(self, request: BaseRequest) -> StreamResponse:
            miner.becomes(said, self.address, "inventory")
            return await super().handle(request)

    page, clock = Meanwhile({}), SystemClock()
    async with serving(page) as address, device_session() as session:
        family, said = (WebFamily(w, session, clock, deadline_s=2.0) for w in (ANTMINER, ELPHAPEX))
        entry = InventoryEntry(miner_id="m-1", site_id="site", address=address)
        miner = Miner(entry, family, address, None, None, 60.0)
        await family.ask(miner, "stats", 2.0)
        assert miner.family is said


async def test_a_modern_antminer_is_never_asked_for_an_older_ones_pages() -> None:
    miner = WebMiner(antminer(), lock="digest")
    asked = []
    async with polling(ANTMINER, miner) as poll:
        for _ in range(3):
            await poll()
            asked += miner.asked
    assert not {"/cgi-bin/get_miner_status.cgi", "/cgi-bin/chip_hr.json"} & set(asked)


@pytest.mark.parametrize("named", ["Antminer S9", "Antminer S9 (vnish 3.9.0)"])
async def test_only_vnish_is_asked_for_its_chips_and_at_their_cadence(named: str) -> None:
    chips = (FIXTURES / "cgminer/s9_vnish_3.8.6_chip_hr_assembled.json").read_bytes()
    miner = WebMiner({**s9(named), "/cgi-bin/chip_hr.json": chips}, lock="digest")
    async with polling(ANTMINER, miner) as poll:
        first, asked = await poll(), list(miner.asked)
        second = await poll()
        assert miner.asked == ["/cgi-bin/get_miner_status.cgi"]
    vnish = "vnish" in named
    assert ("/cgi-bin/chip_hr.json" in asked) == vnish
    told = normalise(first).chips
    assert told is not None
    assert (told.boards[0].hashrate_hs == (68e9,) * 62 + (48e9,)) == vnish
    assert "chip-hr" not in second.endpoints, "chips that were told are not told again"


async def test_a_vnish_without_a_page_of_chips_is_not_asked_for_it_at_each_poll() -> None:
    miner = WebMiner(s9("Antminer S9 (vnish 3.8.1)"), lock="digest")
    async with polling(ANTMINER, miner) as poll:
        assert (await poll()).status is PollStatus.OK
        await poll()
    assert miner.asked == ["/cgi-bin/get_miner_status.cgi"]
