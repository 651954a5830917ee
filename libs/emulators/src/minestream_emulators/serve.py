"""``python -m minestream_emulators``: a world that runs until it is told to stop."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from minestream_emulators.beyond import beyond
from minestream_emulators.control import serving
from minestream_emulators.control_address import DEFAULT_CONTROL, host_and_port
from minestream_emulators.faults import FaultRefusedError, fault_named
from minestream_emulators.fleet import DEFAULT_PORT, Fleet
from minestream_emulators.inventory import write_inventory
from minestream_emulators.models import DEFAULT_MIX, MIXED_MIX
from minestream_emulators.outside import Outside
from minestream_emulators.running import has_loopback_block, running
from minestream_emulators.troubles import Troubles
from minestream_emulators.world import WorldPlan


def mix_of(entries: list[str], *, mixed: bool = False) -> dict[str, float]:
    """Read ``l9-1.2.7=0.6`` entries; none: the default mix, or that of several makers.

    Raises:
        ValueError: an entry without a number.
    """
    mix: dict[str, float] = {}
    for entry in entries:
        key, _, share = entry.partition("=")
        try:
            mix[key] = float(share)
        except ValueError:
            raise ValueError(f"{entry!r} is not MODEL=SHARE, such as l9-1.2.7=0.6") from None
    return mix or dict(MIXED_MIX if mixed else DEFAULT_MIX)


async def live(
    plan: WorldPlan,
    *,
    port: int,
    replies: Path | None,
    control: tuple[str, int],
    outside: tuple[str, int],
    smtp_port: int,
    inventory: Path | None,
    faults: list[str],
    fault_share: float | None,
    fault_after_s: float,
    fault_for_s: float | None,
) -> None:
    """Open the world, tell the inventory, run until SIGTERM or SIGINT.

    Raises:
        OSError: an address is taken, or a file cannot be written.
    """
    fleet = Fleet(plan, port=port, replies=replies)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    troubles = Troubles(loop.time)
    beside = Outside(fleet, troubles, smtp_port, outside[0])
    async with running(fleet) as directing, beyond(beside, *outside) as (out_host, out_port):
        if inventory is not None:
            write_inventory(inventory, fleet.inventory)
        for fault in faults:
            await fleet.break_miner(
                fault, share=fault_share, after_s=fault_after_s, for_s=fault_for_s
            )
        async with serving(fleet, troubles, *control) as (host, control_port):
            first = next(iter(fleet.stations.values())).address
            typer.echo(
                f"{len(fleet.stations)} miners from {first}, pool and markets at "
                f"{out_host}:{out_port}, control at {host}:{control_port}"
            )
            waiting: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
            await asyncio.wait({waiting, directing}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if directing.done():
                directing.result()


def serve(
    *,
    miners: Annotated[int, typer.Option(min=1, max=10_000)] = 24,
    seed: Annotated[int, typer.Option(help="the same seed, the same world")] = 7,
    site: Annotated[str, typer.Option(help="first part of every miner's id")] = "demo",
    inventory: Annotated[
        Path | None, typer.Option(help="YAML file to write the fleet to", dir_okay=False)
    ] = None,
    replies: Annotated[
        Path | None, typer.Option(help="JSON lines to log every reply to", dir_okay=False)
    ] = None,
    control: Annotated[str, typer.Option(help="where faults are ordered")] = DEFAULT_CONTROL,
    outside: Annotated[
        str, typer.Option(help="where pool, markets, inbox and feature store are")
    ] = "127.0.0.1:0",
    smtp_port: Annotated[
        int, typer.Option(min=0, max=65535, help="where the inbox takes mail; 0: any")
    ] = 0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="of every miner")] = DEFAULT_PORT,
    first_address: Annotated[str, typer.Option(help="of the first miner")] = "127.1.0.1",
    model: Annotated[
        list[str] | None, typer.Option(help="MODEL=SHARE, repeatable; default a scrypt fleet")
    ] = None,
    untold: Annotated[
        float,
        typer.Option(min=0, max=1, help="share of miners known to the inventory by address alone"),
    ] = 0.0,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="a few miners of other makers, over TCP too")
    ] = False,
    fault: Annotated[
        list[str] | None, typer.Option(help="break one miner from the start; repeatable")
    ] = None,
    fault_share: Annotated[
        float | None, typer.Option(help="break this share of the fleet instead")
    ] = None,
    fault_after: Annotated[float, typer.Option(min=0, help="seconds until it begins")] = 0.0,
    fault_for: Annotated[
        float | None, typer.Option(help="seconds that it lasts; default: until healed")
    ] = None,
) -> None:
    """Emulate a fleet of miners on loopback addresses until told to stop.

    Example: python -m minestream_emulators --miners 12 --mixed --inventory fleet.yaml
    """
    try:
        for name in fault or []:
            fault_named(name)
        whole_block = has_loopback_block()
        plan = WorldPlan(
            miners=miners,
            seed=seed,
            site=site,
            mix=mix_of(model or [], mixed=mixed),
            first_address=first_address if whole_block else "127.0.0.1",
            one_address=not whole_block,
            untold=untold,
        )
        asyncio.run(
            live(
                plan,
                port=port,
                replies=replies,
                control=host_and_port(control),
                outside=host_and_port(outside, anywhere=True),
                smtp_port=smtp_port,
                inventory=inventory,
                faults=fault or [],
                fault_share=fault_share,
                fault_after_s=fault_after,
                fault_for_s=fault_for,
            )
        )
    except (OSError, ValueError, FaultRefusedError) as exc:
        Console(stderr=True).print(f"[red]{exc}[/]", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from exc
