"""Names of devices: asked for now and then, and still known while the name server is away."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from minestream_runtime.devices import addresses
from minestream_runtime.devices.addresses import AddressInvalidError, Names

Resolver = Callable[..., Awaitable[Any]]
LEADS = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.9", 0))]


async def known(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> Names:
    """Names that know one, and from now on ask this resolver at each question."""
    names = Names()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(addresses, "_NAMES_KEPT_S", -1.0)

    async def leads(*_: object, **__: object) -> Any:
        return LEADS

    monkeypatch.setattr(loop, "getaddrinfo", leads)
    await names.find("rig-7", 80)
    monkeypatch.setattr(loop, "getaddrinfo", resolver)
    return names


def refusing(number: int) -> Resolver:
    async def refuse(*_: object, **__: object) -> Any:
        raise socket.gaierror(number, "no")

    return refuse


async def never(*_: object, **__: object) -> Any:
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("resolver", [refusing(socket.EAI_AGAIN), never])
async def test_a_name_server_that_is_away_makes_no_device_silent(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "_NAMES_LATE_S", 0.01)
    names = await known(resolver, monkeypatch)
    assert await names.find("rig-7", 4028) == [(socket.AF_INET, ("127.0.0.9", 4028))]
    with pytest.raises((socket.gaierror, TimeoutError)):
        async with asyncio.timeout(0.05):
            await names.find("rig-8", 80)


async def test_a_name_that_is_gone_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    names = await known(refusing(socket.EAI_NONAME), monkeypatch)
    with pytest.raises(socket.gaierror):
        await names.find("rig-7", 80)


@pytest.mark.parametrize("name", ["a..b", "x" * 64])
async def test_what_cannot_be_a_name_is_an_error_of_its_own(name: str) -> None:
    with pytest.raises(AddressInvalidError):
        await Names().find(name, 80)


async def test_a_name_is_asked_for_every_five_minutes_and_not_sooner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, names, asked = asyncio.get_running_loop(), Names(), list[str]()
    now, later_s = loop.time, [0.0]

    async def leads(name: str, *_: object, **__: object) -> Any:
        asked.append(name)
        return LEADS

    monkeypatch.setattr(loop, "getaddrinfo", leads)
    monkeypatch.setattr(loop, "time", lambda: now() + later_s[0])
    for later_s[0], times in ((0.0, 1), (280.0, 1), (301.0, 2)):
        await names.find("rig-7", 80)
        assert len(asked) == times
