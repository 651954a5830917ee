"""The route of gaps."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery
from pydantic import Field

from api_gateway.adapters.database.gaps import Span, list_gaps
from api_gateway.adapters.http import cursors
from api_gateway.adapters.http.access import WithClock, WithReader
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.gaps import answers
from api_gateway.adapters.http.problems import InvalidRequestError
from api_gateway.adapters.http.queries import SpanQuery, Text
from minestream_schemas.gap import GapCause

router = APIRouter(prefix="/api/v1/gaps", tags=["gaps"])


class GapsQuery(SpanQuery):
    """Whose, why, from when to when, which page."""

    subject: Annotated[
        list[Annotated[Text, Field(max_length=100)]],
        Field(max_length=50, examples=[["collector-vnish-0"]]),
    ] = Field(default=[], description="ids of miners or collectors; any when absent")
    cause: list[GapCause] = Field(default=[], max_length=50)
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: Annotated[str, Field(max_length=cursors.MAX_CURSOR)] | None = Field(
        default=None,
        description="`next` of the page before; it brings the range along, keep the filters",
    )


@router.get("", responses=documented(answers.GapPage, answers.PAGE_EXAMPLE))
async def get_gaps(
    query: Annotated[GapsQuery, FromQuery()], reader: WithReader, clock: WithClock
) -> Response:
    """Where data are missing, and why, oldest first: gaps that meet the range.

    A miner's own gaps have its id as subject. While a collector cannot reach Kafka, or drops
    readings, the gap is the collector's: its subject is the collector's id.
    """
    span, after = _asked(query, clock.now())
    rows = await list_gaps(
        reader,
        span,
        subjects=query.subject,
        causes=query.cause,
        after=after,
        limit=query.limit + 1,
    )
    page, following = rows[: query.limit], None
    if len(rows) > query.limit:
        last = page[-1]
        following = cursors.encode("gaps", span.start, span.end, last["began_at"], last["gap_id"])
    return answer({"from": span.start, "to": span.end, "items": page, "next": following})


def _asked(query: GapsQuery, now: datetime) -> tuple[Span, tuple[str, str] | None]:
    if query.cursor is not None:
        start, end, began_at, gap_id = cursors.decode(query.cursor, "gaps", [str] * 4)
        span = Span(cursors.instant(start), cursors.instant(end))
        return span, (cursors.instant(began_at).isoformat(), str(gap_id))
    span = Span(*query.bounds(now))
    if span.start >= span.end:
        raise InvalidRequestError("from", "from must be before to")
    return span, None
