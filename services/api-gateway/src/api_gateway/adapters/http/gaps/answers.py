"""What the route of gaps answers: descriptions and examples."""

from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, Field

from api_gateway.adapters.http.answering import answer_model
from minestream_schemas.gap import Gap

GapItem = answer_model("GapItem", Gap, leave_out=frozenset({"event_id"}))


class GapPage(BaseModel):
    """A page of gaps."""

    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
    items: list[GapItem]  # type: ignore[valid-type] # made from the contract
    next: str | None = Field(description="cursor of the next page; null: this was the last")


GAP_EXAMPLE: Final[dict[str, Any]] = {
    "gap_id": "0199d2a4-7c1e-5b3a-9f10-2f6d8c0a5e13",
    "subject": "site-a-r01-s03",
    "site_id": "site-a",
    "cause": "miner_silent",
    "began_at": "2026-01-31T11:00:00Z",
    "ended_at": "2026-01-31T11:05:00Z",
    "filled": False,
    "lost_total": 0,
    "reported_by": "processor",
}
_LINK_EXAMPLE: Final = GAP_EXAMPLE | {
    "gap_id": "0199d2a4-7c1e-5b3a-9f10-2f6d8c0a5e14",
    "subject": "collector-vnish-0",
    "site_id": None,
    "cause": "link_down",
    "ended_at": None,
    "reported_by": "collector-vnish-0",
}
PAGE_EXAMPLE: Final = {
    "from": "2026-01-31T10:00:00Z",
    "to": "2026-01-31T12:00:00Z",
    "items": [GAP_EXAMPLE, _LINK_EXAMPLE],
    "next": None,
}
