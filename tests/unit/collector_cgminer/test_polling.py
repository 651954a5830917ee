"""One poll against a small TCP port: what is asked, when it stops, what it tells."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from tests.unit.collector_vnish.web_miner import WebMiner, serving
from tests.unit.runtime.hostile_port import Caller, Port, port

from collector_cgminer.adapters.family import families_of
from collector_cgminer.settings import CgminerSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting import poller as pollers
from minestream_runtime.collecting.fleet import Fleet
from minestream_runtime.collecting.owners import Owner
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.devices.cgminer import CgminerClient
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.http import device_session
from minestream_schemas.inventory import Detected, InventoryEntry
from minestream_schemas.raw import PollStatus, RawMiner

Poll = Callable[[], Awaitable[RawMiner]]
UNKNOWN = {"STATUS": [{"STATUS": "E", "When": 1, "Code": 14, "Msg": "Invalid command"}], "id": 1}


def good(section: str, **row: Any) -> dict[str, Any]:
    return {"STATUS": [{"STATUS": "S", "When": 1741500000}], section: [row], "id": 1}


@dataclass
class Miner:
    """A miner of a test: canned answers by command, and what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    framed: bool = False
    asked: list[str] = field(default_factory=list)
    where: Port = field(default_factory=Port)

    async def talk(self, caller: Caller) -> None:
        heard = await caller.hear()
        question = json.loads(heard[4:] if self.framed else heard)
        name = question.get("command") or question["cmd"]
        name += f":{question['param']}" if "param" in question else ""
        self.asked.append(name)
        answer = self.answers.get(name, UNKNOWN)
        if answer is None:
            await caller.hold()
            return
        said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        head = len(said).to_bytes(4, "little") if self.framed else b""
        await caller.say(head + said + (b"" if self.framed else b"\0"))


@asynccontextmanager
async def polling(
    miner: Miner,
    dialect: str | None,
    *,
    session: Devices | None = None,
    web_port: int | None = None,
    deadline_s: float = 10.0,
    **more: Any,
) -> AsyncIterator[Poll]:
    clock, settings = SystemClock(), CgminerSettings(kafka_bootstrap="127.0.0.1:1")
    owner = Owner(
        families_of(
            CgminerClient(), clock, deadline_s=deadline_s, session=session, web_port=web_port
        )
    )
    fleet = Fleet(
        settings,
        None,
        owner.claim,
        add=lambda *_: None,
        remove=lambda _: None,
        clock=clock,
    )
    async with port(miner.talk) as miner.where:
        entry = InventoryEntry(
            **{
                "miner_id": "m-1",
                "site_id": "site",
                "address": miner.where.address,
                "transport": "tcp",
                "dialect": dialect,
            }
            | more
        )
        fleet.there("m-1", entry)
        poller = Poller(fleet, clock, collector_id="collector-cgminer-0")

        async def poll() -> RawMiner:
            polled = await poller.poll("m-1")
            assert polled.event is not None
            return RawMiner.from_json(polled.event.value)

        yield poll


def antminer() -> Miner:
    return Miner(
        {
            "stats": good("STATS", Elapsed=100),
            "summary": good("SUMMARY", Elapsed=100),
            "pools": good("POOLS", URL="stratum+tcp://pool:3333"),
            "devs": good("DEVS", ASC=0),
            "version": good("VERSION", BMMiner="1.0.0", CompileTime="Fri Nov 17 2023"),
        }
    )


async def test_the_first_poll_asks_all_and_the_next_the_numbers_alone() -> None:
    miner = antminer()
    async with polling(miner, "antminer") as poll:
        first = await poll()
        assert miner.asked == ["stats", "version", "summary", "pools", "devs"]
        miner.asked.clear()
        second = await poll()
    assert miner.asked == ["stats"]
    assert (first.status, second.status) == (PollStatus.OK, PollStatus.OK)
    assert first.endpoints.keys() == second.endpoints.keys() == miner.answers.keys()
    assert second.firmware == "Fri Nov 17 2023"
    assert (second.dialect, second.dialect_evidence) == ("antminer", "inventory")
    assert second.endpoints["stats"].server_at is not None
    assert miner.where.most_at_once == 1


