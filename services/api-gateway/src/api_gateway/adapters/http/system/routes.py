"""The route of the system."""

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery

from api_gateway.adapters.http.access import WithSystem
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.queries import NoQuery
from api_gateway.adapters.http.system import answers

router = APIRouter(prefix="/api/v1/system", tags=["operations"])


@router.get("", responses=documented(answers.SystemState, answers.SYSTEM_EXAMPLE))
async def get_system(_: Annotated[NoQuery, FromQuery()], system: WithSystem) -> Response:
    """Every service: is it ready, for how long, what does it use, what does it measure.

    What a Prometheus would scrape, for farms without one. All services are asked at once, at most
    once in two seconds however many pages look; one that does not answer in two seconds is not
    ready, and says why.
    """
    return answer(await system.look())
