"""Routes of sites."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery
from pydantic import Field

from api_gateway.adapters.database import sites
from api_gateway.adapters.http import cursors
from api_gateway.adapters.http.access import WithReader, WithSettings
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.problems import NotFoundError
from api_gateway.adapters.http.queries import NoQuery, Query, SitePath
from api_gateway.adapters.http.sites import answers
from api_gateway.domain.summary import summarise

router = APIRouter(prefix="/api/v1/sites", tags=["sites"])


class SitesQuery(Query):
    """Which page."""

    limit: int = Field(default=100, ge=1, le=500)
    cursor: Annotated[str, Field(max_length=cursors.MAX_CURSOR)] | None = Field(
        default=None, description="`next` of the page before"
    )


@router.get("", responses=documented(answers.SitePage, answers.SITES_EXAMPLE))
async def list_sites(query: Annotated[SitesQuery, FromQuery()], reader: WithReader) -> Response:
    """The sites, by id."""
    after = "" if query.cursor is None else cursors.decode(query.cursor, "sites", [str])[0]
    rows = await sites.list_sites(reader, str(after), query.limit + 1)
    page, more = rows[: query.limit], len(rows) > query.limit
    following = cursors.encode("sites", page[-1]["site_id"]) if more else None
    return answer({"items": page, "next": following})


@router.get("/{site_id}/summary", responses=documented(answers.Summary, answers.SUMMARY_EXAMPLE))
async def get_summary(
    site_id: SitePath,
    _: Annotated[NoQuery, FromQuery()],
    reader: WithReader,
    settings: WithSettings,
) -> Response:
    """What a site's miners do now, added up."""
    site = await sites.find_site(reader, site_id)
    if site is None:
        raise NotFoundError(f"no site {site_id}")
    groups = await sites.group_miners(reader, site_id, stale_after_s=settings.gateway_stale_after_s)
    return answer(site | asdict(summarise(groups)))
