"""How answers are made and described."""

from typing import Any, Final

import msgspec
from fastapi import Response
from pydantic import BaseModel, create_model

from minestream_schemas.event import Model

_ENCODER: Final = msgspec.json.Encoder()


def answer(content: Any, *, status: int = 200) -> Response:
    """JSON with instants in UTC and what is unknown as null.

    Rows go out as the database gives them: column names are the contract's field names.
    """
    return Response(_ENCODER.encode(content), status, media_type="application/json")


def answer_model(
    name: str, model: type[Model], *, leave_out: frozenset[str], **more: Any
) -> type[BaseModel]:
    """An answer's description from the contract's own model, so that names and units agree.

    Args:
        name: of the description.
        model: of the contract.
        leave_out: fields that the answer lacks.
        more: fields that it has beside; type, or type and default.
    """
    fields: dict[str, Any] = {
        key: (field.annotation, field)
        for key, field in model.model_fields.items()
        if key not in leave_out
    }
    return create_model(name, __doc__=model.__doc__, **fields, **more)


def documented(model: type[BaseModel], example: Any) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route: what it answers, and an example of that."""
    return {200: {"model": model, "content": {"application/json": {"example": example}}}}
