"""``minestream pool``: do accounts answer, and what must a miner's settings say for its pool?"""

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from collector_pool.adapters.accounts_file import load_accounts
from collector_pool.adapters.asking import Asker, Way, manners
from collector_pool.domain.cycles import Given
from minestream_dialects.pools import POOLS
from minestream_dialects.pools.port import Account, Span
from minestream_dialects.pools.stratum import login_of
from minestream_runtime.clock import Clock, SystemClock
from minestream_runtime.command.terminal import EXIT_FAILED, EXIT_USAGE, Screen, refuse
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.logs import hush
from minestream_runtime.polite import PoliteClient
from minestream_schemas.raw import PollStatus
from minestream_schemas.units import Algorithm

_MOST_APART_S: Final = 5.0
"""Somebody waits."""
_PROHASHING: Final = "us.mining.prohashing.com:3333"
app = typer.Typer(no_args_is_help=True, help="Pools: what miners need to know of them.")


@app.callback()
def pool() -> None:
    """Pools: what miners need to know of them."""
    hush()


@app.command("worker-url")
def worker_url(
    worker: Annotated[str, typer.Argument(help="its name, as the inventory has it")],
    *,
    account: Annotated[str, typer.Option(help="at the pool: user, or address mined to")],
    address: Annotated[
        str | None,
        typer.Option(help=f"host:port of the pool's stratum server; at Prohashing {_PROHASHING}"),
    ] = None,
    at: Annotated[str, typer.Option(help=f"the pool: prohashing, {', '.join(sorted(POOLS))} …")] = (
        "prohashing"
    ),
    algorithm: Annotated[Algorithm, typer.Option(help="where a pool has several")] = (
        Algorithm.SCRYPT
    ),
    scheme: Annotated[
        str | None, typer.Option(help="PPLNS, PPS or SOLO, where the worker chooses")
    ] = None,
) -> None:
    """Print the URL of a worker, and its parts as a miner's settings take them.

    Example: minestream pool worker-url l9-01 --account farm
    """
    address = address or (_PROHASHING if at == "prohashing" else None)
    if address is None:
        refuse(
            f"--address HOST:PORT is wanted: the stratum server of {at}, as its page says",
            EXIT_USAGE,
        )
    try:
        login = login_of(
            at, address, account=account, worker=worker, algorithm=algorithm, scheme=scheme
        )
    except ValueError as exc:
        refuse(str(exc), EXIT_USAGE)
    out = Screen(highlight=False, soft_wrap=True, markup=False)
    out.print(login.url)
    out.print(f"pool      stratum+tcp://{address}")
    out.print(f"user      {login.user}")
    out.print(f"password  {login.password}")


@app.command()
def check(
    file: Annotated[
        Path,
        typer.Option(envvar="MINESTREAM_POOLS_FILE", dir_okay=False, help="YAML with the accounts"),
    ],
    account: Annotated[list[str] | None, typer.Argument(help="only these; any by default")] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per line: of each call.")
    ] = False,
) -> None:
    """Ask every account once, and say what answered, what refused us, what limits us until when.

    It asks as politely as the collector does, and beside it: a pool may limit both together. Exit
    codes: 0 every call is answered; 1 one is not, or the file has faults; 2 wrong usage.

    Example: minestream pool check --file pools.yaml ltc-main
    """
    out = Screen(highlight=False, soft_wrap=True, markup=False)
    try:
        accounts = load_accounts(file, os.environ)
    except ConfigurationError as exc:
        refuse(str(exc))
    if unknown := set(account or ()) - {each.account_id for each in accounts}:
        refuse(f"{file}: no account {', '.join(sorted(unknown))}", EXIT_USAGE)
    wanted = [each for each in accounts if not account or each.account_id in account]
    well = True
    for each in wanted:
        given = asyncio.run(_ask_once(each))
        well = well and all(one.status is PollStatus.OK for one in given)
        for line in _objects(each, given) if as_json else _lines(each, given):
            out.print(line)
    if not well:
        raise typer.Exit(EXIT_FAILED)


async def _ask_once(account: Account) -> list[Given]:
    """All calls of an account, also when one is refused: a key may have leave for some alone."""
    clock, pool = SystemClock(), POOLS[account.pool]
    url = account.url or pool.url
    treated = replace(manners(min(pool.apart_s, _MOST_APART_S)), tries=1)
    async with PoliteClient(pool.name, url, clock, manners=treated) as client:
        way, now = Way(client), clock.now()
        asked = pool.calls(account, Span(now, now))
        return [await _asker(account, way, clock).ask(call) for call in asked]


def _asker(account: Account, way: Way, clock: Clock) -> Asker:
    return Asker(
        POOLS[account.pool],
        way,
        clock,
        interval_s=account.interval_s,
        stale_most_s=0.0,
        refused_s=0.0,
    )


def _objects(account: Account, given: Sequence[Given]) -> Iterator[str]:
    for one in given:
        ok = one.status is PollStatus.OK
        said = {
            "account_id": account.account_id,
            "pool": account.pool,
            "call": one.name,
            "ok": ok,
            "status": one.status.value,
            "why": None if ok else one.why,
            "not_before": None if one.not_before is None else one.not_before.isoformat(),
        }
        yield json.dumps(said)


def _lines(account: Account, given: Sequence[Given]) -> Iterator[str]:
    for one in given:
        said = "answers" if one.status is PollStatus.OK else one.why
        yield f"{account.account_id}  {one.name}: {said}"
    held = [one.not_before for one in given if one.not_before is not None]
    if held:
        yield (
            f"{account.account_id}  {account.pool} limits us until {max(held):%Y-%m-%d %H:%M:%S} "
            "UTC; meanwhile the collector shows its last answers, marked stale"
        )
