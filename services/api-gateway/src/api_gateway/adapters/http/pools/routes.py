"""Routes of pools."""

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery
from pydantic import Field

from api_gateway.adapters.database import pools
from api_gateway.adapters.http import cursors
from api_gateway.adapters.http.access import WithClock, WithReader, WithSettings
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.pools import answers
from api_gateway.adapters.http.problems import InvalidRequestError
from api_gateway.adapters.http.queries import At, NoQuery, Query, Text
from api_gateway.domain.pools import accounts_of
from minestream_schemas.pool import RewardKind

router = APIRouter(prefix="/api/v1/pools", tags=["pools"])

_LIST = "pool workers"
_REWARDS = "pool rewards"
_SPAN: Final = timedelta(days=35)


class AccountsQuery(Query):
    """Whose."""

    account: list[Annotated[Text, Field(max_length=64)]] = Field(
        default=[], max_length=50, description="account_id; given repeatedly: any of them"
    )


class RewardsQuery(AccountsQuery):
    """Whose, of which kind, from when to when, which page."""

    kind: list[RewardKind] = Field(default=[], max_length=2)
    start: At | None = Field(
        default=None, alias="from", description="included; 35 days before `to` when absent"
    )
    end: At | None = Field(default=None, alias="to", description="not included; now when absent")
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: Annotated[str, Field(max_length=cursors.MAX_CURSOR)] | None = Field(
        default=None, description="`next` of the page before; it brings the range along"
    )


class WorkersQuery(AccountsQuery):
    """Filters and page."""

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


@router.get("/stats", responses=documented(answers.AccountStats, answers.STATS_EXAMPLE))
async def list_stats(
    query: Annotated[AccountsQuery, FromQuery()], reader: WithReader, settings: WithSettings
) -> Response:
    """What each pool said last of each account: hashrates, workers, what is unpaid, coin by coin.

    Of a coin that is mined along there are no hashrates: they stand at the coin that is mined.
    While a pool throttles us its last answer is repeated: `stale`.
    """
    rows = await pools.newest_stats(
        reader, accounts=query.account, stale_after_s=settings.gateway_pool_stale_after_s
    )
    return answer({"items": rows})


@router.get("/payouts", responses=documented(answers.Payouts, answers.PAYOUTS_EXAMPLE))
async def list_payouts(
    query: Annotated[AccountsQuery, FromQuery()], reader: WithReader
) -> Response:
    """When each account is paid, and when it was paid last; what a pool does not tell is null."""
    return answer({"items": await pools.payout_schedules(reader, accounts=query.account)})


@router.get("/rewards", responses=documented(answers.RewardPage, answers.REWARDS_EXAMPLE))
async def list_rewards(
    query: Annotated[RewardsQuery, FromQuery()], reader: WithReader, clock: WithClock
) -> Response:
    """Single credits and payouts, the newest first. A day's credit is told when the day is over."""
    span, after = _asked(query, clock.now())
    rows = await pools.list_rewards(
        reader,
        span,
        accounts=query.account,
        kinds=query.kind,
        after=after,
        limit=query.limit + 1,
    )
    page, following = rows[: query.limit], None
    if len(rows) > query.limit:
        last = page[-1]
        following = cursors.encode(_REWARDS, *span, last["ts"], str(last["event_id"]))
    told = [{key: value for key, value in row.items() if key != "event_id"} for row in page]
    return answer({"items": told, "next": following})


def _asked(
    query: RewardsQuery, now: datetime
) -> tuple[tuple[datetime, datetime], tuple[str, str] | None]:
    """From when to when, and after which reward; a cursor brings both."""
    after = None
    if query.cursor is None:
        end = query.end or now
        start = query.start or end - _SPAN
    else:
        begin, until, at, identity = cursors.decode(query.cursor, _REWARDS, [str] * 4)
        start, end = cursors.instant(begin), cursors.instant(until)
        after = cursors.instant(at).isoformat(), _identity(identity)
    if start >= end:
        raise InvalidRequestError("from", "from must be before to")
    return (start, end), after


def _identity(said: object) -> str:
    try:
        return str(UUID(str(said)))
    except ValueError as exc:
        raise InvalidRequestError("cursor", "this is no cursor of ours") from exc
