"""The routes of edge collectors; errors come in the document's envelope, not as problems."""

import asyncio
import math
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import ClientDisconnect

from api_gateway.adapters.collector.body import BodyRefusedError, read
from api_gateway.adapters.collector.door import Door, TooManyError
from api_gateway.adapters.http.access import WithSettings
from api_gateway.adapters.http.collector.answers import REQUEST, RESPONSES
from api_gateway.domain.collector.claims import KeyRevokedError
from api_gateway.domain.collector.keys import CollectorKey
from minestream_runtime.errors import MinestreamError
from minestream_runtime.metrics import counter
from minestream_schemas.upload import KEY_HEADER, UPLOAD_PATH, Answer, Taken

router = APIRouter(tags=["collectors"])
_RETRY_AFTER_S: Final = 5
_NO_KEY: Final = "Invalid API key"


def _door(request: Request) -> Door:
    door: Door = request.app.state.door
    return door


WithDoor = Annotated[Door, Depends(_door)]


@router.post(UPLOAD_PATH, responses=RESPONSES, openapi_extra=REQUEST)
async def upload(request: Request, door: WithDoor, settings: WithSettings) -> Response:
    """Take what a collector at another site has polled.

    Each item is published, refused (sending it again changes nothing) or waits; an answer comes
    only when Kafka has acknowledged what is neither. Events that are sent twice count once.
    """
    try:
        key = await door.keys.find(request.headers.get(KEY_HEADER, ""))
    except MinestreamError as exc:
        return _unavailable(exc.kind)
    if key is None:
        return _no_key(request, door)
    try:
        door.enter(key)
    except TooManyError as exc:
        return _refused(key, 429, str(exc), retry_after_s=exc.wait_s)
    try:
        return await _taken(request, door, key, deadline_s=settings.upload_deadline_s)
    except KeyRevokedError:
        return _no_key(request, door)
    finally:
        door.leave(key)


async def _taken(request: Request, door: Door, key: CollectorKey, *, deadline_s: float) -> Response:
    said = request.headers.get("Content-Length")
    try:
        async with asyncio.timeout(deadline_s):
            body = await read(request.stream(), said=said, limits=door.limits)
        told = await door.take(key, body, request.headers.get("Content-Encoding", ""))
    except TimeoutError:
        return _refused(key, 408, f"the whole body must come within {deadline_s:g} s")
    except ClientDisconnect:
        return _refused(key, 400, "the body did not come")
    except BodyRefusedError as exc:
        return _refused(key, exc.status, str(exc))
    except MinestreamError as exc:
        counter("collector_upload_requests_total").labels(key.site_id, "unavailable").inc()
        return _unavailable(exc.kind)
    if told.waiting:
        return _unavailable("Kafka is away: send the waiting items again", told)
    return _answer(200, Answer(success=True, data=told))


def _no_key(request: Request, door: Door) -> Response:
    reason = "missing" if request.headers.get(KEY_HEADER) is None else "unknown"
    door.keys.refuse(reason, request.client.host if request.client else None)
    return _answer(401, Answer(success=False, error=_NO_KEY))


def _refused(
    key: CollectorKey, status: int, error: str, *, retry_after_s: float | None = None
) -> Response:
    counter("collector_upload_requests_total").labels(key.site_id, "refused").inc()
    return _answer(status, Answer(success=False, error=error), retry_after_s=retry_after_s)


def _unavailable(error: str, told: Taken | None = None) -> Response:
    answer = Answer(success=False, error=error, data=told)
    return _answer(503, answer, retry_after_s=_RETRY_AFTER_S)


def _answer(status: int, answer: Answer, *, retry_after_s: float | None = None) -> Response:
    headers = {} if retry_after_s is None else {"Retry-After": str(math.ceil(retry_after_s))}
    return Response(
        answer.model_dump_json(exclude_none=True), status, headers, media_type="application/json"
    )
