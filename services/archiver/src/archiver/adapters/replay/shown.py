"""What ``minestream replay`` prints: tables for people, one object for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from archiver.adapters.replay.catalogue import Holding, Lack
from archiver.adapters.replay.catalogue import described as holding_as_json
from archiver.adapters.replay.checking import Compared, Comparison, Difference, Verdict
from archiver.adapters.replay.polls import Told
from archiver.adapters.replay.rebuilding import Built

_COLOUR: Final = {Verdict.EQUAL: "green", Verdict.DIFFERS: "red", Verdict.NOT_KEPT: "yellow"}
_SHOWN: Final = 20
"""Miners by name."""
_MEBI: Final = 1024 * 1024


def held(out: Console, folder: Path, found: Sequence[Holding]) -> None:
    """What a lake holds, by topic, source and day."""
    table = Table(box=None)
    for name in ("topic", "source", "date", "files", "rows", "MiB", "smaller by", "offsets"):
        table.add_column(name, justify="left" if name in {"topic", "source", "date"} else "right")
    for holding in found:
        firsts, lasts = zip(*holding.offsets.values(), strict=True)
        table.add_row(
            holding.place.subject,
            holding.place.source,
            holding.place.day.isoformat(),
            f"{holding.files:,}",
            f"{holding.rows:,}",
            f"{holding.file_bytes / _MEBI:,.1f}",
            f"{holding.record_bytes / max(1, holding.file_bytes):.1f}",
            f"{min(firsts):,} to {max(lasts):,}, partitions: {len(firsts)}",
        )
    out.print(f"lake {escape(str(folder))}")
    out.print(table)


def lacking(out: Console, missing: Sequence[Lack], unreadable: Sequence[Path]) -> None:
    """What should be in a lake and is not."""
    for lack in missing:
        hole = lack.hole
        out.print(
            f"missing: {lack.topic} partition {lack.partition} offsets {hole.first} to "
            f"{hole.upto - 1}" + (f" of generation {hole.generation}" if hole.generation else ""),
            style="yellow",
        )
    for path in unreadable:
        out.print(f"no whole Parquet file: {path}", style="yellow", markup=False)


def listed(
    folder: Path, found: Sequence[Holding], missing: Sequence[Lack], unreadable: Sequence[Path]
) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "lake": str(folder),
        "holdings": [holding_as_json(holding) for holding in found],
        "missing": [
            {
                "topic": lack.topic,
                "partition": lack.partition,
                "generation": lack.hole.generation,
                "offsets": [lack.hole.first, lack.hole.upto - 1],
            }
            for lack in missing
        ],
        "unreadable": [str(path) for path in unreadable],
    }


def built(out: Console, schema: str, told: Told, made: Built) -> None:
    """What was rebuilt."""
    rows = ", ".join(f"{count:,} {name}" for name, count in made.rows.items()) or "none"
    out.print(f"schema {schema}: {told.records:,} records, {made.polls:,} polls; rows: {rows}")
    for reason, count in told.refused.items():
        out.print(f"  {count:,} records are no reading: {reason}")
    if made.refused:
        out.print(f"  {made.refused:,} polls hold what the database does not take")


def compared(out: Console, comparison: Comparison) -> None:
    """How it agrees with the database, and where it does not."""
    table = Table(box=None)
    for name in ("table", "day", "rows rebuilt", "rows kept", "checksum rebuilt", "kept", ""):
        table.add_column(name, justify="right" if name.startswith("rows") else "left")
    for day in comparison.days:
        table.add_row(
            day.table,
            day.day.isoformat(),
            f"{day.rebuilt.rows:,}",
            f"{day.kept.rows:,}",
            day.rebuilt.checksum,
            day.kept.checksum,
            f"[{_COLOUR[day.verdict]}]{day.verdict}[/]",
        )
    out.print(table)
    for day in comparison.days:
        if day.verdict is Verdict.DIFFERS:
            _where(out, day)
    if comparison.unknown_miners:
        out.print(
            "miners that have readings in this time and none in the lake that was read: "
            + _some(comparison.unknown_miners)
        )
    if not comparison.days:
        out.print("no reading was rebuilt: nothing to compare")
    if comparison.differs:
        out.print("[red]does not agree[/]")
    else:
        out.print("[green]agrees[/]" if comparison.agrees else "[yellow]nothing was compared[/]")


def _where(out: Console, day: Compared) -> None:
    miners = [
        f"{miner} ({ours.rows} rebuilt, {theirs.rows} kept)"
        for miner, (ours, theirs) in day.miners.items()
    ]
    out.print(f"{day.table} {day.day}: {_some(miners)}")
    for row in day.rows:
        out.print(f"  {row.miner} {row.at} {row.event_id}: {escape(_said(row))}")


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _said(row: Difference) -> str:
    if row.kept is None:
        return "only rebuilt"
    if row.rebuilt is None:
        return "only in the database"
    return "; ".join(
        f"{name}: {json.dumps(kept)} kept, {json.dumps(rebuilt)} rebuilt"
        for name, (kept, rebuilt) in row.columns.items()
    )


def described(
    schema: str, told: Told, made: Built, comparison: Comparison | None
) -> dict[str, Any]:
    """A replay as JSON."""
    result: dict[str, Any] = {
        "schema": schema,
        "records": told.records,
        "polls": made.polls,
        "rows": dict(made.rows),
        "refused": {**{reason.name.lower(): n for reason, n in told.refused.items()}},
        "refused_by_database": made.refused,
    }
    if comparison is not None:
        result["agrees"] = comparison.agrees
        result["unknown_miners"] = list(comparison.unknown_miners)
        result["days"] = [_day(day) for day in comparison.days]
    return result


def _day(day: Compared) -> dict[str, Any]:
    return {
        "table": day.table,
        "day": day.day.isoformat(),
        "verdict": day.verdict.name.lower(),
        "rows": [day.rebuilt.rows, day.kept.rows],
        "checksums": [day.rebuilt.checksum, day.kept.checksum],
        "miners": sorted(day.miners),
        "differences": [
            {
                "miner": row.miner,
                "ts": row.at,
                "event_id": row.event_id,
                "only": "rebuilt" if row.kept is None else "kept" if row.rebuilt is None else None,
                "columns": {name: list(values) for name, values in row.columns.items()},
            }
            for row in day.rows
        ],
    }
