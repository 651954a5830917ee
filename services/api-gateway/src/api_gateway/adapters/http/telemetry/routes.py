"""The route of telemetry."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery
from pydantic import Field

from api_gateway.adapters.database import history, miners
from api_gateway.adapters.database.gaps import Span, list_gaps
from api_gateway.adapters.database.history import SERIES
from api_gateway.adapters.http import cursors
from api_gateway.adapters.http.access import WithClock, WithReader
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.problems import InvalidRequestError, NotFoundError
from api_gateway.adapters.http.queries import MinerPath, SpanQuery
from api_gateway.adapters.http.telemetry import answers
from api_gateway.adapters.http.waiting import WaitQuery, WithWaiting
from api_gateway.domain.history import Resolution, check_span, choose

router = APIRouter(prefix="/api/v1/miners", tags=["telemetry"])


class HistoryQuery(SpanQuery, WaitQuery):
    """From when to when, how finely, which page."""

    resolution: Literal["auto", "raw", "window", "hour", "day"] = Field(
        default="auto",
        description="auto: raw up to 6 h, windows up to 3 days, hours up to 62 days, else days",
    )
    limit: int = Field(default=1000, ge=1, le=5000)
    cursor: Annotated[str, Field(max_length=cursors.MAX_CURSOR)] | None = Field(
        default=None,
        description="`next` of the page before; it brings range and resolution along",
    )


@router.get("/{miner_id}/telemetry", responses=documented(answers.History, answers.HISTORY_EXAMPLE))
async def get_telemetry(
    miner_id: MinerPath,
    query: Annotated[HistoryQuery, FromQuery()],
    reader: WithReader,
    clock: WithClock,
    waiting: WithWaiting,
) -> Response:
    """What a miner said over time, oldest first, with the gaps of the range."""
    span, resolution, after = _asked(query, miner_id, clock.now())
    rows = await history.read_history(
        reader, miner_id, resolution, span, after=after, limit=query.limit + 1
    )
    find = partial(miners.find_known, reader, miner_id)
    if not rows and await waiting.found(find, query.wait_s) is None:
        raise NotFoundError(f"no miner {miner_id}")
    page, more = rows[: query.limit], len(rows) > query.limit
    following = None
    if more:
        series = SERIES[resolution]
        last = page[-1][series.instant], str(page[-1][series.tie])
        following = cursors.encode(
            f"telemetry {miner_id}", span.start, span.end, resolution.value, *last
        )
    return answer(
        {
            "miner_id": miner_id,
            "resolution": resolution,
            "from": span.start,
            "to": span.end,
            "items": page,
            "gaps": await list_gaps(reader, span, subjects=[miner_id]),
            "next": following,
        }
    )


def _asked(
    query: HistoryQuery, miner_id: str, now: datetime
) -> tuple[Span, Resolution, tuple[str, str] | None]:
    if query.cursor is not None:
        of = f"telemetry {miner_id}"
        start, end, named, at, tie = cursors.decode(query.cursor, of, [str] * 5)
        span = Span(cursors.instant(start), cursors.instant(end))
        after = (cursors.instant(at).isoformat(), str(tie))
    else:
        span = Span(*query.bounds(now))
        named, after = query.resolution, None
    try:
        length = span.end - span.start
        resolution = choose(length) if named == "auto" else Resolution(str(named))
        check_span(length, resolution)
    except ValueError as exc:
        raise InvalidRequestError("from", str(exc)) from exc
    return span, resolution, after
