"""Miners over TCP: sockets, framing, manners and faults."""

import asyncio
import json
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from minestream_emulators.fleet import Fleet
from minestream_emulators.models import MODELS
from minestream_emulators.running import emulated_fleet
from minestream_emulators.tcp_door import GARBAGE

TCP = sorted(key for key, model in MODELS.items() if model.transport == "tcp")
PLAIN = [key for key in TCP if MODELS[key].family != "whatsminer-v3"]
COMMANDS = {
    "antminer": ("stats", "summary", "pools", "devs", "version"),
    "vnish-3": ("stats", "summary", "pools"),
    "whatsminer": ("summary", "edevs", "devs", "pools", "status", "get_psu", "get_version"),
    "cgminer": ("summary", "stats", "pools", "devs", "version"),
}
V3 = (
    {"cmd": "get.device.info"},
    {"cmd": "get.miner.status", "param": "summary"},
    {"cmd": "get.miner.status", "param": "pools"},
    {"cmd": "get.miner.status", "param": "edevs"},
)
DEADLINE_S = 15.0


async def say(address: str, message: bytes) -> bytes:
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(message)
            return await reader.read(-1)
        finally:
            writer.close()


async def ask(address: str, command: str) -> bytes:
    return await say(address, json.dumps({"command": command}).encode())


async def ask_v3(address: str, question: dict[str, str]) -> Any:
    body = json.dumps(question).encode()
    said = await say(address, struct.pack("<I", len(body)) + body)
    assert struct.unpack("<I", said[:4]) == (len(said) - 4,)
    return json.loads(said[4:])


def mended(said: bytes) -> Any:
    return json.loads(said.rstrip(b"\0").replace(b"}{", b"},{"))


def only(fleet: Fleet) -> str:
    (station,) = fleet.stations.values()
    return station.address


@pytest.mark.parametrize("kind", PLAIN)
async def test_every_command_is_answered_numbered_and_logged(kind: str, tmp_path: Path) -> None:
    log = tmp_path / "replies.jsonl"
    async with emulated_fleet(miners=1, mix={kind: 1.0}, replies=log) as fleet:
        for command in COMMANDS[MODELS[kind].family]:
            said = await ask(only(fleet), command)
            assert said.startswith(b'{"X-Reply-Id":"')
            body = mended(said)
            line = fleet.replies()[-1]
            assert (str(line.reply), line.path) == (body["X-Reply-Id"], command)
            assert line.status == 200


async def test_version_3_answers_in_frames_of_a_told_length(tmp_path: Path) -> None:
    log = tmp_path / "replies.jsonl"
    async with emulated_fleet(miners=1, mix={"m60s-v3": 1.0}, replies=log) as fleet:
        for question in V3:
            body = await ask_v3(only(fleet), question)
            assert body["code"] == 0
            assert fleet.replies()[-1].path == ":".join(question.values())
        assert (await ask_v3(only(fleet), {"cmd": "set.miner.power"}))["code"] == -2
        assert await say(only(fleet), b'{"command":"summary"}') == b""


async def test_stock_answers_end_in_nul_and_the_old_ones_lack_a_comma() -> None:
    for kind, seamless in (("l7-stock", False), ("l3p-stock", True), ("s9-vnish-3.8.6", True)):
        async with emulated_fleet(miners=1, mix={kind: 1.0}) as fleet:
            said = await ask(only(fleet), "stats")
            assert said.endswith(b"\0")
            assert said.count(b"\0") == 1
            assert (b'}{"STATS":0' in said) is seamless


async def test_a_whatsminer_takes_cmd_and_command() -> None:
    async with emulated_fleet(miners=1, mix={"m50-v2": 1.0}) as fleet:
        one = json.loads(await say(only(fleet), b'{"cmd":"get_miner_info"}'))
        two = json.loads(await say(only(fleet), b'{"command":"get_miner_info"}\n'))
        assert one["Msg"] == two["Msg"]
        (said,) = json.loads(await ask(only(fleet), "summary"))["SUMMARY"]
        assert said["Power"] > 1000


async def test_a_whatsminer_answers_cgminers_commands_in_one_question() -> None:
    async with emulated_fleet(miners=1, mix={"m50-v2": 1.0}) as fleet:
        both = json.loads(await ask(only(fleet), "summary+devs"))
        assert both["summary"][0]["SUMMARY"][0]["Power"] > 1000
        assert len(both["devs"][0]["DEVS"]) == 3
        assert both.keys() == {"summary", "devs", "id"}
        for refused in ("summary+get_version", "summary+", "+"):
            assert json.loads(await ask(only(fleet), refused))["STATUS"] == "E"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b'{"command":"reboot"}', 14),
        (b'{"command":"summary+pools"}', 14),
        (b"GET / HTTP/1.1\r\nHost: miner\r\n\r\n", 23),
        (b"\xff\xfe}", 23),
        (b'{"question":1}', 24),
        (b"[]\n", 23),
    ],
)
async def test_what_it_does_not_know_is_refused_with_its_code(message: bytes, code: int) -> None:
    async with emulated_fleet(miners=1, mix={"s19pro-stock": 1.0}) as fleet:
        (status,) = mended(await say(only(fleet), message))["STATUS"]
        assert (status["STATUS"], status["Code"]) == ("E", code)


