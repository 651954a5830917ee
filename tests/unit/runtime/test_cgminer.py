"""The TCP client: an answer is the same however it comes and ends."""

import asyncio
import json
import socket

import pytest
from tests.unit.runtime.hostile_port import NUL, WHOLE, Caller, ask, error, framed, port, says

from minestream_runtime.devices import cgminer
from minestream_runtime.devices.cgminer import CgminerError


@pytest.mark.parametrize(
    "ending",
    [b"", NUL, NUL + NUL, b"\n" + NUL],
    ids=["by hanging up", "NUL", "NULs", "newline and NUL"],
)
async def test_an_answer_ends_where_its_connection_does(ending: bytes) -> None:
    async with port(says(WHOLE + ending)) as miner:
        answer = await ask(miner.address)
    assert answer.body.rstrip() == WHOLE
    assert answer.latency_ms > 0


async def test_a_port_that_never_hangs_up_has_answered_with_its_nul() -> None:
    async with port(says(WHOLE + NUL, then_holds=True)) as miner:
        answer = await ask(miner.address)
    assert answer.body == WHOLE
    assert answer.latency_ms < 400, "it waited for more"


async def test_a_port_that_never_hangs_up_nor_sends_a_nul_has_answered_with_whole_json() -> None:
    async with port(says(WHOLE, then_holds=True)) as miner:
        assert (await ask(miner.address)).body == WHOLE


async def test_an_answer_that_looks_whole_as_time_runs_out_counts() -> None:
    async with port(says(WHOLE, then_holds=True)) as miner:
        assert (await ask(miner.address, deadline_s=0.2)).body == WHOLE


async def test_a_port_that_hangs_up_one_way_has_said_all() -> None:
    async def talk(caller: Caller) -> None:
        await caller.hear()
        await caller.say(WHOLE)
        caller.writer.write_eof()
        await caller.hold()

    async with port(talk) as miner:
        assert (await ask(miner.address)).body == WHOLE


async def test_a_port_that_says_all_before_it_is_asked_is_heard() -> None:
    async def talk(caller: Caller) -> None:
        await caller.say(WHOLE)
        caller.writer.write_eof()
        await caller.hold()

    async with port(talk) as miner:
        assert (await ask(miner.address)).body == WHOLE


async def test_a_reset_behind_a_whole_answer_costs_nothing() -> None:
    async def talk(caller: Caller) -> None:
        await caller.hear()
        await caller.say(WHOLE)
        await asyncio.sleep(0.1)
        caller.reset()

    async with port(talk) as miner:
        assert (await ask(miner.address)).body == WHOLE


async def test_an_answer_split_at_any_byte_is_the_same() -> None:
    cuts = iter(range(1, len(WHOLE + NUL)))

    async def talk(caller: Caller) -> None:
        at = next(cuts)
        await caller.hear()
        await caller.say((WHOLE + NUL)[:at], (WHOLE + NUL)[at:])

    async with port(talk) as miner:
        heard = {(await ask(miner.address)).body for _ in range(1, len(WHOLE + NUL))}
    assert heard == {WHOLE}


async def test_an_answer_that_comes_byte_by_byte_is_the_same() -> None:
    async with port(says(*(bytes([byte]) for byte in WHOLE + NUL))) as miner:
        assert (await ask(miner.address)).body == WHOLE


async def test_a_nul_in_the_middle_ends_nothing_and_stays() -> None:
    mangled = WHOLE.replace(b'],"id"', b']\0,"id"')
    before, after = mangled.split(NUL)
    async with port(says(before + NUL, after + NUL, pause_s=0.05)) as miner:
        assert (await ask(miner.address)).body == mangled


async def test_mangled_json_comes_as_it_is() -> None:
    stream = b'{"STATS":[{"Type":"Antminer L3+"}{"STATS":0,"x":nan,}],"id":1}'
    async with port(says(stream + NUL, then_holds=True)) as miner:
        assert (await ask(miner.address)).body == stream


async def test_what_is_no_json_comes_as_it_is() -> None:
    text = b"Socket connect failed: Connection refused\n"
    async with port(says(text)) as miner:
        assert (await ask(miner.address)).body == text


async def test_a_name_and_an_ipv6_address_are_asked_alike() -> None:
    async with port(says(WHOLE)) as miner:
        at = miner.address.rpartition(":")[2]
        assert (await ask(f"localhost:{at}")).body == WHOLE
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    async with port(says(WHOLE), host="::1") as miner:
        assert (await ask(miner.address)).body == WHOLE


# --- Whatsminer v3 ---------------------------------------------------------------------------


async def test_a_frame_is_asked_and_answered_behind_its_length() -> None:
    heard: list[bytes] = []

    async def talk(caller: Caller) -> None:
        heard.append(await caller.hear())
        await caller.say(framed(WHOLE))
        await caller.hold()

    async with port(talk) as miner:
        answer = await ask(miner.address, "get.miner.status:summary")
    assert answer.body == WHOLE
    assert answer.latency_ms < 400
    (asked,) = heard
    assert int.from_bytes(asked[:4], "little") == len(asked) - 4
    assert json.loads(asked[4:]) == {"cmd": "get.miner.status", "param": "summary"}


async def test_a_frame_may_come_byte_by_byte_and_with_more_behind_it() -> None:
    async with port(says(*(bytes([byte]) for byte in framed(WHOLE)))) as miner:
        assert (await ask(miner.address, "get.device.info")).body == WHOLE
    async with port(says(framed(WHOLE) + b"more")) as miner:
        assert (await ask(miner.address, "get.device.info")).body == WHOLE


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"", cgminer.CgminerEmptyError),
        (b"\x10\x00", cgminer.CgminerCutError),
        (framed(WHOLE)[:-1], cgminer.CgminerCutError),
        (b"\0\0\0\0", cgminer.CgminerFrameError),
        (b"\x01\0\0\0{", cgminer.CgminerFrameError),
        (b"\xff\xff\xff\xff{}", cgminer.CgminerTooLargeError),
        (b"\x00\x00\x10\x00{}", cgminer.CgminerTooLargeError),
        (WHOLE, cgminer.CgminerTooLargeError),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", cgminer.CgminerTooLargeError),
    ],
)
async def test_a_hostile_length_is_named_at_once(said: bytes, kind: type[CgminerError]) -> None:
    assert type(await error(says(said), command="get.device.info")) is kind
