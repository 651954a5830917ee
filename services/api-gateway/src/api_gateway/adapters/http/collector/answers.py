"""How uploads and their answers are described."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from minestream_schemas.upload import UPLOADED, Answer, MinerRecord

_REF: Final = "#/components/schemas/{model}"

SCHEMAS: Final[dict[str, Any]] = models_json_schema(
    [(MinerRecord, "validation")], ref_template=_REF
)[1]["$defs"]
"""What the request's description refers to."""

_EVENT: Final = {
    "type": "object",
    "description": "an event of ours, as its topic's schema has it",
    "required": ["topic", "event"],
    "properties": {
        "topic": {"type": "string", "enum": list(UPLOADED)},
        "event": {"type": "object"},
        "headers": {
            "type": "object",
            "description": "handed on with the record",
            "properties": {"traceparent": {"type": "string"}},
        },
    },
}
REQUEST: Final = {
    "parameters": [
        {
            "name": "X-Collector-Key",
            "in": "header",
            "required": True,
            "schema": {"type": "string", "pattern": "^hsc_[A-Za-z0-9_-]{40}$"},
        },
        {
            "name": "Content-Encoding",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "enum": ["gzip", "identity"]},
        },
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {"oneOf": [_EVENT, {"$ref": _REF.format(model="MinerRecord")}]},
                }
            }
        },
    },
}

_TAKEN: Final = {
    "processed": 99,
    "online": 94,
    "offline": 5,
    "processing_time_ms": 245,
    "refused": [{"index": 7, "kind": "schema", "reason": "online: Field required"}],
    "waiting": [],
}
_HALF: Final = _TAKEN | {"processed": 98, "refused": [], "waiting": [98, 99]}


def _one(description: str, example: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": Answer,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


def _error(description: str, text: str) -> dict[str, Any]:
    return _one(description, {"success": False, "error": text})


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: _one("What became of each item", {"success": True, "data": _TAKEN}),
    400: _error("Not what is wanted", "a JSON array is wanted: Input data was truncated"),
    401: _error("No key that may upload", "Invalid API key"),
    408: _error("The body took too long", "the whole body must come within 30 s"),
    413: _error("Too large", "at most 5000 items: send fewer"),
    415: _error("Packed otherwise", "Content-Encoding 'br': gzip or none is wanted"),
    429: _error("Too often; Retry-After says when", "too many uploads: wait 1.0 s"),
    503: _one(
        "Some or none could be published; Retry-After says when to send the waiting ones again",
        {"success": False, "error": "Kafka is away: send the waiting items again", "data": _HALF},
    ),
}
