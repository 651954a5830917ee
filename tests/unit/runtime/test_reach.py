"""Is a host there? By an echo where that is allowed, else by a connection."""

import asyncio
import socket

import pytest

from minestream_runtime.devices import reach as module
from minestream_runtime.devices.reach import reach


async def test_a_host_that_lives_answers_whatever_listens_there() -> None:
    for name in ("127.0.0.1", "localhost"):
        reached = await reach(name, 1)
        assert reached.there
        assert reached.words.startswith("answered in ")


async def test_without_the_right_to_send_an_echo_a_connection_counts_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(1, "no ICMP")

    monkeypatch.setattr(module, "_socket", refuse)
    with socket.create_server(("127.0.0.1", 0)) as server:
        for port in (server.getsockname()[1], 1):
            reached = await reach("127.0.0.1", port)
            assert (reached.there, reached.by) == (True, "tcp")
            assert "this process may send no ICMP" in reached.words


async def test_no_such_host_and_no_way_there_are_said() -> None:
    assert (await reach("no..such", 80)).words == "no such host"
    reached = await reach("240.0.0.1", 80, wait_s=0.2)
    assert not reached.there
    assert reached.words


async def test_silence_ends_after_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(module, "_echo", silent)
    reached = await reach("127.0.0.1", 80, wait_s=0.05)
    assert (reached.there, reached.words) == (False, "no answer within 0.05 s")
