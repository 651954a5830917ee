"""What a list of a large fleet costs: read off the plans of its statements, not off a clock."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from tests.component.api_gateway.conftest import NOW, entry, put

from api_gateway.adapters.database import Reader, Writer
from api_gateway.adapters.database.gaps import Span, list_gaps
from api_gateway.adapters.database.miners import Filters, list_miners
from api_gateway.domain.listing import parse_sort

NARROW = 100
"""Bytes a row: an id and what it is sorted by; a whole miner has over 500."""


class Planned(Reader):
    """A reader that gives the plan of each statement in place of its rows."""

    async def rows(
        self, query: LiteralString | sql.Composed, parameters: Any = None
    ) -> list[dict[str, Any]]:
        made = sql.SQL(query) if isinstance(query, str) else query
        return await super().rows(sql.SQL("EXPLAIN (FORMAT JSON) {}").format(made), parameters)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("text", [None, "r01"])
@pytest.mark.parametrize("sort", ["miner_id", "-hashrate_hs", "model", "profit_usd_per_day"])
async def test_a_page_is_chosen_before_all_that_its_miners_say_is_read(
    reader: Reader, writer: Writer, sort: str, text: str | None
) -> None:
    await put(writer, [entry(f"m-{number:03d}") for number in range(300)])
    [row] = await list_miners(
        Planned(reader.pool), Filters({}, text), parse_sort(sort), after=None, limit=101
    )
    [plan] = row["QUERY PLAN"]
    widths = [node["Plan Width"] for node in nodes(plan["Plan"]) if node["Node Type"] == "Limit"]
    assert len(widths) == 1
    assert widths[0] < NARROW


async def test_the_gaps_of_an_hour_are_found_without_a_walk_through_all_before_it(
    reader: Reader, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO telemetry.gap (gap_id, event_id, subject, cause, began_at, ended_at,"
            " reported_by) SELECT gen_random_uuid(), gen_random_uuid(), 'm-1', 'miner_silent',"
            " %(now)s::timestamptz - n * interval '1 minute',"
            " %(now)s::timestamptz - n * interval '1 minute' + interval '90 s', 'processor'"
            " FROM generate_series(1, 20000) AS n",
            {"now": NOW},
        )
        owner.execute("ANALYZE telemetry.gap")
    span = Span(NOW - timedelta(minutes=60), NOW)
    assert len(await list_gaps(reader, span)) == 61
    [row] = await list_gaps(Planned(reader.pool), span)
    [plan] = row["QUERY PLAN"]
    read = [node for node in nodes(plan["Plan"]) if node.get("Relation Name") == "gap"]
    assert len(read) == 2
    assert max(node["Plan Rows"] for node in read) < 1000
    assert not [node for node in read if node["Node Type"] == "Seq Scan"]
    assert "gap_span" in {node.get("Index Name") for node in nodes(plan["Plan"])}
