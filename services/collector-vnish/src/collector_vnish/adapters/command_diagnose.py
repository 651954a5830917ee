"""``minestream diagnose vnish``: why a Vnish miner does not answer, step by step."""

import asyncio
from typing import Annotated, Final

import msgspec
import typer

from collector_vnish.adapters.command import address_of
from minestream_runtime.clock import SystemClock
from minestream_runtime.command.diagnosis import Step, show
from minestream_runtime.command.terminal import EXIT_USAGE, refuse
from minestream_runtime.devices.addresses import family_of, split
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.http import Question, Reply, device_session, fetch
from minestream_runtime.devices.networks import Networks, refusal
from minestream_runtime.devices.reach import reach
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.settings import Settings

_OK: Final = 200
_NOT_FOUND: Final = 404
_PING_S: Final = 3.0
_STEP_S: Final = 5.0
_PATHS: Final = ("/api/v1/summary", "/summary")


def diagnose(
    host: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="the miner; port 80 if none")],
    as_json: Annotated[bool, typer.Option("--json", help="the steps as JSON")] = False,
) -> None:
    """Try a Vnish miner step by step: the host, its web server, its API's page, its answer.

    Exit codes: 0 every step worked; 1 one did not; 2 wrong usage.

    Example: minestream diagnose vnish 10.0.0.11
    """
    address = address_of(host)
    if address is None:
        refuse(f"{host}: that is no HOST or HOST:PORT", EXIT_USAGE)
    try:
        networks = Settings.load().networks
    except ConfigurationError as exc:
        refuse(str(exc), EXIT_USAGE)
    name = split(address)[0]
    if family_of(name) is not None and not networks.allows(name):
        refuse(refusal(name), EXIT_USAGE)
    steps = asyncio.run(_steps(address, networks))
    raise typer.Exit(show(f"Vnish miner at {address}", steps, as_json=as_json))


async def _steps(address: str, networks: Networks) -> list[Step]:
    async with device_session(allowed=networks.allows) as session:
        return [
            await _ping(address),
            await _web(session, address),
            await _page(session, address),
            await _answer(session, address),
        ]


async def _ping(address: str) -> Step:
    name, port = split(address)
    reached = await reach(name, port, wait_s=_PING_S)
    advice = (
        "" if reached.there else "Is it on, is this its address, does a route or VPN lead there?"
    )
    return Step("ping", reached.there, reached.words, advice)


async def _web(session: Devices, address: str) -> Step:
    reply = await _get(session, address, "/")
    ok = reply.http_status in {_OK, _NOT_FOUND}
    advice = "" if ok else "Its web server is down or another's: restart it, or wait until it is up"
    return Step("web server", ok, _words("/", reply), advice)


async def _page(session: Devices, address: str) -> Step:
    reply = await _get(session, address, "/docs/")
    ok = reply.http_status == _OK
    advice = (
        ""
        if ok
        else "Without its API's page this is hardly Vnish 1.x: `minestream probe` says what it is"
    )
    return Step("API page", ok, _words("/docs/", reply), advice)


async def _answer(session: Devices, address: str) -> Step:
    found = []
    for path in _PATHS:
        reply = await _get(session, address, path)
        found.append(_words(path, reply))
        if reply.fault is not None or reply.http_status != _NOT_FOUND:
            break
    fault = _fault(reply)
    words = "; ".join(found) + (f", {fault}" if fault else ", a JSON object")
    advice = (
        "" if fault is None else "Restart its web interface; if that does not help, its firmware"
    )
    return Step("JSON answer", fault is None, words, advice)


async def _get(session: Devices, address: str, path: str) -> Reply:
    question = Question(f"http://{address}{path}")
    return await fetch(session, question, SystemClock(), deadline_s=_STEP_S)


def _fault(reply: Reply) -> str | None:
    """Why an answer is no JSON object; None: it is one."""
    if reply.fault is not None or reply.http_status != _OK:
        return "no answer to read"
    try:
        content = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        return f"no valid JSON ({exc})"
    return None if isinstance(content, dict) else "JSON, but no object"


def _words(path: str, reply: Reply) -> str:
    told = reply.error or f"HTTP {reply.http_status} in {reply.latency_ms:.0f} ms"
    return f"GET {path}: {told}"
