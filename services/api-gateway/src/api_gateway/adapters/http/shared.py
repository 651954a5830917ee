"""What all routes share: how they get at the database, and how answers are made and described."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, Path, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, create_model

from api_gateway.adapters.database import Reader
from api_gateway.adapters.scrape import System
from api_gateway.adapters.tracing import Ways
from api_gateway.domain.history import DEFAULT_SPAN
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import Clock
from minestream_runtime.health import Health
from minestream_schemas.event import Model
from minestream_schemas.ids import SLUG

_ENCODER: Final = msgspec.json.Encoder()
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


class Query(BaseModel):
    """The parameters of one route; any other is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Query):
    """A route without parameters."""


def _readable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    return text


def _plausible(at: datetime) -> datetime:
    # compared by year first: the first and last days of the calendar have no UTC equivalent
    if not _EARLIEST.year <= at.year <= _LATEST.year or not _EARLIEST <= at <= _LATEST:
        raise ValueError("an instant between 2000 and 2100 is wanted")
    return at.astimezone(UTC)


Text = Annotated[str, AfterValidator(_readable)]
At = Annotated[AwareDatetime, AfterValidator(_plausible)]


class SpanQuery(Query):
    """From when to when."""

    start: At | None = Field(
        default=None, alias="from", description="included; 24 h before `to` when absent"
    )
    end: At | None = Field(default=None, alias="to", description="not included; now when absent")

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """Both ends, those that were not asked for filled in; nothing says yet that they differ."""
        end = self.end or now
        return self.start or end - DEFAULT_SPAN, end


MinerPath = Annotated[
    str, Path(pattern=SLUG, description="the miner's id", examples=["site-a-r01-s03"])
]
SitePath = Annotated[str, Path(pattern=SLUG, description="the site's id", examples=["site-a"])]


def _reader(request: Request) -> Reader:
    reader: Reader = request.app.state.reader
    return reader


def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


def _settings(request: Request) -> GatewaySettings:
    settings: GatewaySettings = request.app.state.settings
    return settings


def _health(request: Request) -> Health:
    health: Health = request.app.state.health
    return health


def _ways(request: Request) -> Ways:
    ways: Ways = request.app.state.ways
    return ways


def _system(request: Request) -> System:
    system: System = request.app.state.system
    return system


WithReader = Annotated[Reader, Depends(_reader)]
WithClock = Annotated[Clock, Depends(_clock)]
WithHealth = Annotated[Health, Depends(_health)]
WithSettings = Annotated[GatewaySettings, Depends(_settings)]
WithWays = Annotated[Ways, Depends(_ways)]
WithSystem = Annotated[System, Depends(_system)]


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
