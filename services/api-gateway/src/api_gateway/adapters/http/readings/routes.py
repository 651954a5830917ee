"""The route of a reading's way."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from fastapi import Query as FromQuery

from api_gateway.adapters.database.readings import find_stamps
from api_gateway.adapters.http.access import WithReader, WithWays
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.problems import NotFoundError
from api_gateway.adapters.http.readings import answers
from api_gateway.adapters.http.waiting import WaitQuery, WithWaiting

router = APIRouter(prefix="/api/v1/readings", tags=["readings"])
_EventPath = Annotated[
    UUID,
    Path(
        description="the reading's event_id or its raw_event_id",
        examples=["0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11"],
    ),
]


@router.get("/{event_id}/trace", responses=documented(answers.ReadingTrace, answers.TRACE_EXAMPLE))
async def get_trace(
    event_id: _EventPath,
    query: Annotated[WaitQuery, FromQuery()],
    reader: WithReader,
    waiting: WithWaiting,
    ways: WithWays,
) -> Response:
    """The way of one reading: poll, publish, normalise, commit, with times.

    The steps come from the rows' own stamps and need no tracing; where the poll was traced and
    its spans are within reach of the gateway, they follow.
    """
    stamps = await waiting.found(partial(find_stamps, reader, event_id), query.wait_s)
    if stamps is None:
        raise NotFoundError(f"no reading and no raw event {event_id}")
    return answer((await ways.of(stamps)).described())
