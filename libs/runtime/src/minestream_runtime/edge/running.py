"""Runs a site's collectors in one process, told by one file."""

import asyncio
import inspect
import re
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, get_type_hints

import httpx
import structlog
from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError

from minestream_runtime.clock import Clock, SystemClock
from minestream_runtime.collecting.collector import CollectorSettings
from minestream_runtime.collecting.polling import Surroundings
from minestream_runtime.config.marks import PREFIX
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.edge.config import Edge
from minestream_runtime.edge.dead_letters import DeadLetters
from minestream_runtime.edge.key_file import KeyFile
from minestream_runtime.edge.outlet import SiteOutlet
from minestream_runtime.edge.site import SiteInventory, found_out
from minestream_runtime.edge.trust import trusted
from minestream_runtime.edge.unpolled import Unpolled
from minestream_runtime.edge.uploader import Uploader
from minestream_runtime.edge.whose import left_behind, refuse_anothers
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.health import Health
from minestream_runtime.outlet.settings import open_spool
from minestream_runtime.sealing import Sealer
from minestream_schemas.upload import reporter_of

GROUP: Final = "minestream.collectors"
_PREFIX: Final = "collector-"
_CONNECT_S: Final = 5.0
_PLACES: Final = {
    "spool_bytes": ("spool", "most_bytes"),
    "spool_age_s": ("spool", "most_age_s"),
    "gap_after_s": ("spool", "gap_after_s"),
    "poll_interval_s": ("poll", "interval_s"),
    "poll_deadline_s": ("poll", "deadline_s"),
    "in_flight": ("poll", "in_flight"),
    "slow_in_flight": ("poll", "slow_in_flight"),
    "poll_site_rate": ("poll", "site_rate"),
    "poll_calm": ("poll", "calm"),
    "allowed_networks": ("poll", "allowed_networks"),
    "health_host": ("health", "host"),
    "health_port": ("health", "port"),
    "otlp_endpoint": ("trace", "endpoint"),
    "trace_ratio": ("trace", "ratio"),
}
"""Where a setting stands in the file."""
_ALSO: Final = {
    "state_dir": ("spool", "folder"),
    "instance": ("site",),
    "trace_folder": ("trace", "folder"),
}
"""The same, of settings that are made of what the file says."""
_VARIABLE: Final = re.compile(rf"{PREFIX}([A-Z_]+)")
Collect = Callable[[Any, Health, Surroundings], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Collector:
    """One collector of the site.

    Args:
        name: as its entry point calls it.
        collect: polls until cancelled.
        settings: its own, as the site's file has them.
    """

    name: str
    collect: Collect
    settings: CollectorSettings


def available() -> dict[str, EntryPoint]:
    """The collectors that are installed, by the name that files use."""
    return {
        entry.name.removeprefix(_PREFIX): entry
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    }


def collectors_of(edge: Edge) -> list[Collector]:
    """The collectors that a site's file names, with their settings.

    Raises:
        DocumentError: one is not installed or named twice, or its settings are wrong.
    """
    there = available()
    found: list[Collector] = []
    for named in edge.file.collectors:
        entry = there.get(named.removeprefix(_PREFIX))
        if entry is None:
            raise edge.faulty(f"no {named!r}; allowed: {', '.join(there)}", "collectors")
        if entry.name in {each.name for each in found}:
            raise edge.faulty(f"{named!r} is there twice, and would poll all twice", "collectors")
        collect: Collect = entry.load()
        kind = get_type_hints(inspect.unwrap(collect))["settings"]
        found.append(Collector(entry.name, collect, settings_of(edge, kind)))
    return found


def settings_of(edge: Edge, kind: type[CollectorSettings]) -> CollectorSettings:
    """A collector's settings: what the file says, the environment for the rest.

    Args:
        edge: the site's file.
        kind: the collector's own settings.

    Raises:
        DocumentError: something in them is wrong.
    """
    file = edge.file
    folder = edge.path.parent
    given: dict[str, Any] = {
        "instance": file.site,
        "state_dir": folder / file.spool.folder,
        "trace_folder": file.trace.folder and folder / file.trace.folder,
        "log_level": file.log_level,
    }
    for name, (part, key) in _PLACES.items():
        given[name] = getattr(getattr(file, part), key)
    given = {name: value for name, value in given.items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as exc:
        raise DocumentError(_faults(edge, exc, given)) from None


def _faults(edge: Edge, exc: ValidationError, given: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with settings: of the file with its line, of the environment with its name."""
    found: list[Fault] = []
    for each in exc.errors(include_input=False, include_url=False, include_context=False):
        name = str(each["loc"][0]) if each["loc"] else ""
        said = each["msg"].removeprefix("Value error, ")
        if not name:  # each of them is right, but not beside the others
            found.append(Fault(1, said))
        elif name in given:
            found += edge.faulty(said, *_PLACES.get(name, (name,))).faults
        else:
            place = f" ({'.'.join(_PLACES[name])} here goes before it)" if name in _PLACES else ""
            found.append(Fault(1, f"{PREFIX}{name.upper()} of the environment: {said}{place}"))
    return sorted(set(found))


def worded(edge: Edge, said: str) -> str:
    """The same with the file's keys for the variables that services have.

    Args:
        edge: the site's file.
        said: of a ``ConfigurationError``.
    """

    def in_file(found: re.Match[str]) -> str:
        name = found[1].lower()
        at = _PLACES.get(name) or _ALSO.get(name)
        return found[0] if at is None else f"{'.'.join(at)} ({edge.path}:{edge.read.line(at)})"

    return _VARIABLE.sub(in_file, said)


async def run_edge(edge: Edge, collectors: Sequence[Collector], health: Health) -> None:
    """Poll the site's miners and upload what they say, until cancelled.

    Args:
        edge: the site's file.
        collectors: of ``collectors_of``.
        health: gains the collectors' checks, by collector.

    Raises:
        ConfigurationError: the spool or the CA's file cannot be used, or the spool is of another
            site.
    """
    collectors = with_key(collectors)
    settings, clock = collectors[0].settings, SystemClock()
    sealer = Sealer.from_settings(settings)
    if sealer is None:  # for the type checker: there is a key now
        raise ConfigurationError("no key for credentials")
    subject = reporter_of(edge.file.site)
    inventory = SiteInventory(edge, sealer, found_out(edge, settings.state_dir))
    health.notes["file"] = inventory.fault
    timeout = httpx.Timeout(edge.file.upload.deadline_s, connect=_CONNECT_S)
    async with (
        open_spool(settings, clock, subject=subject) as (spool, ledger),
        httpx.AsyncClient(verify=trusted(edge), timeout=timeout) as http,
    ):
        await refuse_anothers(spool, edge.file.site)
        for said in await asyncio.to_thread(left_behind, settings.state_dir, edge.file.site):
            structlog.get_logger().warning("spool_left_behind", reason=said)
        letters = DeadLetters(settings.state_dir / f"{subject}.refused.jsonl")
        uploader = _uploader(edge, http, clock, letters)
        key_file = KeyFile(edge, uploader.take_key)
        health.notes["key"] = key_file.fault
        health.notes["gateway"] = uploader.fault
        health.notes["spool"] = spool.fault
        health.notes["clock"] = uploader.clock_fault
        outlet = SiteOutlet(
            uploader,
            spool,
            ledger,
            clock,
            learn=inventory.learn,
            subject=subject,
            gap_after_s=settings.gap_after_s,
            site_id=edge.file.site,
        )
        around = Surroundings(inventory.source, outlet)
        unpolled = Unpolled(
            inventory,
            outlet,
            clock,
            collectors=len(collectors),
            others=others_than(collectors),
            collector_id=subject,
            interval_s=settings.poll_interval_s,
        )
        health.notes["unpolled"] = unpolled.fault

        def look() -> None:
            inventory.look()
            key_file.look()

        with _hangup(look):
            async with asyncio.TaskGroup() as group:
                group.create_task(uploader.run())
                group.create_task(inventory.run())
                group.create_task(key_file.run())
                group.create_task(unpolled.run())
                for each in collectors:
                    own = Health()
                    _show(health, each.name, own)
                    group.create_task(_collected(each, own, around))


def _uploader(edge: Edge, http: httpx.AsyncClient, clock: Clock, letters: DeadLetters) -> Uploader:
    upload = edge.file.upload
    return Uploader(
        http,
        edge.file.gateway,
        edge.key,
        clock,
        letters,
        most_items=upload.most_items,
        most_bytes=upload.most_bytes,
        linger_s=upload.linger_s,
        deadline_s=upload.deadline_s,
    )


def others_than(collectors: Sequence[Collector]) -> list[str]:
    """The collectors that are installed, and not the site's."""
    ours = {each.name for each in collectors}
    return [short for short, entry in available().items() if entry.name not in ours]


def with_key(collectors: Sequence[Collector]) -> Sequence[Collector]:
    """Miners' credentials lie sealed in memory too: with the environment's key, or one of ours."""
    if Sealer.from_settings(collectors[0].settings) is not None:
        return collectors
    ours = {"credentials_key": SecretStr(Fernet.generate_key().decode())}
    return [replace(each, settings=each.settings.model_copy(update=ours)) for each in collectors]


async def _collected(each: Collector, health: Health, around: Surroundings) -> None:
    await each.collect(each.settings, health, around)


def _show(health: Health, name: str, own: Health) -> None:
    """Have a collector's checks and notes among the process's."""

    def joined(said: Callable[[], Mapping[str, str]]) -> Callable[[], str | None]:
        return lambda: "; ".join(f"{what}: {why}" for what, why in said().items()) or None

    health.checks[name] = joined(own.faults)
    health.notes[name] = joined(own.remarks)


@contextmanager
def _hangup(then: Callable[[], None]) -> Iterator[None]:
    """While the block runs, SIGHUP does this; systems without it have the file's changes alone."""
    loop, sign = asyncio.get_running_loop(), getattr(signal, "SIGHUP", None)
    if sign is not None:
        loop.add_signal_handler(sign, then)
    try:
        yield
    finally:
        if sign is not None:
            loop.remove_signal_handler(sign)
