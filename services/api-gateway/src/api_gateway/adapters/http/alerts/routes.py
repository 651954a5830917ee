"""Routes of alerts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from fastapi import Query as FromQuery
from pydantic import Field

from api_gateway.adapters.database import alerts
from api_gateway.adapters.database.alerts import Filters
from api_gateway.adapters.http import cursors
from api_gateway.adapters.http.access import WithReader
from api_gateway.adapters.http.alerts import answers
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.problems import NotFoundError
from api_gateway.adapters.http.queries import NoQuery, Query, Text
from minestream_schemas.alert import Severity

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

_Some = Annotated[list[Annotated[Text, Field(max_length=64)]], Field(max_length=50)]
_AlertPath = Annotated[
    UUID,
    Path(description="the alert's id", examples=["9f0d7a52-6f4e-5f0c-8a35-0b9c5d1e7a69"]),
]
_LIST = "alerts"


class AlertsQuery(Query):
    """Filters and page. A filter given repeatedly finds any of its values."""

    firing: bool | None = Field(
        default=None, description="true: those that fire; false: those that are over"
    )
    severity: list[Severity] = Field(default=[], max_length=50, description="as it is now")
    site: _Some = Field(default=[], description="site_id")
    miner: _Some = Field(default=[], description="miner_id")
    rule: _Some = Field(default=[], examples=[["temperature"]])
    limit: int = Field(default=100, ge=1, le=500)
    cursor: Annotated[str, Field(max_length=cursors.MAX_CURSOR)] | None = Field(
        default=None, description="`next` of the page before; keep the filters as they were"
    )


@router.get("", responses=documented(answers.AlertPage, answers.PAGE_EXAMPLE))
async def list_alerts(query: Annotated[AlertsQuery, FromQuery()], reader: WithReader) -> Response:
    """Alerts by when they fired, newest first, each as its newest transition left it.

    Each says on which channels it was told, and what of that still waits or has failed. Where the
    alerter has never run the answer is 503: its schema is not there.
    """
    after = None
    if query.cursor is not None:
        fired_at, alert_id = cursors.decode(query.cursor, _LIST, [str, str])
        after = (cursors.instant(fired_at).isoformat(), str(alert_id))
    filters = Filters(
        any_of={
            "severity": query.severity,
            "site_id": query.site,
            "miner_id": query.miner,
            "rule": query.rule,
        },
        firing=query.firing,
    )
    rows = await alerts.list_alerts(reader, filters, after, query.limit + 1)
    page, following = rows[: query.limit], None
    if len(rows) > query.limit:
        following = cursors.encode(_LIST, page[-1]["fired_at"], page[-1]["alert_id"])
    return answer({"items": page, "next": following})


@router.get("/{alert_id}", responses=documented(answers.AlertDetail, answers.DETAIL_EXAMPLE))
async def get_alert(
    alert_id: _AlertPath, _: Annotated[NoQuery, FromQuery()], reader: WithReader
) -> Response:
    """One alert: every transition, and every notification with its channel, state and tries."""
    found = await alerts.find_alert(reader, alert_id)
    if found is None:
        raise NotFoundError(f"no alert {alert_id}")
    return answer(found)
