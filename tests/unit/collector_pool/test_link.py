"""One session against the emulated router: each way in, each way out."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from collector_pool.adapters.wamp import Door, joined
from minestream_emulators.prohashing.router import CallRefusedError, Router
from minestream_emulators.prohashing.router import Door as RouterDoor
from minestream_runtime.errors import SourceRejectedError, SourceUnavailableError


def answer(realm: str, procedure: str, args: list[Any]) -> Any:
    if procedure != "echo" or not realm:
        raise CallRefusedError("wamp.error.no_such_procedure")
    if args == ["refuse"]:
        raise CallRefusedError("wamp.error.not_authorized")
    return args


@pytest.fixture
async def router() -> AsyncIterator[Router]:
    """A router on a free port."""
    doors = {
        "mining": RouterDoor({"web": "web"}),
        "open": RouterDoor(anonymous=True),
    }
    this = Router(doors, answer)
    app = web.Application()
    app.add_routes([web.get("/ws", this.serve)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        this.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/ws"  # type: ignore[attr-defined]
        yield this
    finally:
        this.drop_all()
        await runner.cleanup()


def door(router: Router, **more: Any) -> Door:
    values: dict[str, Any] = {
        "url": router.url,  # type: ignore[attr-defined]
        "realm": "mining",
        "auth": "wampcra",
        "authid": "web",
        "secret": "web",
    }
    return Door(**(values | more))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"auth": "ticket"},
        {"realm": "open", "auth": "anonymous", "authid": None, "secret": None},
    ],
)
async def test_each_way_in_joins_hears_and_calls(router: Router, more: dict[str, Any]) -> None:
    heard: list[object] = []
    async with joined(door(router, **more)) as link:
        await link.subscribe("news", heard.append)
        assert await link.call("echo", "a") == ["a"]
        for number in range(100):
            await router.publish("news", number)
        await router.publish("news")
        async with asyncio.timeout(5):
            while len(heard) < 101:  # noqa: ASYNC110 - events have no event of ours
                await asyncio.sleep(0.01)
    assert heard == [*range(100), None], "in order; without arguments: nothing"
    async with asyncio.timeout(5):
        while router.sessions:  # noqa: ASYNC110 - the router's doing
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "more",
    [
        {"secret": "wrong"},
        {"auth": "ticket", "secret": "wrong"},
        {"authid": "nobody"},
        {"realm": "elsewhere"},
        {"auth": "anonymous"},
    ],
)
async def test_who_is_not_wanted_is_rejected(router: Router, more: dict[str, Any]) -> None:
    with pytest.raises(SourceRejectedError, match=r"wamp\.error\."):
        async with joined(door(router, **more)):
            pass


async def test_a_router_that_is_shutting_down_may_be_tried_again(router: Router) -> None:
    router.refusing = "wamp.close.system_shutdown"
    with pytest.raises(SourceUnavailableError, match="system_shutdown"):
        async with joined(door(router)):
            pass


@pytest.mark.parametrize("how", ["close", "goodbye", "drop", "freeze"])
async def test_each_end_of_a_session_is_noticed(router: Router, how: str) -> None:
    async with joined(door(router, ping_s=1.0, ping_timeout_s=1.0)) as link:
        if how == "close":
            await router.close_all()
        elif how == "goodbye":
            await router.goodbye_all()
        elif how == "drop":
            router.drop_all()
        else:
            router.frozen = True
        async with asyncio.timeout(5):
            with pytest.raises(SourceUnavailableError):
                await link.ended()
        with pytest.raises(SourceUnavailableError):
            await link.call("echo")


async def test_a_refused_call_says_so_and_the_session_goes_on(router: Router) -> None:
    async with joined(door(router)) as link:
        with pytest.raises(SourceRejectedError, match="not_authorized"):
            await link.call("echo", "refuse")
        with pytest.raises(SourceUnavailableError, match="no_such_procedure"):
            await link.call("other")
        assert await link.call("echo") == []


async def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(SourceUnavailableError, match="no connection"):
        async with joined(Door("ws://127.0.0.1:1/ws", "r", "anonymous", None, None)):
            pass


async def test_what_speaks_no_websocket_is_unavailable() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SourceUnavailableError):
            async with joined(Door(f"ws://127.0.0.1:{port}/ws", "r", "anonymous", None, None)):
                pass


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    del tmp_path
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    router = Router({"open": RouterDoor(anonymous=True)}, answer)
    app = web.Application()
    app.add_routes([web.get("/ws", router.serve)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        url = f"wss://127.0.0.1:{runner.addresses[0][1]}/ws"
        with pytest.raises(SourceUnavailableError, match="TLS: CERTIFICATE_VERIFY_FAILED"):
            async with joined(Door(url, "open", "anonymous", None, None)):
                pass
        async with joined(Door(url, "open", "anonymous", None, None, certificate[0])) as link:
            assert await link.call("echo", "a") == ["a"]
    finally:
        router.drop_all()
        await runner.cleanup()


async def test_no_line_of_autobahns_names_a_topic(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def raises(_: object) -> None:
        raise RuntimeError("my-key")

    async with joined(door(router)) as link:
        await link.subscribe("diffs_my-key", raises)
        await router.publish("diffs_my-key", 1)
        await link.call("echo")
        await router.goodbye_all()
        with pytest.raises(SourceUnavailableError):
            await link.ended()
    assert "my-key" not in caplog.text
