"""``minestream pool``: what a miner's settings must say so that a pool knows its worker."""

from typing import Annotated

import typer
from rich.console import Console

from minestream_dialects.pools.stratum import login_of
from minestream_schemas.units import Algorithm

app = typer.Typer(no_args_is_help=True, help="Pools: what miners need to know of them.")


@app.callback()
def pool() -> None:
    """Pools: what miners need to know of them."""


@app.command("worker-url")
def worker_url(
    worker: Annotated[str, typer.Argument(help="its name, as the inventory has it")],
    *,
    account: Annotated[str, typer.Option(help="at the pool: user, or address mined to")],
    address: Annotated[
        str, typer.Option(help="host:port of the pool's stratum server")
    ] = "us.mining.prohashing.com:3333",
    at: Annotated[str, typer.Option(help="the pool's name")] = "prohashing",
    algorithm: Annotated[Algorithm, typer.Option(help="where a pool has several")] = (
        Algorithm.SCRYPT
    ),
    scheme: Annotated[
        str | None, typer.Option(help="PPLNS, PPS or SOLO, where the worker chooses")
    ] = None,
) -> None:
    """Print the URL of a worker, and its parts as a miner's settings take them."""
    try:
        login = login_of(
            at, address, account=account, worker=worker, algorithm=algorithm, scheme=scheme
        )
    except ValueError as exc:
        Console(stderr=True).print(f"[red]{exc}[/]", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from exc
    out = Console(highlight=False, soft_wrap=True, markup=False)
    out.print(login.url)
    out.print(f"pool      stratum+tcp://{address}")
    out.print(f"user      {login.user}")
    out.print(f"password  {login.password}")
