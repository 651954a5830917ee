"""``minestream inventory reseal``: every box of credentials made anew with the newest key."""

from typing import Final

import typer

from api_gateway.adapters.bringing import changed, publish_up_to, settle
from api_gateway.adapters.database import fleet, open_writer
from api_gateway.adapters.terminal import CONSOLE, progress, step
from api_gateway.domain.inventory import Changes
from api_gateway.settings import GatewaySettings
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.inventory.sealing import Resealed
from minestream_runtime.inventory.sealing import reseal as reseal_fleet
from minestream_runtime.sealing import Sealer

_SHOWN: Final = 100


def reseal() -> None:
    """Seal every box of credentials with the newest key, and tell the collectors.

    The newest key is the first of MINESTREAM_CREDENTIALS_KEY (or _FILE); those of the boxes stand
    behind it. Exit code 1 where a box does not open: it stays as it is.

    Example: minestream inventory reseal
    """
    made, last = changed(_reseal())
    typer.echo(
        f"{len(made.entries)} sealed anew, {made.current} were already, "
        f"{len(made.unopened)} do not open"
    )
    for miner_id, why in list(made.unopened.items())[:_SHOWN]:
        CONSOLE.print(f"{miner_id}: {why}", markup=False, soft_wrap=True)
    if len(made.unopened) > _SHOWN:
        CONSOLE.print(f"… and {len(made.unopened) - _SHOWN} more")
    if last is not None:
        publish_up_to(last)
    if made.unopened:
        raise typer.Exit(1)


async def _reseal() -> tuple[Resealed, int | None]:
    settings = GatewaySettings.load()
    sealer = Sealer.from_settings(settings)
    if sealer is None:
        raise ConfigurationError(
            "neither MINESTREAM_CREDENTIALS_KEY nor MINESTREAM_CREDENTIALS_KEY_FILE is set"
        )
    async with open_writer(settings) as writer, fleet.changing(writer) as connection:
        with progress() as bar:
            made = reseal_fleet(
                await fleet.read_fleet(connection),
                sealer,
                advanced=step(bar, "sealing"),
            )
            last = await fleet.apply(
                connection,
                Changes(changed=tuple(made.entries)),
                advanced=step(bar, "writing"),
            )
        await settle()
    return made, last
