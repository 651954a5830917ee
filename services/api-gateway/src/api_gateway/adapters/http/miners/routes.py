"""Routes of miners."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery
from pydantic import Field

from api_gateway.adapters.database import gaps, miners
from api_gateway.adapters.database.miners import Filters
from api_gateway.adapters.http import cursors
from api_gateway.adapters.http.access import WithReader
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.miners import answers
from api_gateway.adapters.http.problems import InvalidRequestError, NotFoundError
from api_gateway.adapters.http.queries import At, MinerPath, Query, Text
from api_gateway.adapters.http.waiting import WaitQuery, WithWaiting
from api_gateway.domain.listing import SORTABLE, parse_sort
from minestream_schemas.telemetry import MinerStatus

router = APIRouter(prefix="/api/v1/miners", tags=["miners"])

_Some = Annotated[list[Annotated[Text, Field(max_length=64)]], Field(max_length=50)]


class MinersQuery(Query):
    """Filters, order and page. A filter given repeatedly finds any of its values."""

    site: _Some = Field(default=[], description="site_id")
    rack: _Some = Field(default=[], description="rack_id")
    status: list[MinerStatus] = Field(default=[], max_length=50, description="what it said last")
    algorithm: _Some = Field(default=[], examples=[["scrypt"]])
    model: _Some = Field(default=[], examples=[["Antminer L9"]])
    q: Annotated[Text, Field(max_length=100)] | None = Field(
        default=None, description="found anywhere in id, address, rack, model or worker"
    )
    sort: Annotated[str, Field(max_length=40)] = Field(
        default="miner_id",
        description=f"a field, - before it for descending; nulls last: {', '.join(SORTABLE)}",
        examples=["-hashrate_hs"],
    )
    limit: int = Field(default=100, ge=1, le=500)
    cursor: Annotated[str, Field(max_length=cursors.MAX_CURSOR)] | None = Field(
        default=None, description="`next` of the page before; keep filters and sort as they were"
    )


class AtQuery(Query):
    """At which instant."""

    at: At | None = Field(default=None, description="newest at or before; now when absent")


@router.get("", responses=documented(answers.MinerPage, answers.PAGE_EXAMPLE))
async def list_miners(query: Annotated[MinersQuery, FromQuery()], reader: WithReader) -> Response:
    """The fleet, each miner with what it said last.

    Pages are by position, not by number: a miner is neither given twice nor left out while others
    come and go. (While you page by a field that changes, such as hashrate, a miner may move past
    the cursor; `sort=miner_id` has no such surprise.)
    """
    try:
        sort = parse_sort(query.sort)
    except ValueError as exc:
        raise InvalidRequestError("sort", str(exc)) from exc
    after = None if query.cursor is None else cursors.decode_position(query.cursor, sort)
    filters = Filters(
        any_of={
            "site_id": query.site,
            "rack_id": query.rack,
            "status": query.status,
            "algorithm": query.algorithm,
            "model": query.model,
        },
        text=query.q,
    )
    rows = await miners.list_miners(reader, filters, sort, after, query.limit + 1)
    page = rows[: query.limit]
    more = len(rows) > query.limit
    return answer(
        {"items": page, "next": cursors.encode_position(sort, page[-1]) if more else None}
    )


@router.get("/{miner_id}", responses=documented(answers.MinerDetail, answers.DETAIL_EXAMPLE))
async def get_miner(
    miner_id: MinerPath,
    query: Annotated[WaitQuery, FromQuery()],
    reader: WithReader,
    waiting: WithWaiting,
) -> Response:
    """One miner: its entry, its newest reading with boards, its open gaps."""
    known = await waiting.found(partial(miners.find_known, reader, miner_id), query.wait_s)
    if known is None:
        raise NotFoundError(f"no miner {miner_id}")
    entry, latest = known
    return answer(
        {
            "miner_id": miner_id,
            "status": MinerStatus.UNKNOWN if latest is None else latest["status"],
            "entry": entry,
            "latest": latest,
            "gaps": await gaps.open_gaps(reader, miner_id),
        }
    )


@router.get("/{miner_id}/boards", responses=documented(answers.Boards, answers.BOARDS_EXAMPLE))
async def get_boards(
    miner_id: MinerPath, query: Annotated[AtQuery, FromQuery()], reader: WithReader
) -> Response:
    """Its boards, in its newest reading that had any."""
    rows = await miners.newest_boards(reader, miner_id, query.at)
    if not rows:
        await require_known(reader, miner_id)
    ts = rows[0]["ts"] if rows else None
    return answer({"miner_id": miner_id, "ts": ts, "items": rows})


@router.get("/{miner_id}/chips", responses=documented(answers.Chips, answers.CHIPS_EXAMPLE))
async def get_chips(
    miner_id: MinerPath, query: Annotated[AtQuery, FromQuery()], reader: WithReader
) -> Response:
    """Its chips, in its newest sample (collectors take one every 300 s)."""
    rows = await miners.newest_chips(reader, miner_id, query.at)
    if not rows:
        await require_known(reader, miner_id)
    ts = rows[0]["ts"] if rows else None
    kept = [{key: row[key] for key in answers.ChipItem.model_fields} for row in rows]
    return answer({"miner_id": miner_id, "ts": ts, "items": kept})


async def require_known(reader: WithReader, miner_id: str) -> None:
    """Raise where neither the fleet nor the telemetry knows a miner.

    Raises:
        NotFoundError: nobody has heard of it.
    """
    if await miners.find_known(reader, miner_id) is None:
        raise NotFoundError(f"no miner {miner_id}")
