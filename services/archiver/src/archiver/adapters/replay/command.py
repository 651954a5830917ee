"""``minestream replay``: telemetry built anew from the lake, and compared with the database."""

import asyncio
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from archiver.adapters.replay import shown
from archiver.adapters.replay.catalogue import LakeFile, holdings, lacks, look
from archiver.adapters.replay.checking import Comparison, compare
from archiver.adapters.replay.polls import Told, Wanted, polls
from archiver.adapters.replay.rebuilding import Built, prepare, rebuild
from archiver.settings import ArchiverSettings
from minestream_dialects import normalise
from minestream_runtime.clock import SystemClock
from minestream_runtime.command.terminal import console, refuse
from minestream_runtime.database import Role, open_pool, store_errors
from minestream_runtime.errors import ConfigurationError, MinestreamError
from minestream_schemas.raw import RAW_MINER

EXIT_DIFFERS: Final = 1
EXIT_NOT_DONE: Final = 2
_STATEMENT_S: Final = 3600.0
_SCHEMA: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DAY_ALONE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be rebuilt.

    Args:
        schema: where to.
        replace: drop an older replay of that name.
        check: compare it afterwards.
        wanted: which polls.
    """

    schema: str
    replace: bool
    check: bool
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Result:
    """What a replay came to."""

    told: Told
    built: Built
    comparison: Comparison | None


def replay(
    *,
    schema: Annotated[
        str | None, typer.Option(help="where to build it; default: replay_ and today's date")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="drop an older replay first")] = False,
    since: Annotated[
        str | None, typer.Option("--from", help="polls of this day or instant (UTC) and later")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="polls before this instant, or up to this day's end")
    ] = None,
    miner: Annotated[
        list[str] | None, typer.Option(help="this miner alone; may be repeated")
    ] = None,
    check: Annotated[bool, typer.Option(help="compare with telemetry_v1 afterwards")] = True,
    lake: Annotated[
        Path | None, typer.Option(help="the lake's folder; default: MINESTREAM_LAKE_FOLDER")
    ] = None,
    only_list: Annotated[bool, typer.Option("--list", help="tell what the lake holds")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the result as one JSON object")] = False,
) -> None:
    """Rebuild telemetry from the lake into a schema of its own, and compare it, day by day.

    Exit codes: 0 it agrees (or was only built); 1 it differs, and where is told; 2 it could not
    be done: no lake, no database, the schema is there.
    """
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    try:
        settings = ArchiverSettings.load()
        folder = lake or settings.lake
        if only_list:
            _list(folder, as_json=as_json)
            return
        wanted = Wanted(_instant(since), _instant(until, whole_day=True), frozenset(miner or ()))
        order = Order(_schema(schema), replace, check, wanted)
        files, unreadable = look(folder, RAW_MINER.subject)
        shown.lacking(console(stderr=True), list(lacks(files, folder)), unreadable)
        result = asyncio.run(_run(settings, order, files))
    except MinestreamError as exc:
        refuse(f"minestream replay: {exc}", EXIT_NOT_DONE)
    _tell(order, result, as_json=as_json)
    if result.comparison is not None and not result.comparison.agrees:
        raise typer.Exit(EXIT_DIFFERS)


async def _run(settings: ArchiverSettings, order: Order, files: list[LakeFile]) -> Result:
    chosen = [file for file in files if order.wanted.may_hold(file)]
    if not chosen:
        raise ConfigurationError("the lake holds no polls of that time: see `--list`")
    async with open_pool(
        settings, Role.OWNER, name="replay", most=1, statement_timeout_s=_STATEMENT_S
    ) as pool:
        with store_errors():
            async with pool.connection() as connection:
                about = f"of {len(chosen)} files, {SystemClock().now():%Y-%m-%d %H:%M} UTC"
                types = await prepare(connection, order.schema, replace=order.replace, about=about)
                told = Told()
                with _progress(sum(file.rows for file in chosen)) as progress:
                    built = await rebuild(
                        connection,
                        order.schema,
                        types,
                        polls(chosen, order.wanted, told),
                        read=partial(normalise, healthy_chips_ratio=settings.healthy_chips_ratio),
                        progress=lambda: progress(told.records),
                    )
                comparison = None
                if order.check:
                    open_s = timedelta(seconds=settings.archive_file_age_s)
                    archived = None if order.wanted.miners else SystemClock().now() - open_s
                    comparison = await compare(connection, order.schema, archived=archived)
    return Result(told, built, comparison)


@contextmanager
def _progress(records: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; nothing elsewhere."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("records", total=records)
        yield lambda done: bar.update(task, completed=done)


def _tell(order: Order, result: Result, *, as_json: bool) -> None:
    if as_json:
        typer.echo(
            json.dumps(shown.described(order.schema, result.told, result.built, result.comparison))
        )
        return
    out = console()
    shown.built(out, order.schema, result.told, result.built)
    if result.comparison is not None:
        shown.compared(out, result.comparison)


def _list(folder: Path, *, as_json: bool) -> None:
    files, unreadable = look(folder)
    found, missing = holdings(files), list(lacks(files, folder))
    if as_json:
        typer.echo(json.dumps(shown.listed(folder, found, missing, unreadable)))
        return
    shown.held(console(), folder, found)
    shown.lacking(console(stderr=True), missing, unreadable)


def _schema(name: str | None) -> str:
    chosen = name or f"replay_{SystemClock().now():%Y%m%d}"
    if not _SCHEMA.fullmatch(chosen):
        raise typer.BadParameter(
            "a schema's name is small letters, digits and _", param_hint="--schema"
        )
    return chosen


def _instant(text: str | None, *, whole_day: bool = False) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text}: 2026-11-21 or 2026-11-21T12:30:00Z is wanted") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at + timedelta(days=1) if whole_day and _DAY_ALONE.fullmatch(text) else at
