"""``minestream alerts``: what fires and what has ended, for people and for programs."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import psycopg
import typer
from psycopg.rows import dict_row
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from minestream_runtime.command.terminal import console, refuse, run
from minestream_runtime.database import Role, open_pool, store_errors
from minestream_runtime.logs import hush
from minestream_runtime.settings import Settings

_WAIT_S: Final = 2.0
_QUERY: Final = """
SELECT alert_id, number, rule, subject, site_id, severity, phase, summary, value, "limit", unit,
       began_at, fired_at, changed_at, ended_at, notified_at, notified_channels, waiting, failed,
       error
FROM alerting_v1.alert WHERE phase = 'firing' OR NOT %s
ORDER BY phase, changed_at DESC LIMIT %s
"""
_COLOURS: Final = {"critical": "red", "warning": "yellow", "info": "cyan"}


def alerts(
    *,
    firing: Annotated[bool, typer.Option("--firing", help="Leave out what has ended.")] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="How many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List alerts: what fires first, then what has ended, the newest first."""
    hush("psycopg.pool")
    try:
        rows = run(_read(firing=firing, most=most))
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        refuse("no alerts are kept here: run `minestream migrate`")
    if as_json:
        for row in rows:
            typer.echo(json.dumps(to_jsonable_python(row)))
        return
    _show(rows, console())


async def _read(*, firing: bool, most: int) -> list[dict[str, Any]]:
    with store_errors():
        async with (
            open_pool(Settings.load(), Role.READER, name="minestream alerts", most=1) as pool,
            pool.connection(timeout=_WAIT_S) as connection,
        ):
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(_QUERY, (firing, most))
            return await cursor.fetchall()


def _show(rows: list[dict[str, Any]], out: Console) -> None:
    if not rows:
        out.print("no alerts")
        return
    table = Table("severity", "what", "since", "ended", "told", box=None, pad_edge=False)
    for row in rows:
        firing = row["phase"] == "firing"
        colour = _COLOURS.get(row["severity"], "white") if firing else "dim"
        table.add_row(
            f"[{colour}]{row['severity']}[/]",
            escape(row["summary"]),
            _instant(row["began_at"]),
            "" if row["ended_at"] is None else _instant(row["ended_at"]),
            escape(_told(row)),
        )
    out.print(table)


def _told(row: dict[str, Any]) -> str:
    said = [", ".join(row["notified_channels"]) or "nobody"]
    if row["waiting"]:
        said.append(f"{row['waiting']} waiting")
    if row["failed"]:
        said.append(f"{row['failed']} failed")
    if row["error"]:
        said.append(str(row["error"]))
    return "; ".join(said)


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%m-%d %H:%M:%S}"
