"""The TCP client against ports that drip, hang up, reset and flood; and what it never does."""

import asyncio
import errno
import gc
import json
import os
import socket
import tracemalloc

import pytest
from tests.unit.runtime.hostile_port import NUL, WHOLE, Caller, ask, error, port, says, until

from minestream_runtime.devices import cgminer
from minestream_runtime.devices.cgminer import CgminerClient, CgminerError, Wire
from minestream_runtime.devices.cgminer.commands import READS, question
from minestream_runtime.errors import Disposition


async def test_nobody_listening_is_refused() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(cgminer.CgminerRefusedError):
            await ask(where)


async def test_a_silent_port_is_a_timeout() -> None:
    failed = await error(says(then_holds=True), deadline_s=0.2)
    assert type(failed) is cgminer.CgminerTimeoutError


async def test_a_host_that_takes_no_connection_is_a_timeout() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        where = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:  # a backlog that is full: later callers are not answered
            sock.setblocking(False)  # noqa: FBT003 - its own signature
            sock.connect_ex(where)
        with pytest.raises(cgminer.CgminerTimeoutError, match="no connection"):
            await ask(f"127.0.0.1:{where[1]}", deadline_s=0.3)
        for sock in waiting:
            sock.close()


async def test_dripping_does_not_move_the_deadline() -> None:
    began_s = asyncio.get_running_loop().time()
    failed = await error(says(*[b"{"] * 100, pause_s=0.05), deadline_s=0.4)
    assert type(failed) is cgminer.CgminerTimeoutError
    assert asyncio.get_running_loop().time() - began_s < 2


async def test_a_reset_before_the_answer_is_whole_is_named() -> None:
    async def talk(caller: Caller) -> None:
        await caller.hear()
        await caller.say(WHOLE[:20])
        await asyncio.sleep(0.05)
        caller.reset()

    assert type(await error(talk)) is cgminer.CgminerResetError


@pytest.mark.parametrize("said", [b"", NUL, NUL * 5])
async def test_no_answer_is_empty(said: bytes) -> None:
    assert type(await error(says(said))) is cgminer.CgminerEmptyError


async def test_an_endless_answer_is_cut_at_the_limit_and_its_start_kept() -> None:
    async def talk(caller: Caller) -> None:
        await caller.hear()
        while True:
            await caller.say(b"[" * 65_536)

    failed = await error(talk)
    assert isinstance(failed, cgminer.CgminerTooLargeError)
    assert failed.start == b"[" * 4096


@pytest.mark.parametrize(
    "address",
    ["", "miner", "miner:", "miner:0", "miner:65536", ":4028", "miner:-1", "miner:4028x",
     "miner:" + "9" * 5000, "a..b:4028", f"{'a' * 64}.example:4028"],
)  # fmt: skip
async def test_what_is_no_address_is_said_to_be_none(address: str) -> None:
    with pytest.raises(cgminer.CgminerAddressError) as caught:
        await ask(address)
    assert caught.value.disposition is Disposition.QUARANTINE


# --- what is never done ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "wire"),
    [
        ("restart", None),
        ("quit", None),
        ("switchpool|1", None),
        ("summary|0", None),
        ("summary+quit", None),
        ('summary","command":"quit', None),
        ("", None),
        ("SUMMARY", None),
        ("ascset", Wire.CGMINER),
        ("set_low_power", Wire.WHATSMINER),
        ("get_token", Wire.WHATSMINER),
        ("get_psu", Wire.CGMINER),
        ("set.miner.service", Wire.WHATSMINER_V3),
        ("get.miner.status", Wire.WHATSMINER_V3),
        ("get.miner.status:settings", Wire.WHATSMINER_V3),
        ("summary", Wire.WHATSMINER_V3),
    ],
)
async def test_a_command_that_is_no_reading_one_is_refused_before_anything_is_sent(
    command: str, wire: Wire | None
) -> None:
    async with port(says(WHOLE)) as miner:
        with pytest.raises(cgminer.CgminerForbiddenError) as caught:
            await ask(miner.address, command, wire=wire)
        assert miner.callers == 0
    assert caught.value.disposition is Disposition.QUARANTINE


CHANGING = (
    "switchpool enablepool addpool poolpriority poolquota disablepool removepool save quit"
    " privileged restart hotplug failover-only zero debug setconfig lockstats"
    " ascenable ascdisable ascidentify ascset pgaenable pgadisable pgaidentify pgaset"
    " gpuenable gpudisable gpurestart gpuintensity gpumem gpuengine gpufan gpuvddc"
    " get_token update_pools restart_btminer power_off power_on set_led set_low_power"
    " set_normal_power set_high_power set_target_freq set_power_pct pre_power_on"
    " adjust_power_limit adjust_upfreq_speed set_poweroff_cool set_fan_zero_speed set_hostname"
    " set_zone enable_web_pools disable_web_pools enable_btminer_fast_boot"
    " disable_btminer_fast_boot enable_btminer_init disable_btminer_init load_log net_config"
    " download_logs update_pwd update_firmware upgrade_firmware reboot factory_reset"
    " set.miner.service set.miner.pools set.miner.power_mode set.miner.power_limit"
    " set.miner.cointype set.miner.fastboot set.system.reboot set.system.net_config"
    " set.user.change_passwd"
)
"""Of CGMiner's API-README, and Whatsminer's API documents v2 and v3."""


def test_no_wire_has_a_command_that_changes_a_miner() -> None:
    for wire in Wire:
        for command in CHANGING.split():
            with pytest.raises(cgminer.CgminerForbiddenError):
                question(wire, command)