@pytest.mark.parametrize(
    ("dialect", "answers", "asked"),
    [
        (
            "whatsminer",
            {"summary": good("SUMMARY", Elapsed=1), "devs": good("DEVS", ASC=0)},
            ["summary", "get_version", "devdetails", "get_miner_info", "edevs", "devs", "pools",
             "status", "get_error_code", "get_psu"],
        ),
        (
            "cgminer",
            {"summary": good("SUMMARY", Elapsed=1)},
            ["summary", "version", "stats", "devs", "pools"],
        ),
        (
            "vnish-3",
            {"stats": good("STATS", Elapsed=1)},
            ["stats", "version", "summary", "pools"],
        ),
    ],
)  # fmt: skip
async def test_what_a_firmware_does_not_know_is_no_fault_and_is_not_asked_again(
    dialect: str, answers: dict[str, Any], asked: list[str]
) -> None:
    miner = Miner(answers)
    async with polling(miner, dialect) as poll:
        first = await poll()
        assert miner.asked == asked
        miner.asked.clear()
        await poll()
    assert first.status is PollStatus.OK, first.error
    assert miner.asked == asked[:1]


async def test_whatsminer_v3_is_asked_in_frames() -> None:
    miner = Miner(
        {
            "get.miner.status:summary": {"code": 0, "when": 1741500000, "msg": {"summary": {}}},
            "get.miner.status:edevs": {"code": 0, "msg": {"edevs": []}},
            "get.miner.status:pools": {"code": 0, "msg": {"pools": []}},
            "get.device.info": {"code": 0, "msg": {"system": {"fwversion": "20240101.1"}}},
        },
        framed=True,
    )
    async with polling(miner, "whatsminer-v3") as poll:
        event = await poll()
    assert event.status is PollStatus.OK, event.error
    assert event.endpoints.keys() == miner.answers.keys()
    assert event.firmware == "20240101.1"


async def test_mangled_json_goes_out_verbatim_and_what_none_mends_as_garbage() -> None:
    miner = antminer()
    mangled = b'{"STATUS":[{"STATUS":"S"}],"STATS":[{"Type":"Antminer L3+"}{"Elapsed":7,"x":inf}]}'
    miner.answers["stats"] = mangled
    async with polling(miner, "antminer") as poll:
        assert (await poll()).endpoints["stats"].body == mangled.decode()
        miner.answers["stats"] = mangled[:40] + b"\xff" * 9000
        miner.asked.clear()
        event = await poll()
    assert event.status is PollStatus.GARBAGE
    assert event.endpoints["stats"].encoding == "base64"
    assert event.error is not None
    assert miner.asked == ["stats"], "nothing more is asked, and not twice"


async def test_an_answer_without_its_section_is_garbage() -> None:
    miner = antminer()
    miner.answers["stats"] = good("SUMMARY")
    async with polling(miner, "antminer") as poll:
        event = await poll()
    assert (event.status, event.error) == (PollStatus.GARBAGE, "stats: without `STATS`")
    assert event.endpoints["stats"].status is PollStatus.GARBAGE


async def test_silence_is_asked_twice_and_refusal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    miner = Miner({"stats": None})
    async with polling(miner, "antminer", deadline_s=0.3) as poll:
        event = await poll()
    assert event.status is PollStatus.TIMEOUT
    assert miner.asked == ["stats", "stats"]
    monkeypatch.setattr(pollers, "_RETRY_PAUSE_S", (5.0, 5.0))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        async with polling(Miner(), "antminer", address=nobody) as poll:
            began_s = asyncio.get_running_loop().time()
            event = await poll()
            took_s = asyncio.get_running_loop().time() - began_s
    assert event.status is PollStatus.REFUSED
    assert event.error == "stats: ECONNREFUSED: connection refused"
    assert took_s < 5, "asked once"


async def test_a_command_that_is_denied_is_named_and_the_rest_goes_on() -> None:
    miner = antminer()
    miner.answers["pools"] = {"STATUS": [{"STATUS": "E", "Code": 45, "Msg": "Access denied"}]}
    async with polling(miner, "antminer") as poll:
        event = await poll()
        miner.asked.clear()
        await poll()
    assert event.status is PollStatus.OK
    assert event.endpoints["pools"].status is PollStatus.UNAUTHORISED
    assert "pools" not in miner.asked


async def test_a_miner_that_denies_its_numbers_is_unauthorised() -> None:
    denied = {"STATUS": [{"STATUS": "E", "Code": 45, "Msg": "Access denied to 'stats' command"}]}
    async with polling(Miner({"stats": denied}), "antminer") as poll:
        event = await poll()
    assert event.status is PollStatus.UNAUTHORISED
    assert event.error is not None
    assert "api-allow" in event.error


async def test_a_restart_has_configuration_read_again() -> None:
    miner = antminer()
    async with polling(miner, "antminer") as poll:
        await poll()
        miner.answers["stats"] = good("STATS", Elapsed=3)
        miner.asked.clear()
        await poll()
    assert miner.asked == ["stats", "version", "pools"]


