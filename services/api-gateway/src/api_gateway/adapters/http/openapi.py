"""The description of the API, with an example of every answer and every problem."""

from collections.abc import Iterable
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api_gateway.adapters.http.collector.answers import SCHEMAS
from api_gateway.adapters.http.problems import KINDS, MEDIA_TYPE, Problem

_ALWAYS: Final = (414, 422, 500)
_FROM_THE_DATABASE: Final = (503, 504)
_EXAMPLES: Final = {
    "miner_id": "site-a-r01-s99",
    "site_id": "site-z",
    "event_id": "0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11",
    "alert_id": "9f0d7a52-6f4e-5f0c-8a35-0b9c5d1e7a69",
}
_MISSING: Final = {
    "miner_id": "no miner site-a-r01-s99",
    "site_id": "no site site-z",
    "event_id": "no reading and no raw event 0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11",
    "alert_id": "no alert 9f0d7a52-6f4e-5f0c-8a35-0b9c5d1e7a69",
}
_DETAILS: Final = {
    414: "at most 4096 bytes",
    422: "wrong: limit",
    500: "our fault; the log knows more under this request_id",
    503: "try again in a moment",
    504: "the query took too long: ask for less",
}


def describe(app: FastAPI, routers: Iterable[APIRouter]) -> dict[str, Any]:
    """The OpenAPI document; made once.

    Args:
        app: with all its routes.
        routers: the same routes, with the examples that they were given.
    """
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        schemas = document["components"]["schemas"]
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {"Problem": schema}
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas |= SCHEMAS
        for path, item in document["paths"].items():
            if "get" in item:
                _add_problems(path, item["get"])
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute):
                    for method in route.methods or ():
                        operation = document["paths"][route.path_format][method.lower()]
                        _restore_examples(route, operation)
        app.openapi_schema = document
    return app.openapi_schema


def _restore_examples(route: APIRoute, operation: dict[str, Any]) -> None:
    """FastAPI leaves nulls out of examples, although they are the answer's."""
    for status, response in route.responses.items():
        for media_type, content in response["content"].items():
            operation["responses"][str(status)]["content"][media_type] |= content


def _add_problems(path: str, operation: dict[str, Any]) -> None:
    statuses = list(_ALWAYS)
    if path.startswith("/api/"):
        statuses += _FROM_THE_DATABASE
    if "{" in path:
        statuses.append(404)
    operation["responses"].pop("422", None)
    for status in sorted(statuses):
        operation["responses"][str(status)] = {
            "description": KINDS[status].title,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": _example(path, status),
                }
            },
        }
        if status == 503:  # noqa: PLR2004 - HTTP's own number
            operation["responses"][str(status)]["headers"] = {
                "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
            }


def _example(path: str, status: int) -> dict[str, Any]:
    kind = KINDS[status]
    example: dict[str, Any] = {
        "type": f"urn:minestream:problem:{kind.word}",
        "title": kind.title,
        "status": status,
        "detail": _DETAILS.get(status) or _missing(path),
        "instance": path.format(**_EXAMPLES),
        "request_id": "6f1c0c7d5d0b4b0e",
    }
    if status == 422:  # noqa: PLR2004 - HTTP's own number
        fault = {"parameter": "limit", "detail": "Input should be less than or equal to 500"}
        example["faults"] = [fault]
    return example


def _missing(path: str) -> str:
    return next(detail for name, detail in _MISSING.items() if f"{{{name}}}" in path)
