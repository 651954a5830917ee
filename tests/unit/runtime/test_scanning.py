"""Which networks may be scanned, how fast, and what is asked of whom."""

import asyncio
import socket

import pytest
from tests.unit.runtime.unknown_world import REFUSAL, STEPS, Host, host, page, recognise

from minestream_runtime.clock import SystemClock
from minestream_runtime.devices.connect_errors import OwnFaultError
from minestream_runtime.devices.networks import PRIVATE, Networks
from minestream_runtime.discovery import scanning
from minestream_runtime.discovery.probing import Ending
from minestream_runtime.discovery.scanning import (
    Pace,
    Port,
    ScanRefusedError,
    Seen,
    hosts_of,
    key_of,
    knock,
    networks_of,
    scanner,
)

ALLOWED = Networks.parse(PRIVATE)


async def scanned(*hosts: Host, offered: dict[str, str] | None = None) -> list[Seen]:
    ports = [int(host.address.rpartition(":")[2]) for host in hosts]
    seen: list[Seen] = []
    async with scanner(
        SystemClock(),
        ALLOWED,
        steps=STEPS,
        recognise=recognise,
        ports=ports,
        per_s=2000,
        offered=offered,
    ) as looking:
        await looking.scan(["127.0.0.1", "127.7.7.7"], seen.append)
    return seen


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["10.0.0.0/24", "8.8.8.0/24"], r"8\.8\.8\.0/24 is outside of MINESTREAM_ALLOWED_NETW"),
        (["10.0.0.0/7"], "outside of"),
        (["10.0.0.0/33"], r"no network: '10\.0\.0\.0/33'"),
        (["farm.local"], "no network"),
        (["10.0.0.0/8"], r"16,777,216 addresses.* 65,536 .*10\.0\.0\.0/16, then 10\.1\.0\.0/16"),
        (["10.0.0.0/16", "10.9.0.0/30"], r"65,540 addresses.*10\.0\.0\.0/16 and the rest"),
        (["fd00::/64"], "split them into fd00::/112, then fd00::1:0/112"),
    ],
)
def test_what_may_not_or_cannot_be_scanned_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(ScanRefusedError, match=said):
        networks_of(words, ALLOWED)


def test_no_address_is_scanned_twice_and_none_is_left_out() -> None:
    networks = networks_of(["10.0.0.8/30", "10.0.0.9", "10.0.1.7", "fd00::8/127"], ALLOWED)
    assert list(hosts_of(networks)) == ["10.0.0.9", "10.0.0.10", "10.0.1.7", "fd00::8", "fd00::9"]
    assert len(list(hosts_of(networks_of(["10.0.0.0/16"], ALLOWED)))) == 65_534


def test_a_host_is_one_miner_unless_ports_tell_several_apart() -> None:
    assert key_of("10.0.0.1", 80) == key_of("10.0.0.1", 4028) == "10.0.0.1"
    assert key_of("10.0.0.1", 8081) == "10.0.0.1:8081"


async def test_open_closed_and_silent_ports_are_told_apart() -> None:
    async with host() as this:
        name, _, port = this.address.rpartition(":")
        assert await knock(name, int(port)) is Port.OPEN
    assert await knock(name, int(port)) is Port.CLOSED
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        taken = [socket.socket() for _ in range(4)]
        for each in taken:
            each.settimeout(0)
            each.connect_ex(full.getsockname())
        assert await knock("127.0.0.1", full.getsockname()[1], deadline_s=0.1) is Port.SILENT
        for each in taken:
            each.close()


async def test_miners_are_told_from_strangers_and_nobody_gets_a_password() -> None:
    async with (
        host(_info=page(b"I'm one")) as one,
        host(stats=b"I'm two\0") as two,
        host(_stats=REFUSAL % b"router") as router,
    ):
        seen = await scanned(one, two, router)
        found = {
            each.sighting.finding.family: each.sighting.address
            for each in seen
            if each.sighting and each.sighting.finding
        }
        assert found == {"one": one.address, "two": two.address}
        [stranger] = [each for each in seen if each.sighting and not each.sighting.finding]
        assert stranger.sighting is not None
        assert stranger.sighting.ending is Ending.LOCKED
        assert not any(word.endswith("+") for word in router.asked)
        await scanned(router, offered={"username": "root", "password": "root"})
        assert [word for word in router.asked if word.endswith("+")] == ["/stats+"]


async def test_only_doors_that_are_open_are_asked_and_443_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = {"10.0.0.1": {80, 443}, "10.0.0.2": {443}, "10.0.0.3": {4028}}
    asked: list[tuple[str, int]] = []

    async def pretend(host: str, port: int) -> Port:
        return Port.OPEN if port in opened[host] else Port.CLOSED

    def refuse(_family: object, address: tuple[str, int]) -> None:
        asked.append(address)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(scanning, "knock", pretend)
    monkeypatch.setattr("minestream_runtime.devices.connections.begin_connecting", refuse)
    monkeypatch.setattr("minestream_runtime.devices.cgminer.client.begin_connecting", refuse)
    seen: list[Seen] = []
    async with scanner(
        SystemClock(), ALLOWED, steps=STEPS, recognise=recognise, per_s=5000
    ) as looking:
        await looking.scan(opened, seen.append)
    assert sorted(asked) == [("10.0.0.1", 80), ("10.0.0.3", 4028)]
    assert {each.host: each.ports for each in seen} == {
        "10.0.0.1": (80, 443),
        "10.0.0.2": (443,),
        "10.0.0.3": (4028,),
    }
    assert [each.sighting for each in seen if each.host == "10.0.0.2"] == [None]


async def test_turns_come_at_an_even_rate_and_lateness_makes_no_burst() -> None:
    class Hands(SystemClock):
        at_s = 100.0

        def monotonic(self) -> float:
            return self.at_s

    slept: list[float] = []
    hands = Hands()

    async def sleep(for_s: float) -> None:
        slept.append(for_s)
        hands.at_s += for_s

    pace = Pace(10, hands, sleep=sleep)
    for _ in range(5):
        await pace.turn()
    assert slept == pytest.approx([0.1] * 4)
    hands.at_s += 60.0
    slept.clear()
    for _ in range(4):
        await pace.turn()
    assert sum(slept) >= 0.2


async def test_a_machine_out_of_sockets_ends_the_scan_and_keeps_what_was_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with host(_info=page(b"I'm one")) as this:
        port = int(this.address.rpartition(":")[2])
        seen: list[Seen] = []
        told = asyncio.Event()

        async def fail_at_last(host: str, port: int) -> Port:
            if host == "127.0.0.1":
                return await knock(host, port)
            await told.wait()
            raise OwnFaultError("EMFILE")

        def take(one: Seen) -> None:
            seen.append(one)
            told.set()

        monkeypatch.setattr(scanning, "knock", fail_at_last)
        async with scanner(
            SystemClock(), ALLOWED, steps=STEPS, recognise=recognise, ports=[port], per_s=5000
        ) as looking:
            with pytest.raises(OwnFaultError, match="EMFILE"):
                await looking.scan(["127.0.0.1", "127.0.0.2"], take)
    assert [one.host for one in seen] == ["127.0.0.1"]