async def test_a_question_in_two_pieces_is_one_question() -> None:
    async with emulated_fleet(miners=1, mix={"l7-stock": 1.0}) as fleet:
        host, _, port = only(fleet).rpartition(":")
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b'{"comm')
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(b'and":"version"}')
            body = mended(await reader.read(-1))
            writer.close()
        assert body["VERSION"][0]["Type"] == "Antminer L7"


async def test_a_second_client_waits_until_the_first_is_served() -> None:
    async with emulated_fleet(miners=1, mix={"l7-stock": 1.0}) as fleet:
        host, _, port = only(fleet).rpartition(":")
        _, holder = await asyncio.open_connection(host, int(port))
        waiting = asyncio.ensure_future(ask(only(fleet), "version"))
        done, _ = await asyncio.wait({waiting}, timeout=0.1)
        assert not done
        holder.close()
        assert mended(await waiting)["VERSION"]


async def test_faults_strike_on_the_wire() -> None:
    async with emulated_fleet(miners=1, mix={"s19pro-stock": 1.0}) as fleet:
        (miner,), address = fleet.stations, only(fleet)
        whole = await ask(address, "stats")

        async def struck(fault: str) -> bytes:
            await fleet.break_miner(fault, [miner])
            said = await ask(address, "stats")
            await fleet.heal()
            return said

        assert await struck("garbage-body") == GARBAGE + b"\0"
        assert 0.5 < len(await struck("truncated-json")) / len(whole) < 0.7
        assert (await struck("nul-bytes")).count(b"\0") == 4
        assert mended(await struck("wrong-unit"))["STATS"][1]["rate_unit"] == "XH/s"
        ahead = mended(await struck("clock-skew"))["STATUS"][0]["When"]
        assert ahead - mended(await ask(address, "stats"))["STATUS"][0]["When"] > 86000
        with pytest.raises(ConnectionRefusedError):
            await struck("unreachable")


async def test_where_no_unit_is_named_a_wrong_one_is_a_thousandfold() -> None:
    async with emulated_fleet(miners=1, mix={"m30s-v1": 1.0}) as fleet:
        (miner,) = fleet.stations
        right = json.loads(await ask(only(fleet), "summary"))["SUMMARY"][0]["MHS av"]
        await fleet.break_miner("wrong-unit", [miner])
        wrong = json.loads(await ask(only(fleet), "summary"))["SUMMARY"][0]["MHS av"]
        assert wrong / right == pytest.approx(1000.0, rel=0.05)


async def test_a_silent_miner_hangs_until_healed_and_a_dripping_one_drips() -> None:
    async with emulated_fleet(miners=1, mix={"l3p-stock": 1.0}) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner("silent", [miner])
        asking = asyncio.ensure_future(ask(only(fleet), "version"))
        done, _ = await asyncio.wait({asking}, timeout=0.1)
        assert not done
        await fleet.heal()
        assert await asking == b""
        await fleet.break_miner("slow-drip", [miner])
        host, _, port = only(fleet).rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b'{"command":"version"}')
        assert await reader.read(64) == b"{"
        writer.close()


async def test_a_huge_answer_goes_on_until_the_client_hangs_up() -> None:
    async with emulated_fleet(miners=1, mix={"m30s-v1": 1.0}) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner("huge-body", [miner])
        host, _, port = only(fleet).rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b'{"command":"summary"}')
        assert len(await reader.readexactly(2**21)) == 2**21
        writer.close()
        await fleet.heal()
        assert json.loads(await ask(only(fleet), "summary"))["SUMMARY"]


async def test_a_lost_board_is_missing_from_the_answers() -> None:
    async with emulated_fleet(miners=1, mix={"s19pro-stock": 1.0}) as fleet:
        (miner,) = fleet.stations
        await fleet.break_miner("lost-board", [miner])
        stats = mended(await ask(only(fleet), "stats"))["STATS"][1]
        counts = sorted(stats[f"chain_acn{chain}"] for chain in (1, 2, 3))
        assert counts == [0, 114, 114]
        assert stats["miner_count"] == 2


async def test_http_and_tcp_miners_live_in_one_fleet() -> None:
    async with emulated_fleet(miners=8, mix={"l9-1.2.7": 0.5, "l7-stock": 0.5}) as fleet:
        spoken = {entry["transport"] for entry in fleet.inventory}
        assert spoken == {"http", "tcp"}
        for entry in fleet.inventory:
            if entry["transport"] == "tcp":
                assert entry["dialect"] == "antminer"
                assert mended(await ask(entry["address"], "version"))["VERSION"]


async def test_a_thousand_of_each_transport_listen_within_seconds_and_are_made_when_asked() -> None:
    began = time.monotonic()
    half = {"l9-1.2.7": 0.5, "l7-stock": 0.25, "m50-v2": 0.25}
    async with emulated_fleet(miners=2000, mix=half) as fleet:
        assert time.monotonic() - began < 10.0
        over_tcp = [entry["address"] for entry in fleet.inventory if entry["transport"] == "tcp"]
        assert len(over_tcp) == 1000
        for address in over_tcp[::100]:
            assert mended(await ask(address, "summary"))["SUMMARY"]
        made = sum(station.firmware is not None for station in fleet.stations.values())
        assert made == 10


async def test_a_client_that_has_closed_its_side_still_gets_its_answer() -> None:
    async with emulated_fleet(miners=1, mix={"l7-stock": 1.0}) as fleet:
        host, _, port = only(fleet).rpartition(":")
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b'{"command":"version"}')
            writer.write_eof()
            assert mended(await reader.read(-1))["VERSION"]
            writer.close()
