"""``minestream diagnose prohashing``: what of the way to the pool works, step by step."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from collector_pool.adapters.feed import door_of
from collector_pool.adapters.service import clients
from collector_pool.adapters.wamp import Link, joined
from collector_pool.domain.hiding import hider
from collector_pool.domain.profiles import Profile, call_of, keyed
from collector_pool.domain.sayings import HTTP, Saying, answered, updating
from collector_pool.settings import PoolSettings
from minestream_dialects.prohashing import normalise_pool
from minestream_dialects.unreadable import UnreadableError
from minestream_runtime.clock import Clock, SystemClock, new_event_id
from minestream_runtime.command.diagnosis import Step, show
from minestream_runtime.errors import SourceRejectedError, SourceUnavailableError
from minestream_runtime.polite import Answer, PoliteClient
from minestream_schemas.pool import PoolMessage, PoolRate, RawPool
from minestream_schemas.raw import PollStatus

_NO_KEY: Final = "set MINESTREAM_POOL_API_KEY to your account's key"


def prohashing(
    *, as_json: Annotated[bool, typer.Option("--json", help="the steps as JSON")] = False
) -> None:
    """Try the way to Prohashing: key, health, authentication, freshness, rates. Exit 1: one failed.

    It is the account of MINESTREAM_POOL_PROFILE (none: live) and MINESTREAM_POOL_API_KEY.

    Example: MINESTREAM_POOL_API_KEY=… minestream diagnose prohashing --json
    """
    steps = asyncio.run(diagnosed(PoolSettings.load(), SystemClock()))
    raise typer.Exit(show("Prohashing", steps, as_json=as_json))


async def diagnosed(settings: PoolSettings, clock: Clock) -> list[Step]:
    """Every step, in order; none of them holds the account's key.

    Args:
        settings: the account; without a profile it is looked at as ``live``.
        clock: tells how old rates are.
    """
    profile = settings.profile() or settings.profile_of("live")
    hide = hider(settings.key)
    steps = [_key_given(settings)]
    async with clients(settings, profile, clock) as (http, proxy):
        if http is not None:
            answer = await http.ask("status")
            steps.append(_health(answer, "health (HTTP)"))
            steps += [await _wallet(http, settings)] if settings.key else []
        if proxy is not None:
            answer = await proxy.ask("status")
            steps.append(_proxy_health(answer))
            rates = await proxy.ask("profitability")
            steps += _rates(rates.body, rates.error, clock, settings)
        if profile.wamp_url is not None:
            steps += await _over_wamp(settings, profile, clock)
    return [
        replace(step, found=hide(step.found), advice="" if step.ok else step.advice)
        for step in steps
    ]


def _key_given(settings: PoolSettings) -> Step:
    if settings.key:
        return Step("key", ok=True, found=f"given, {len(settings.key)} characters")
    return Step("key", ok=False, found="none", advice=_NO_KEY)


def _health(answer: Answer, name: str) -> Step:
    ok = answer.status is PollStatus.OK
    found = f"HTTP {answer.http_status} in {answer.latency_ms:.0f} ms" if ok else answer.error
    advice = "is this machine on the internet, and MINESTREAM_POOL_HTTP_URL right?"
    return Step(name, ok, found or answer.status.value, advice)


def _proxy_health(answer: Answer) -> Step:
    step = _health(answer, "health (proxy)")
    if not step.ok:
        return Step(step.name, ok=False, found=step.found, advice="does the proxy run?")
    fed = updating(_decoded(answer.body))
    found = f"{step.found}; its feed is {'alive' if fed else 'not updating'}"
    return Step(step.name, fed, found, "restart the proxy, or use MINESTREAM_POOL_PROFILE=live")


async def _wallet(http: PoliteClient, settings: PoolSettings) -> Step:
    answer = await http.ask("wallet", params={"apiKey": settings.pool_api_key or ""})
    error: str | None = answer.error or answer.status.value
    if answer.status is PollStatus.OK:
        asked = Saying(HTTP, PoolMessage.WALLET, answer.fetched_at)
        error = answered(asked, (answer.body or b"").decode(errors="replace"))[0].error
    found = error or "the key is taken"
    return Step("authentication (HTTP)", error is None, found, "is the key right, and still valid?")


async def _over_wamp(settings: PoolSettings, profile: Profile, clock: Clock) -> list[Step]:
    steps: list[Step] = []
    try:
        async with joined(door_of(settings, profile)) as link:
            where = f"realm {profile.realm} as {profile.authid or 'nobody'}"
            steps.append(Step("feed (WAMP)", ok=True, found=f"joined {where}"))
            steps += await _asked(link, profile, settings, clock)
    except SourceRejectedError as exc:
        advice = "MINESTREAM_POOL_REALM, _AUTH, _AUTHID and _SECRET: are they the pool's?"
        steps.append(Step("feed (WAMP)", ok=False, found=str(exc), advice=advice))
    except SourceUnavailableError as exc:
        advice = "is MINESTREAM_POOL_WAMP_URL right, and port 443 open to it?"
        steps.append(Step("feed (WAMP)", ok=False, found=str(exc), advice=advice))
    return steps


async def _asked(link: Link, profile: Profile, settings: PoolSettings, clock: Clock) -> list[Step]:
    steps: list[Step] = []
    worker = profile.procedures.get(PoolMessage.WORKER)
    if worker is not None and keyed(worker):
        async with _step("authentication (WAMP)", steps, "is the key right, and still valid?"):
            said = await _called(link, worker, settings)
            count = len(said) if isinstance(said, list | dict) else 0
            steps.append(Step("authentication (WAMP)", ok=True, found=f"{count} workers"))
    rates = profile.procedures.get(PoolMessage.PROFITABILITY)
    if rates is None:
        steps.append(Step("rates", ok=True, found="not asked: this profile listens for them"))
        return steps
    async with _step("rates", steps, "the pool says so itself: try again later"):
        said = await _called(link, rates, settings)
        steps += _rates(json.dumps(said).encode(), None, clock, settings)
    return steps


@asynccontextmanager
async def _step(name: str, steps: list[Step], advice: str) -> AsyncIterator[None]:
    """A step that fails as sources do."""
    try:
        yield
    except (SourceRejectedError, SourceUnavailableError) as exc:
        steps.append(Step(name, ok=False, found=str(exc), advice=advice))


async def _called(link: Link, name: str, settings: PoolSettings) -> Any:
    procedure, arguments = call_of(name, settings.key)
    return await link.call(procedure, *arguments)


def _rates(
    body: bytes | None, error: str | None, clock: Clock, settings: PoolSettings
) -> list[Step]:
    """How old the newest rate is, and how many there are."""
    if error is not None:
        return [Step("rates", ok=False, found=error, advice="try again later")]
    at = clock.now()
    raw = RawPool(
        event_id=new_event_id(at),
        account_id=settings.pool_account,
        subject=settings.pool_account,
        collector_id=settings.collector_id,
        pool="prohashing",
        dialect="prohashing-wamp",
        message=PoolMessage.PROFITABILITY,
        received_at=at,
        status=PollStatus.OK,
        body=(body or b"").decode(errors="replace"),
    )
    try:
        told = [r for r in normalise_pool(raw, miner_of=lambda _: None) if isinstance(r, PoolRate)]
    except UnreadableError as exc:
        return [Step("rates", ok=False, found=str(exc), advice="try again later")]
    said = _decoded(body)
    count = len(said) if isinstance(said, Mapping) else 0
    worded = ", ".join(
        f"{rate.algorithm} {rate.usd_per_hs_day * 1e9:.4g} USD/GH/day"
        for rate in told
        if rate.usd_per_hs_day is not None
    )
    rates = Step("rates", bool(told), f"{count} algorithms: {worded}", "none that we mine is told")
    if not told:
        return [rates]
    age = at - max(rate.ts for rate in told)
    fresh = age <= timedelta(seconds=settings.pool_fresh_s)
    found = f"the newest rate is {max(age.total_seconds(), 0):.0f} s old"
    advice = f"older than {settings.pool_fresh_s:.0f} s: the pool computes nothing new just now"
    return [Step("freshness", fresh, found, advice), rates]


def _decoded(body: bytes | None) -> object:
    try:
        said: object = json.loads(body or b"null")
    except (ValueError, RecursionError):
        return None
    return said
