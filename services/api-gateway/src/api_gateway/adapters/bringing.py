"""Brings the fleet to what is wanted, and tells the collectors."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, TypeVar

from rich.progress import Progress

from api_gateway.adapters.database import Writer, fleet, open_writer
from api_gateway.adapters.database.outbox import OUTBOX
from api_gateway.adapters.relay import relay_of
from api_gateway.adapters.terminal import CONSOLE, progress, step
from api_gateway.domain.inventory import Changes, compare, removes_most, taken_addresses
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.command.terminal import EXIT_INTERRUPTED, refuse, run
from minestream_runtime.database.outbox import Relay
from minestream_runtime.devices.addresses import family_of, split
from minestream_runtime.devices.networks import Networks
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.errors import BrokerUnavailableError, ConfigurationError
from minestream_runtime.inventory.advance import Advanced
from minestream_runtime.inventory.reading import Wanted
from minestream_runtime.inventory.sealing import sealed_fleet
from minestream_runtime.kafka import Producer, topic_states
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import INVENTORY, Fleet, InventoryEntry

_RELAY_WAIT_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.1
_SHOWN: Final = 10

_INTERRUPTED: Final = (
    "interrupted: all of it is written; what is not sent yet waits in the outbox, and the gateway "
    "sends it as soon as it can"
)
Wish = Callable[[Fleet, Advanced], Wanted]
"""What a file wants the fleet to be, given the fleet as it is; tells how far it has come."""
T = TypeVar("T")


def changed(work: Coroutine[Any, Any, T]) -> T:
    """Do what changes the fleet: where Ctrl-C ends it, say that nothing has changed.

    Args:
        work: goes through ``settle`` before it commits.
    """
    before = signal.getsignal(signal.SIGINT)
    try:
        return run(_interrupted_or(work))
    except KeyboardInterrupt:
        refuse("interrupted: nothing was written", EXIT_INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, before)


async def _interrupted_or(work: Coroutine[Any, Any, T]) -> T:
    """Whatever ends a work that is being cancelled: the driver fails in ways of its own then."""
    try:
        return await work
    except Exception as exc:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from exc
        raise


async def settle() -> None:
    """From here on Ctrl-C comes too late: nobody could say what became of a commit it cut."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    await asyncio.sleep(0)  # one that came before still takes all of it back


def bring(
    wish: Wish, *, prune: bool, dry_run: bool, yes: bool, site_id: str | None = None
) -> tuple[Changes, int | None]:
    """Bring the fleet to what is wanted, in one transaction, or say why not and end the command.

    Args:
        wish: what that is, given the fleet as it is.
        prune: remove miners that are not wanted.
        dry_run: change nothing.
        yes: removing most of the fleet is meant.
        site_id: the one site of which miners are removed; None: of any.

    Returns:
        what changes, and the last outbox row to publish; None: nothing is to be published.

    Raises:
        DocumentError: what is wanted cannot be had.
        typer.Exit: it was interrupted, most of the fleet would be removed, or the database is
            away; which has been told.
    """
    return changed(_bring(wish, prune=prune, dry_run=dry_run, yes=yes, site_id=site_id))


async def _bring(
    wish: Wish, *, prune: bool, dry_run: bool, yes: bool, site_id: str | None
) -> tuple[Changes, int | None]:
    settings = GatewaySettings.load()
    sealer = Sealer.from_settings(settings)
    async with AsyncExitStack() as stack:
        bar = stack.enter_context(progress())
        step(bar, "waiting for the database")
        writer = await stack.enter_async_context(open_writer(settings))
        connection = await stack.enter_async_context(fleet.changing(writer))
        step(bar, "reading the fleet")
        there = await fleet.read_fleet(connection)
        wanted = wish(there, step(bar, "reading the file"))
        target = sealed_fleet(wanted, there, sealer, advanced=step(bar, "sealing credentials"))
        changes = compare(there, target, prune=prune, site_id=site_id)
        if not prune:
            _check_addresses(there, target, wanted)
        _warn_of_outside((*changes.added, *changes.changed), settings.networks)
        stood = len(there.of_site(site_id).miners)
        if removes_most(changes, stood) and not (yes or dry_run):
            raise ConfigurationError(
                f"--prune would remove {len(changes.removed)} of {stood} miners and "
                "nothing was written: add --yes if that is meant"
            )
        advanced = step(bar, "writing")
        last = None if dry_run else await fleet.apply(connection, changes, advanced=advanced)
        await settle()
    return changes, last


