"""Routes for whoever watches the gateway."""

from typing import Annotated, Final

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from api_gateway.adapters.http.access import WithHealth
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.queries import NoQuery

router = APIRouter(tags=["operations"])
_None = Annotated[NoQuery, FromQuery()]
_NOT_READY: Final = {"status": "not ready", "faults": {"database": "store_unavailable"}}


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """Whether requests will be answered, and if not, why."""

    status: str
    faults: dict[str, str]


@router.get("/healthz", responses=documented(Alive, {"status": "alive"}))
async def alive(_: _None) -> Response:
    """Is the process there?"""
    return answer({"status": "alive"})


@router.get(
    "/readyz",
    responses=documented(Ready, {"status": "ready", "faults": {}})
    | {503: {"model": Ready, "content": {"application/json": {"example": _NOT_READY}}}},
)
async def ready(_: _None, health: WithHealth) -> Response:
    """Will requests be answered? 503, and why not, when the database is away."""
    faults = health.faults()
    body = {"status": "not ready" if faults else "ready", "faults": faults}
    return answer(body, status=503 if faults else 200)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format",
            "content": {"text/plain": {"example": "miner_poll_total 1.0"}},
        }
    },
)
async def metrics(_: _None) -> Response:
    """What the process counts."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
