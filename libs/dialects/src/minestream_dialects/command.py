"""``minestream parse``: what our parser makes of recorded payloads, for whoever doubts a number."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from minestream_dialects.normalise import Normalised, normalise
from minestream_dialects.recorded import poll_of
from minestream_dialects.registry import AUTO, candidates, names
from minestream_dialects.totals import HEALTHY_CHIPS_RATIO
from minestream_schemas.telemetry import MinerStatus

_DIALECT = typer.Option(help=f"one of: {', '.join(names())}.", metavar="NAME")
_FILES = typer.Argument(
    help="The recorded payloads of one poll; a file's name ends in its endpoint: summary.json, "
    "s21pro_1.2.7_info.json.",
    metavar="FILE",
)
_RATIO = typer.Option(
    help="A board with at least this share of its chips is healthy.",
    envvar="MINESTREAM_HEALTHY_CHIPS_RATIO",
    min=0.0,
    max=1.0,
    metavar="RATIO",
)
_CHIPS = typer.Option("--chips", help="Print each board's chips too.")


def parse(
    files: Annotated[list[Path], _FILES],
    dialect: Annotated[str, _DIALECT] = AUTO,
    chips: Annotated[bool, _CHIPS] = False,
    healthy_chips_ratio: Annotated[float, _RATIO] = HEALTHY_CHIPS_RATIO,
) -> None:
    """Print the reading that the recorded payloads of one poll give, as JSON in our names.

    Exits with 1, and says why, when they give none.
    """
    console = Console(stderr=True, soft_wrap=True)
    try:
        poll = poll_of(files, dialect)
    except OSError as exc:
        raise _end(console, f"{exc.filename}: {exc.strerror}") from exc
    except ValueError as exc:
        raise _end(console, str(exc)) from exc
    result = normalise(poll, healthy_chips_ratio=healthy_chips_ratio)
    reason = _unusable(result, frozenset(poll.endpoints))
    if reason is not None:
        raise _end(console, f"no reading: {reason}")
    shown = result.telemetry.model_dump(mode="json")
    if chips:
        boards = result.chips.boards if result.chips else ()
        shown["chips"] = [board.model_dump(mode="json") for board in boards]
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))


def _end(console: Console, reason: str) -> typer.Exit:
    console.print(reason, style="red", markup=False, highlight=False)
    return typer.Exit(1)


def _unusable(result: Normalised, given: frozenset[str]) -> str | None:
    telemetry = result.telemetry
    if telemetry.status is MinerStatus.GARBAGE:
        return telemetry.error or "unreadable"
    for dialect in candidates(telemetry.dialect):
        if given.isdisjoint({dialect.main, dialect.older_main}):
            return f"no {dialect.main} among the files, and that is where the numbers are"
    return None
