"""What is asked of an unknown miner, where, how often, and when it stops."""

import pytest
from tests.unit.runtime.unknown_world import REFUSAL, host, page, prober

from minestream_runtime.devices.connect_errors import OwnFaultError
from minestream_runtime.discovery.probing import Ending


async def test_the_first_answer_that_is_known_ends_it() -> None:
    async with host(_info=page(b"I'm one")) as this, prober() as ask:
        seen = await ask.look(this.address)
        assert (seen.ending, this.asked) == (Ending.FOUND, ["/info"])
        assert seen.finding is not None
        assert (seen.finding.family, seen.address) == ("one", this.address)


async def test_at_a_port_of_no_known_kind_everything_is_asked_there() -> None:
    async with host(version=b"I'm two\0") as this, prober() as ask:
        seen = await ask.look(this.address)
    assert this.asked == ["/info", "/stats", "stats", "version"]
    assert (seen.finding and seen.finding.family, seen.address) == ("two", this.address)


async def test_one_transport_is_asked_where_the_operator_said_which() -> None:
    async with host(_info=page(b"I'm one"), stats=b"I'm three\0") as this, prober() as ask:
        seen = await ask.look(this.address, transport="tcp")
    assert this.asked == ["stats"]
    assert seen.finding
    assert seen.finding.family == "three"


async def test_credentials_go_only_to_who_asked_for_some() -> None:
    offered = {"username": "root", "password": "root"}
    async with host(_stats=page(b"I'm open")) as this, prober() as ask:
        await ask.look(this.address, offered=offered)
        assert not any(word.endswith("+") for word in this.asked)
    async with host(_stats=REFUSAL % b"router") as this, prober() as ask:
        seen = await ask.look(this.address, offered=offered, transport="http")
        assert this.asked == ["/info", "/stats", "/stats", "/stats+"]
        assert seen.ending is Ending.LOCKED
    async with host(_stats=REFUSAL % b"router") as this, prober() as ask:
        await ask.look(this.address, transport="http")
        assert this.asked == ["/info", "/stats"]


async def test_a_locked_door_counts_unless_another_is_open() -> None:
    async with host(_stats=REFUSAL % b"known") as this, prober() as ask:
        seen = await ask.look(this.address)
        assert seen.finding
        assert seen.finding.family == "behind"
        assert {"stats", "version"} <= {*this.asked}
    async with host(_stats=REFUSAL % b"known", stats=b"I'm open\0") as this, prober() as ask:
        seen = await ask.look(this.address)
        assert seen.finding
        assert seen.finding.family == "open"


async def test_who_is_silent_is_asked_once_per_door() -> None:
    async with host(_info=None, stats=None) as this, prober(deadline_s=0.2) as ask:
        seen = await ask.look(this.address)
    assert (seen.ending, this.asked) == (Ending.TIMEOUT, ["/info", "stats"])


async def test_nobody_there_strangers_and_no_address_are_told_apart() -> None:
    async with prober() as ask:
        assert (await ask.look("127.0.0.1:1")).ending is Ending.REFUSED
        assert (await ask.look("127.0.0.1:99999")).ending is Ending.REFUSED
        async with host(stats=b"{}\0", version=b"{}\0") as this:
            seen = await ask.look(this.address)
    assert seen.ending is Ending.STRANGER
    assert [step for step, _, _ in seen.said] == ["info", "stats", "4028-stats", "4028-version"]


async def test_usual_ports_are_asked_for_what_is_usual_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, int]] = []

    def refuse(_family: object, address: tuple[str, int]) -> None:
        asked.append(address)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr("minestream_runtime.devices.connections.begin_connecting", refuse)
    monkeypatch.setattr("minestream_runtime.devices.cgminer.client.begin_connecting", refuse)
    async with prober() as ask:
        for port in (80, 443, 4028):
            assert (await ask.look(f"10.0.0.1:{port}")).ending is Ending.REFUSED
    assert [port for _, port in asked] == [80, 4028, 443, 4028, 80, 4028]


async def test_this_machines_own_fault_says_nothing_of_a_miner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OSError(24, "too many open files")

    monkeypatch.setattr("minestream_runtime.devices.connections.begin_connecting", fail)
    async with prober() as ask:
        with pytest.raises(OwnFaultError):
            await ask.look("10.0.0.1:80", transport="http")
