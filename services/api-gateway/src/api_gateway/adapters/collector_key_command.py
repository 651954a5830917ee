"""``minestream collector-key``: the keys with which collectors at other sites upload."""

import json
import logging
import secrets
import sys
from typing import Annotated, Any

import typer

from api_gateway.adapters.database import open_writer
from api_gateway.adapters.database.collectors import (
    create_key,
    give_name,
    list_keys,
    revoke_key,
)
from api_gateway.adapters.terminal import check_site
from api_gateway.domain.collector.keys import PREFIX, RANDOM_BYTES, digest_of
from api_gateway.settings import GatewaySettings
from minestream_runtime.command.terminal import console, refuse, run, table

app = typer.Typer(no_args_is_help=True, help="Keys of collectors at other sites.")


@app.callback()
def quiet() -> None:
    """Keys of collectors at other sites."""
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)


@app.command()
def create(
    *,
    site: Annotated[
        str,
        typer.Option(help="The one site that it may upload for.", metavar="SITE"),
    ],
    name: Annotated[str, typer.Option(help="To tell a site's keys apart.")] = "edge",
) -> None:
    """Make a key and show it, this once: only its SHA-256 is kept.

    Example: minestream collector-key create --site texas
    """
    check_site(site)
    key = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)

    async def kept() -> int:
        async with (
            open_writer(GatewaySettings.load()) as writer,
            writer.connection() as connection,
        ):
            return await create_key(connection, site_id=site, name=name, digest=digest_of(key))

    number = run(kept())
    sys.stdout.write(f"{key}\n")
    typer.echo(
        f"key {number} ({name}) of {site}: keep it where the site's collector finds it, and "
        "nowhere else; it cannot be shown again",
        err=True,
    )


@app.command("list")
def list_(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False
) -> None:
    """Show all keys: whose, last used when, how many unlisted miners it claims. Never the key.

    Example: minestream collector-key list --json
    """

    async def found() -> list[dict[str, Any]]:
        async with (
            open_writer(GatewaySettings.load()) as writer,
            writer.connection() as connection,
        ):
            return await list_keys(connection)

    rows = [{k: _shown(v) for k, v in row.items()} for row in run(found())]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    shown = table("key", "site", "name", "created", "last used", "revoked", "claims")
    for row in rows:
        shown.add_row(*("" if value is None else str(value) for value in row.values()))
    console().print(shown, markup=False)
    typer.echo(f"{len(rows)} keys", err=True)


@app.command()
def revoke(key: Annotated[int, typer.Argument(help="Its number, as `list` shows it.")]) -> None:
    """Let a key upload no more, and free the names that it told last; known within seconds.

    Example: minestream collector-key revoke 3
    """

    async def gone() -> tuple[str, str] | None:
        async with (
            open_writer(GatewaySettings.load()) as writer,
            writer.connection() as connection,
        ):
            return await revoke_key(connection, key)

    found = run(gone())
    if found is None:
        refuse(f"there is no key {key}")
    typer.echo(f"key {key} ({found[1]}) of {found[0]} is revoked", err=True)


@app.command()
def give(
    name: Annotated[str, typer.Argument(help="Of a miner that no inventory has, or a collector.")],
    *,
    site: Annotated[str, typer.Option(help="Whose it is from now on.", metavar="SITE")],
) -> None:
    """Say whose a name is, where another site's collector told it first; known in a minute.

    Example: minestream collector-key give texas-r01-s01 --site texas
    """
    check_site(site)

    async def given() -> bool:
        async with (
            open_writer(GatewaySettings.load()) as writer,
            writer.connection() as connection,
        ):
            return await give_name(connection, name, site_id=site)

    if not run(given()):
        refuse(f"{name} is in the inventory: its site there counts")
    typer.echo(f"{name} is {site}'s", err=True)


def _shown(value: Any) -> Any:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(value, "strftime") else value