def test_untold_a_miner_has_five_seconds_for_its_answer() -> None:
    assert cgminer.DEADLINE_S == 5.0


async def test_a_network_that_is_not_allowed_is_never_called_not_even_by_name() -> None:
    client = CgminerClient(allowed=lambda address: address.startswith("10."))
    async with port(says(WHOLE)) as miner:
        for address in (miner.address, miner.address.replace("127.0.0.1", "localhost")):
            with pytest.raises(cgminer.CgminerForbiddenError):
                await client.ask(address, "summary")
        assert miner.callers == 0


async def test_a_miner_is_asked_one_question_at_a_time() -> None:
    client = CgminerClient()
    async with port(says(WHOLE, pause_s=0.02)) as miner:
        answers = await asyncio.gather(*(client.ask(miner.address, "summary") for _ in range(8)))
        assert {answer.body for answer in answers} == {WHOLE}
        assert (miner.callers, miner.most_at_once) == (8, 1)


async def test_who_waits_for_a_turn_too_long_gives_up_and_the_turn_goes_on() -> None:
    client = CgminerClient()
    async with port(says(b"", WHOLE, pause_s=0.2)) as miner, asyncio.TaskGroup() as group:
        first = group.create_task(client.ask(miner.address, "summary"))
        await until(lambda: miner.callers == 1)
        gone = group.create_task(client.ask(miner.address, "summary"))
        after = group.create_task(client.ask(miner.address, "summary"))
        with pytest.raises(cgminer.CgminerTimeoutError, match="another question"):
            await client.ask(miner.address, "summary", deadline_s=0.05)
        gone.cancel()
        assert (await first).body == (await after).body == WHOLE
        assert miner.callers == 2


async def test_each_question_names_its_command_and_nothing_else() -> None:
    heard: list[bytes] = []

    async def talk(caller: Caller) -> None:
        heard.append(await caller.hear())
        await caller.say(WHOLE)

    async with port(talk) as miner:
        for wire in (Wire.CGMINER, Wire.WHATSMINER):
            for command in READS[wire]:
                await ask(miner.address, command, wire=wire)
    asked = [json.loads(question) for question in heard]
    assert {one["command"] for one in asked if "command" in one} == READS[Wire.CGMINER]
    assert {one["cmd"] for one in asked if "cmd" in one} == READS[Wire.WHATSMINER]
    assert all(len(one) == 1 for one in asked)


# --- many at once ----------------------------------------------------------------------------


async def test_floods_leave_nothing_behind_and_need_no_garbage_collector() -> None:
    async def talk(caller: Caller) -> None:
        await caller.hear()
        while True:
            await caller.say(b'{"a":' * 8192)

    client = CgminerClient()
    async with port(talk) as miner:
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for _ in range(12):
                with pytest.raises(cgminer.CgminerTooLargeError):
                    await client.ask(miner.address, "stats")
            await until(lambda: miner.at_once == 0)
            left, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()
    assert left < 2 * 1024**2, "of 12 MiB that were heard"


async def test_hundreds_of_dripping_ports_hold_little_memory() -> None:
    async def talk(caller: Caller) -> None:
        await caller.hear()
        while True:
            await caller.say(b'{"a":')
            await asyncio.sleep(0.2)

    client = CgminerClient()
    async with port(talk, host="0.0.0.0") as miner:
        at = miner.address.rpartition(":")[2]
        gc.collect()
        tracemalloc.start()
        # every 127.x.y.z is this machine, and a miner of its own to the client
        where = [f"127.0.{number // 250}.{number % 250 + 1}:{at}" for number in range(300)]
        results = await asyncio.gather(
            *(client.ask(address, "stats", deadline_s=1.0) for address in where),
            return_exceptions=True,
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert {type(result) for result in results} == {cgminer.CgminerTimeoutError}
    assert most / len(where) < 40_000, "bytes per port, both sides of it"


async def test_cancelling_leaves_no_socket_and_no_timer() -> None:
    client = CgminerClient()
    async with port(says(then_holds=True)) as miner:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(client.ask(miner.address, "summary"))
            await until(lambda: miner.callers == 1)
            task.cancel()
        await until(lambda: miner.at_once == 0)
        assert not client._asked


@pytest.mark.parametrize("number", sorted(errno.errorcode))
async def test_whatever_the_system_says_of_a_connection_is_an_error_of_the_tree(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> socket.socket:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("minestream_runtime.devices.cgminer.client.begin_connecting", refuse)
    with pytest.raises(CgminerError) as caught:
        await ask("127.0.0.1:4028")
    ours = number in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
    assert isinstance(caught.value, cgminer.CgminerOwnFaultError) is ours
    refused = isinstance(caught.value, cgminer.CgminerRefusedError)
    assert refused is (number == errno.ECONNREFUSED)
    assert "127.0.0.1" not in str(caught.value)


def test_every_error_of_the_tree_has_its_own_kind_and_who_was_not_heard_is_tried_again() -> None:
    def family(kind: type[CgminerError]) -> set[type[CgminerError]]:
        return {kind}.union(*(family(below) for below in kind.__subclasses__()))

    kinds = family(CgminerError)
    assert len({kind.kind for kind in kinds}) == len(kinds)
    silent = family(cgminer.CgminerUnansweredError) | family(cgminer.CgminerUnreachableError)
    again = {kind for kind in kinds if kind.disposition is Disposition.RETRY}
    assert again == silent | {cgminer.CgminerOwnFaultError}
