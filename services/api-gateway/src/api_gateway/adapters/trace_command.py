"""``minestream trace``: the way of one reading, from poll to row, for people and for programs."""

import json
import re
from typing import Annotated, Final
from uuid import UUID

import typer
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from api_gateway.adapters.database import open_reader
from api_gateway.adapters.database.readings import find_stamps, newest_of
from api_gateway.adapters.tracing import Way, Ways
from api_gateway.settings import GatewaySettings
from minestream_runtime.command.terminal import console, refuse, run
from minestream_runtime.logs import hush
from minestream_runtime.traces.files import StoredSpan
from minestream_schemas.ids import SLUG

_SHOWN: Final = ("http.response.status_code", "server.address", "minestream.poll.status")


class _UnknownError(LookupError):
    """Nobody has heard of what was asked for."""


def trace(
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="EVENT_ID",
            help="A reading's event_id, its raw_event_id, or a miner's id: its newest reading.",
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show the way of one reading: poll, publish, normalise, commit, with times."""
    hush("psycopg.pool", "aiokafka")
    asked = _asked(wanted)
    try:
        way = run(_find(asked))
    except _UnknownError as exc:
        refuse(str(exc))
    if as_json:
        typer.echo(json.dumps(to_jsonable_python(way.described())))
        return
    _show(way, console())


def _asked(wanted: str) -> UUID | str:
    try:
        return UUID(wanted)
    except ValueError:
        if re.fullmatch(SLUG, wanted):
            return wanted
        raise typer.BadParameter("neither an event's id (a UUID) nor a miner's") from None


async def _find(asked: UUID | str) -> Way:
    settings = GatewaySettings.load()
    async with open_reader(settings) as reader:
        event_id = asked if isinstance(asked, UUID) else await newest_of(reader, asked)
        if event_id is None:
            raise _UnknownError(f"no reading of a miner {asked}")
        stamps = await find_stamps(reader, event_id)
    if stamps is None:
        raise _UnknownError(f"no reading and no raw event {event_id}")
    return await Ways(settings).of(stamps)


def _show(way: Way, out: Console) -> None:
    stamps = way.stamps
    out.print(Text.assemble((stamps.miner_id, "bold"), f" polled {stamps.began_at:%F %T.%f} UTC"))
    out.print(f"raw event {stamps.raw_event_id}", highlight=False)
    reading = stamps.event_id or "none: not normalised, or its row is gone"
    out.print(f"reading   {reading}", highlight=False)
    table = Table("step", "at (UTC)", "since the poll began", "since the step before", "by")
    for column in table.columns[2:4]:
        column.justify = "right"
    before_s = 0.0
    for step in way.steps:
        since_s = step.after_s - before_s
        table.add_row(
            step.step, f"{step.at:%T.%f}", _span(step.after_s), _span(since_s), step.service
        )
        before_s = step.after_s
    out.print(table)
    if way.spans:
        out.print(_tree(way))
    elif way.sampled:
        out.print(
            "It was traced; its spans are not here (MINESTREAM_TRACE_FOLDER), or not yet: "
            "services write them a second or two later."
        )
    else:
        out.print("It was not traced (MINESTREAM_TRACE_RATIO says how many polls are).")


def _tree(way: Way) -> Tree:
    """The spans under their parents; one whose parent is missing stands at the top."""
    tree = Tree(f"trace {way.trace_id}", highlight=False)
    known = {span.span_id for span in way.spans}
    under: dict[str | None, list[StoredSpan]] = {}
    for span in way.spans:
        under.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
    waiting = [(tree, span) for span in reversed(under.pop(None, []))]
    while waiting:
        branch, span = waiting.pop()
        grown = branch.add(_line(span, way))
        waiting += [(grown, child) for child in reversed(under.pop(span.span_id, []))]
    return tree


def _line(span: StoredSpan, way: Way) -> Text:
    began_s = (span.began_at - way.stamps.began_at).total_seconds()
    took_s = (span.ended_at - span.began_at).total_seconds()
    said = " ".join(str(span.attributes[name]) for name in _SHOWN if name in span.attributes)
    line = Text.assemble(
        (span.name, "bold"),
        f"  {span.service}  +{_span(began_s)}, {_span(took_s)}",
        (f"  {said}" if said else "", "dim"),
    )
    if span.error is not None:
        line.append(f"  {span.error}", style="red")
    return line


def _span(seconds: float) -> str:
    return f"{seconds:.3f} s" if abs(seconds) >= 1 else f"{seconds * 1000:.1f} ms"
