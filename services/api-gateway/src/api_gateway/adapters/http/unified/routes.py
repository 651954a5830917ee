"""The route of the unified series."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery
from pydantic import Field

from api_gateway.adapters.database.gaps import Span
from api_gateway.adapters.database.unified import read_unified
from api_gateway.adapters.http.access import WithClock, WithReader
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.miners.routes import require_known
from api_gateway.adapters.http.problems import InvalidRequestError
from api_gateway.adapters.http.queries import MinerPath, SpanQuery
from api_gateway.adapters.http.unified import answers
from api_gateway.domain.steps import SHORTEST_S, check_step, choose_step_s, whole_steps

router = APIRouter(prefix="/api/v1/miners", tags=["telemetry"])


class UnifiedQuery(SpanQuery):
    """From when to when, in which steps."""

    step: int | None = Field(
        default=None,
        ge=SHORTEST_S,
        le=366 * 86_400,
        description="seconds: divides an hour, or hours that divide a day, or whole days. When "
        "absent 300 up to 25 h, 3600 up to 32 days, else 86400",
    )


@router.get("/{miner_id}/unified", responses=documented(answers.Unified, answers.UNIFIED_EXAMPLE))
async def get_unified(
    miner_id: MinerPath,
    query: Annotated[UnifiedQuery, FromQuery()],
    reader: WithReader,
    clock: WithClock,
) -> Response:
    """A miner, its pool and the market in one series, step by step, oldest first.

    The span is widened to whole steps; at most 2,000 steps at once. Steps under an hour are made
    from readings (kept 30 days), under a day from the hourly rollups, else from the daily ones.
    """
    span, step_s = _asked(query, clock.now())
    rows = await read_unified(reader, miner_id, span, step_s)
    if not any(row["readings"] for row in rows):
        await require_known(reader, miner_id)
    return answer(
        {
            "miner_id": miner_id,
            "from": span.start,
            "to": span.end,
            "step_s": step_s,
            "items": rows,
        }
    )


def _asked(query: UnifiedQuery, now: datetime) -> tuple[Span, int]:
    start, end = query.bounds(now)
    step_s = query.step or choose_step_s(end - start)
    try:
        check_step(step_s)
    except ValueError as exc:
        raise InvalidRequestError("step", str(exc)) from exc
    try:
        return Span(*whole_steps(start, end, step_s)), step_s
    except ValueError as exc:
        raise InvalidRequestError("from", str(exc)) from exc