async def test_a_miner_of_which_only_the_transport_is_known_is_asked_as_any_cgminer() -> None:
    miner = Miner({"summary": good("SUMMARY", Elapsed=1)})
    async with polling(miner, None) as poll:
        event = await poll()
    assert (event.dialect, event.dialect_evidence) == ("cgminer", None)


async def test_a_miner_is_asked_as_what_it_was_found_to_be_and_where_it_answered() -> None:
    miner = antminer()
    async with port(miner.talk) as elsewhere:
        web = "127.0.0.1:80"
        found = Detected(
            event_id=UUID("01890a5d-ac96-774b-bcce-b302099a8057"),
            miner_id="m-1",
            address=web,
            found_address=elsewhere.address,
            transport="tcp",
            dialect="antminer",
            evidence="4028 stats: Type Antminer S19",
            detected_at=datetime(2026, 11, 22, tzinfo=UTC),
            collector_id="collector-vnish-0",
        )
        async with polling(miner, None, address=web, transport="auto", detected=found) as poll:
            event = await poll()
    assert event.status is PollStatus.OK, event.error
    assert event.dialect_evidence == "4028 stats: Type Antminer S19"


CHIPS = b'{"chiphr":[{"Asic00":"68","Asic01":"67"}]}'


@asynccontextmanager
async def polling_vnish(miner: Miner, web: WebMiner, **more: Any) -> AsyncIterator[Poll]:
    """Vnish's port of commands, and its web pages beside."""
    async with serving(web) as address, device_session() as session:
        at = int(address.rpartition(":")[2])
        async with polling(miner, "vnish-3", session=session, web_port=at, **more) as poll:
            yield poll


def vnish(version: str) -> Miner:
    return Miner(
        {
            "stats": good("STATS", Elapsed=100),
            "summary": good("SUMMARY", Elapsed=100),
            "pools": good("POOLS", URL="stratum+tcp://pool:3333"),
            "version": good("VERSION", CompileTime="x", Type=f"Antminer S9 (vnish {version})"),
        }
    )


async def test_vnish_3_is_asked_for_its_chips_on_its_web_page_at_their_cadence() -> None:
    web = WebMiner({"/cgi-bin/chip_hr.json": CHIPS}, lock="digest")
    async with polling_vnish(vnish("3.9.0"), web) as poll:
        first, second = await poll(), await poll()
    assert first.status is second.status is PollStatus.OK
    assert first.firmware == "3.9.0"
    assert first.endpoints["chip-hr"].body == CHIPS.decode()
    assert web.asked == ["/cgi-bin/chip_hr.json"] * 2, "the challenge, and once"
    assert "chip-hr" not in second.endpoints, "chips that were told are not told again"


async def test_vnish_1_is_not_asked_for_a_page_that_only_3_has() -> None:
    web = WebMiner({"/cgi-bin/chip_hr.json": CHIPS}, lock="digest")
    async with polling_vnish(vnish("1.2.7"), web) as poll:
        await poll()
    assert web.asked == []


@pytest.mark.parametrize("why", ["no page", "another password", "no web server"])
async def test_who_refuses_its_chips_is_as_well_as_before_and_is_not_asked_at_each_poll(
    why: str,
) -> None:
    page = {} if why == "no page" else {"/cgi-bin/chip_hr.json": CHIPS}
    web = WebMiner(page, lock="digest", password="other" if why == "another password" else "root")
    async with serving(web) as address, device_session() as session:
        at = 1 if why == "no web server" else int(address.rpartition(":")[2])
        async with polling(vnish("3.9.0"), "vnish-3", session=session, web_port=at) as poll:
            first, asked, second = await poll(), len(web.asked), await poll()
    assert first.status is second.status is PollStatus.OK
    assert first.endpoints["chip-hr"].status is not PollStatus.OK
    assert "chip-hr" not in second.endpoints
    assert len(web.asked) == asked


async def test_a_page_of_chips_that_is_no_json_is_a_fault_of_its_own() -> None:
    web = WebMiner({"/cgi-bin/chip_hr.json": b"<html>"}, lock="digest")
    async with polling_vnish(vnish("3.9.0"), web) as poll:
        event = await poll()
    assert event.status is PollStatus.PARTIAL
    assert event.endpoints["chip-hr"].status is PollStatus.GARBAGE
    assert event.endpoints["stats"].status is PollStatus.OK


async def test_behind_a_forwarded_port_nobody_elses_web_page_is_asked() -> None:
    async with (
        device_session() as session,
        polling(vnish("3.9.0"), "vnish-3", session=session) as poll,
    ):
        event = await poll()
    assert event.status is PollStatus.OK
    assert event.endpoints["chip-hr"].error == "not asked: nobody knows its web port"
