"""How an answer goes wrong on its way: dripped, cut, replaced, blown up, laced with NULs."""

import asyncio
from collections.abc import Mapping
from typing import Final, NoReturn

from aiohttp import web

from minestream_emulators.device import HTML, Reply
from minestream_emulators.faults import Fault
from minestream_emulators.vnish.device import INDEX

HUGE_BYTES: Final = 1024**3
DRIP_S: Final = 1.0
FRONT: Final = frozenset({"/", "/index.html"})
_CHUNK: Final = b'{"miner":' + b"[0]," * (16 * 1024)
_KEPT_OF_TRUNCATED: Final = 0.6


async def never_answer() -> NoReturn:
    """Wait until the client gives up (its connection's end cancels us)."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody fulfils it")


def lace(body: bytes) -> bytes:
    """NUL bytes at a third, at two thirds and at the end; without them it is the old body."""
    third = len(body) // 3
    return b"\0".join((body[:third], body[third : 2 * third], body[2 * third :], b""))


def cut(body: bytes) -> bytes:
    """The first part of a body."""
    return body[: int(len(body) * _KEPT_OF_TRUNCATED)]


async def misbehave(
    request: web.BaseRequest,
    reply: Reply,
    headers: Mapping[str, str],
    faults: set[Fault],
) -> web.StreamResponse:
    """Send a reply as the miner's faults have it; those of the body spare its front page."""
    body, kind = reply.body, headers["Content-Type"]
    if request.path in FRONT or request.method == "HEAD":
        return web.Response(status=reply.status, body=body, headers=headers)
    if Fault.HUGE_BODY in faults:
        return await _flood(request, headers)
    if Fault.GARBAGE_BODY in faults:
        body, kind = INDEX, HTML
    elif Fault.TRUNCATED_JSON in faults:
        body = cut(body)
    elif Fault.NUL_BYTES in faults:
        body = lace(body)
    status = 200 if Fault.GARBAGE_BODY in faults else reply.status
    said = {**headers, "Content-Type": kind}
    if Fault.SLOW_DRIP in faults:
        return await _drip(request, status, body, said)
    return web.Response(status=status, body=body, headers=said)


async def _drip(
    request: web.BaseRequest, status: int, body: bytes, headers: Mapping[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(body)
    try:
        await response.prepare(request)
        for place in range(len(body)):
            await response.write(body[place : place + 1])
            await asyncio.sleep(DRIP_S)
    except ConnectionResetError:
        return response
    return response


async def _flood(request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
    """1 GiB in chunks, its length not told: whoever does not count, takes it all."""
    response = web.StreamResponse(status=200, headers=headers)
    response.enable_chunked_encoding()
    sent = 0
    try:
        await response.prepare(request)
        while sent < HUGE_BYTES:
            await response.write(_CHUNK)
            sent += len(_CHUNK)
    except ConnectionResetError:
        return response
    return response