def _check_addresses(there: Fleet, target: Fleet, wanted: Wanted) -> None:
    faults = [
        Fault(
            wanted.lines[miner_id],
            f"{miner_id}: its address {target.miners[miner_id].address} belongs to {holder}, "
            "which is in the fleet and not in this file (--prune would remove it)",
        )
        for miner_id, holder in taken_addresses(there, target)
    ]
    if faults:
        raise DocumentError(sorted(faults))


def _warn_of_outside(entries: Sequence[InventoryEntry], allowed: Networks) -> None:
    """Say which miners no collector will ask; where a name leads, only a collector learns."""
    hosts = ((entry, split(entry.address)[0]) for entry in entries)
    outside = [
        f"{entry.miner_id} ({host})"
        for entry, host in hosts
        if family_of(host) is not None and not allowed.allows(host)
    ]
    if outside:
        more = f" and {len(outside) - _SHOWN} more" if len(outside) > _SHOWN else ""
        CONSOLE.print(
            f"outside of MINESTREAM_ALLOWED_NETWORKS, so no collector asks them: "
            f"{', '.join(outside[:_SHOWN])}{more}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


def publish_up_to(last: int) -> None:
    """Send what a change put into the outbox, and say how that went.

    Args:
        last: the last row of the change.
    """
    try:
        left, reason = run(_relay(last))
    except KeyboardInterrupt:
        refuse(_INTERRUPTED, EXIT_INTERRUPTED)
    if left == 0:
        CONSOLE.print("published to the collectors")
    else:
        CONSOLE.print(
            f"{left} events wait in the outbox ({reason}); "
            "the gateway sends them as soon as it can",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


async def read_whole() -> Fleet:
    """The fleet as it is.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with progress() as bar:
        step(bar, "reading the fleet")
        return await _read_whole()


async def _read_whole() -> Fleet:
    async with (
        open_writer(GatewaySettings.load()) as writer,
        writer.connection() as connection,
    ):
        return await fleet.read_fleet(connection)


async def _relay(last: int) -> tuple[int, str]:
    """Send what waits, or see the running relay do it; how many still wait, and why."""
    settings = GatewaySettings.load()
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(open_writer(settings))
        producer = await stack.enter_async_context(Producer(settings, deadline_s=_RELAY_WAIT_S))
        bar = stack.enter_context(progress())
        try:
            [topic] = await topic_states(settings, [INVENTORY])
            if topic.partitions is None:
                return await _waiting(writer, last), f"there is no topic {topic.name}"
            await _drained(relay_of(settings, writer, producer, SystemClock()), writer, last, bar)
        except BrokerUnavailableError as exc:
            return await _waiting(writer, last), str(exc)
        return await _waiting(writer, last), "the gateway's relay has not come to them yet"


async def _drained(relay: Relay, writer: Writer, last: int, bar: Progress) -> None:
    """Drain, or wait as long as another relay makes headway."""
    total = left = await _waiting(writer, last)
    task = bar.add_task("publishing", total=total)
    idle_s = 0.0
    while not await relay.drain(advanced=lambda sent: bar.advance(task, sent)):
        before, left = left, await _waiting(writer, last)
        bar.update(task, completed=total - left)
        idle_s = idle_s + _LOOK_EVERY_S if left == before else 0.0
        if left == 0 or idle_s >= _RELAY_WAIT_S:
            return
        await asyncio.sleep(_LOOK_EVERY_S)


async def _waiting(writer: Writer, last: int) -> int:
    async with writer.connection() as connection:
        return await OUTBOX.count_waiting(connection, up_to=last)
