"""Routes of pools."""

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery
from pydantic import Field

from api_gateway.adapters.database import pools
from api_gateway.adapters.http import cursors
from api_gateway.adapters.http.pools import answers
from api_gateway.adapters.http.shared import (
    NoQuery,
    Query,
    Text,
    WithClock,
    WithReader,
    WithSettings,
    answer,
    documented,
)
from api_gateway.domain.pools import accounts_of

router = APIRouter(prefix="/api/v1/pools", tags=["pools"])

_LIST = "pool workers"


class WorkersQuery(Query):
    """Filters and page."""

    account: list[Annotated[Text, Field(max_length=64)]] = Field(
        default=[], max_length=50, description="account_id; given repeatedly: any of them"
    )
    unmatched: bool | None = Field(
        default=None, description="true: only those without a miner; false: only those with one"
    )
    limit: int = Field(default=100, ge=1, le=500)
    cursor: Annotated[str, Field(max_length=4 * cursors.MAX_CURSOR)] | None = Field(
        default=None, description="`next` of the page before; keep the filters as they were"
    )


@router.get("", responses=documented(answers.Pools, answers.POOLS_EXAMPLE))
async def list_pools(
    _: Annotated[NoQuery, FromQuery()],
    reader: WithReader,
    settings: WithSettings,
    clock: WithClock,
) -> Response:
    """The accounts at pools: what each pool sees, pays and owes, and how old that is."""
    groups = await pools.group_workers(reader, stale_after_s=settings.gateway_pool_stale_after_s)
    rates, balances = await pools.newest_rates(reader), await pools.newest_balances(reader)
    return answer({"items": accounts_of(groups, rates, balances, now=clock.now())})


@router.get("/workers", responses=documented(answers.WorkerPage, answers.WORKERS_EXAMPLE))
async def list_workers(
    query: Annotated[WorkersQuery, FromQuery()], reader: WithReader, settings: WithSettings
) -> Response:
    """The workers that pools speak of, by account and name, each with its miner if it is known.

    A name may be there more than once: a pool tells its connections apart by `worker_id`.
    """
    after = None
    if query.cursor is not None:
        account, worker, identity = cursors.decode(query.cursor, _LIST, [str] * 3)
        after = str(account), str(worker), str(identity)
    rows = await pools.list_workers(
        reader,
        accounts=query.account,
        unmatched=query.unmatched,
        after=after,
        limit=query.limit + 1,
        stale_after_s=settings.gateway_pool_stale_after_s,
    )
    page, following = rows[: query.limit], None
    if len(rows) > query.limit:
        last = page[-1]
        following = cursors.encode(
            _LIST, last["account_id"], last["worker"], last["worker_id"] or ""
        )
    return answer({"items": page, "next": following})
