"""What a request may ask for: the parameters of routes, and what is refused of them."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api_gateway.domain.history import DEFAULT_SPAN
from minestream_schemas.ids import SLUG

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
