"""Every error as RFC 9457 says it (``application/problem+json``); to edge sites as theirs does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from api_gateway.adapters.database.access import QueryTimeoutError, SchemaMissingError
from minestream_runtime.errors import StoreRejectedError, StoreUnavailableError
from minestream_schemas.upload import Answer

MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER_S: Final = 5
_COLLECTOR: Final = "/api/collector/"


class FieldFault(BaseModel):
    """One parameter that is wrong."""

    parameter: str = Field(examples=["limit"])
    detail: str = Field(examples=["Input should be less than or equal to 500"])


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(examples=["urn:minestream:problem:not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str | None = Field(default=None, examples=["no miner site-a-r01-s99"])
    instance: str = Field(examples=["/api/v1/miners/site-a-r01-s99"])
    request_id: str | None = Field(default=None, examples=["6f1c0c7d5d0b4b0e"])
    faults: list[FieldFault] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: the last word of its type, and its title."""

    word: str
    title: str


KINDS: Final[dict[int, Kind]] = {
    400: Kind("bad-request", "Bad request"),
    403: Kind("forbidden", "Forbidden"),
    404: Kind("not-found", "Not found"),
    405: Kind("method-not-allowed", "Method not allowed"),
    414: Kind("query-too-long", "Query too long"),
    422: Kind("invalid-request", "The request does not fit the contract"),
    500: Kind("internal", "Internal error"),
    503: Kind("store-unavailable", "The database is away"),
    504: Kind("query-timeout", "The query took too long"),
}
_OTHER: Final = Kind("other", "Error")


class InvalidRequestError(ValueError):
    """A request that validation let pass and that makes no sense: 422."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


class NotFoundError(LookupError):
    """There is no such thing: 404."""


def problem(
    request: HTTPConnection,
    status: int,
    detail: str | None,
    *,
    faults: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer for a request that failed.

    Args:
        request: what was asked.
        status: HTTP's.
        detail: for people; never a payload or a secret.
        faults: parameters that are wrong.
        headers: further ones.
    """
    kind = KINDS.get(status, _OTHER)
    if request.url.path.startswith(_COLLECTOR):
        answer = Answer(success=False, error=detail or kind.title)
        text = answer.model_dump_json(exclude_none=True)
        return Response(text, status, headers, media_type="application/json")
    body: dict[str, Any] = {
        "type": f"urn:minestream:problem:{kind.word}",
        "title": kind.title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "request_id": request.scope.get("state", {}).get("request_id"),
        "faults": faults,
    }
    said = {key: value for key, value in body.items() if value is not None}
    return Response(to_json(said), status, headers, media_type=MEDIA_TYPE)


async def _invalid(request: Request, exc: Exception) -> Response:
    errors = exc.errors() if isinstance(exc, RequestValidationError) else []
    faults = [
        {
            "parameter": ".".join(str(part) for part in error["loc"][1:]),
            "detail": f"unknown; allowed: {_allowed(request)}"
            if error["type"] == "extra_forbidden"
            else str(error["msg"]),
        }
        for error in errors[:20]
    ]
    names = ", ".join(fault["parameter"] for fault in faults)
    return problem(request, 422, f"wrong: {names}", faults=faults)


def _allowed(request: Request) -> str:
    dependant = request.scope["route"].dependant
    names = [
        field.alias or name
        for parameter in dependant.query_params
        for name, field in parameter.field_info.annotation.model_fields.items()
    ]
    return ", ".join(names) or "none"


async def _senseless(request: Request, exc: Exception) -> Response:
    parameter = exc.parameter if isinstance(exc, InvalidRequestError) else "?"
    return problem(
        request, 422, f"wrong: {parameter}", faults=[{"parameter": parameter, "detail": str(exc)}]
    )


async def _missing(request: Request, exc: Exception) -> Response:
    return problem(request, 404, str(exc))


async def _http(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, HTTPException):
        raise TypeError(type(exc).__name__)
    return problem(request, exc.status_code, exc.detail, headers=exc.headers)


async def _refused(request: Request, exc: Exception) -> Response:
    structlog.get_logger().warning("request_refused_by_database", error=str(exc))
    return problem(request, 422, "a parameter is none that the database takes")


async def _too_slow(request: Request, exc: Exception) -> Response:
    return problem(request, 504, str(exc))


async def _away(request: Request, exc: Exception) -> Response:
    detail = str(exc) if isinstance(exc, SchemaMissingError) else "try again in a moment"
    return problem(request, 503, detail, headers={"Retry-After": str(_RETRY_AFTER_S)})


async def _broken(request: Request, exc: Exception) -> Response:
    structlog.get_logger().error(
        "request_failed", error_type=type(exc).__name__, path=request.url.path, exc_info=exc
    )
    # sent from outside our middleware, which therefore cannot add the header
    headers = {"X-Request-Id": request.scope["state"]["request_id"]}
    detail = "our fault; the log knows more under this request_id"
    return problem(request, 500, detail, headers=headers)


def install(app: FastAPI) -> None:
    """Have an app answer its errors as problems."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InvalidRequestError, _senseless)
    app.add_exception_handler(NotFoundError, _missing)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreRejectedError, _refused)
    app.add_exception_handler(QueryTimeoutError, _too_slow)
    app.add_exception_handler(StoreUnavailableError, _away)
    app.add_exception_handler(Exception, _broken)
