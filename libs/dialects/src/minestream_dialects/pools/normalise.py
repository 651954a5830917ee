"""From one message of any pool to events: decodes it, has its pool read it, joins its workers.

Pure: the same message gives the same events, whenever it is read.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from minestream_dialects.bodies import decode
from minestream_dialects.fields import Flags
from minestream_dialects.pools.port import (
    AccountStats,
    Cycle,
    MiningReward,
    PayoutSchedule,
    Pool,
    WorkerStats,
)
from minestream_dialects.pools.registry import POOLS
from minestream_dialects.prohashing import MinerOf, normalise_pool
from minestream_dialects.prohashing.rates import UNITS_HS
from minestream_dialects.prohashing.workers import MINER_UNKNOWN, by_short_name
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.ids import derived_id
from minestream_schemas.pool import (
    PoolBalance,
    PoolMessage,
    PoolNotice,
    PoolRate,
    PoolReward,
    PoolStats,
    PoolWorker,
    RawPool,
)
from minestream_schemas.raw import EndpointBody, PollStatus
from minestream_schemas.telemetry import QualityFlag

Told = PoolWorker | PoolRate | PoolBalance | PoolStats | PoolReward | PoolNotice
_READ: Final = frozenset({PollStatus.OK, PollStatus.PARTIAL})
_PAGE: Final = "#"
"""Between a paged call's name and the number of a further page."""


def normalise(
    raw: RawPool,
    *,
    miner_of: MinerOf,
    units_hs: Mapping[str, float] = UNITS_HS,
    pools: Mapping[str, Pool[Any]] = POOLS,
) -> tuple[Told, ...]:
    """Turn one message of a pool into events.

    A message that failed says nothing. An endpoint that failed costs its own figures, and its
    name is a flag.

    Args:
        raw: one message, any body.
        miner_of: a worker's name to its miner and site; None: unknown, or several have it.
        units_hs: of Prohashing's rates, see ``prohashing.rates``.
        pools: by name; what none of them is called is Prohashing's.

    Raises:
        UnreadableError: nothing of it can be read.
    """
    pool = pools.get(raw.dialect)
    if pool is None:
        return normalise_pool(raw, miner_of=miner_of, units_hs=units_hs)
    if raw.status not in _READ:
        return ()
    cycle = _cycle(raw)
    if raw.message is PoolMessage.SNAPSHOT:
        return _snapshot(pool, cycle, miner_of)
    return _rewards(pool, cycle)


def _rewards(pool: Pool[Any], cycle: Cycle) -> tuple[Told, ...]:
    """Credits and payouts; an account may have none.

    Raises:
        UnreadableError: there are some, and not one of them can be read.
    """
    before = set(cycle.flags.sorted())
    rewards = pool.rewards(cycle)
    faults = sorted(set(cycle.flags.sorted()) - before)
    if not rewards and faults:
        raise UnreadableError(f"{cycle.raw.message}: {', '.join(faults)}"[:200])
    return tuple(_reward(pool, cycle, each) for each in rewards if _is_over(each, cycle.raw))


def _cycle(raw: RawPool) -> Cycle:
    """Decode what came.

    Raises:
        UnreadableError: not one answer can be decoded, although some came.
    """
    flags = Flags()
    pages: dict[str, list[tuple[int, Any]]] = {}
    fetched_at: dict[str, datetime] = {}
    problems: list[str] = []
    for key, endpoint in sorted(raw.endpoints.items()):
        name, _, page = key.partition(_PAGE)
        value = _value(key, endpoint, flags, problems)
        if value is None:
            flags.add(QualityFlag.ENDPOINT_MISSING, name[:64])
            continue
        pages.setdefault(name, []).append((int(page) if page.isdecimal() else 1, value))
        at = fetched_at.get(name, endpoint.fetched_at)
        fetched_at[name] = min(at, endpoint.fetched_at)
    for name in raw.stale_endpoints:
        flags.add(QualityFlag.ENDPOINT_STALE, name[:64])
    if not pages:
        raise UnreadableError("; ".join(problems)[:200] or "not one answer in it")
    answers = {
        name: tuple(value for _, value in sorted(numbered, key=lambda page: page[0]))
        for name, numbered in pages.items()
    }
    return Cycle(raw, answers, fetched_at, flags)


def _value(key: str, endpoint: EndpointBody, flags: Flags, problems: list[str]) -> Any:
    if endpoint.status is not PollStatus.OK:
        return None
    decoded = decode(endpoint)
    if decoded.problem is not None:
        problems.append(f"{key[:64]}: {decoded.problem}")
        return None
    if decoded.repaired:
        flags.add(QualityFlag.REPAIRED)
    if type(decoded.value) is not dict:
        problems.append(f"{key[:64]}: not an object")
        return None
    return decoded.value


def _snapshot(pool: Pool[Any], cycle: Cycle, miner_of: MinerOf) -> tuple[Told, ...]:
    snapshot = pool.snapshot(cycle)
    if not snapshot.workers and not any(map(_says_anything, snapshot.stats)):
        raise UnreadableError("snapshot: not one figure in it can be read")
    scheme = cycle.raw.payout_scheme or pool.scheme
    told: list[Told] = []
    for stats in snapshot.stats:
        told.append(_stats(cycle, stats, scheme))
        if stats.unpaid_coins is not None and not cycle.raw.stale_endpoints:
            told.append(_balance(cycle.raw, stats, stats.unpaid_coins))
    told += [_worker(cycle.raw, worker, scheme, miner_of) for worker in snapshot.workers]
    return tuple(told)


def _says_anything(stats: AccountStats) -> bool:
    figures = (
        *(stats.hashrate_hs, stats.hashrate_1h_hs, stats.hashrate_24h_hs, stats.hashrate_7d_hs),
        *(stats.unpaid_coins, stats.paid_coins, stats.workers_active, stats.workers_total),
    )
    return any(figure is not None for figure in figures)


def _stats(cycle: Cycle, stats: AccountStats, scheme: str) -> PoolStats:
    raw, payout = cycle.raw, stats.payout
    return PoolStats(
        event_id=derived_id("pool-stats", raw.event_id, stats.coin),
        raw_event_id=raw.event_id,
        subject=f"{raw.account_id}/{stats.coin}",
        ts=raw.received_at,
        account_id=raw.account_id,
        pool=raw.pool,
        algorithm=stats.algorithm,
        coin=stats.coin,
        merged_coins=stats.merged_coins,
        hashrate_hs=stats.hashrate_hs,
        hashrate_1h_hs=stats.hashrate_1h_hs,
        hashrate_24h_hs=stats.hashrate_24h_hs,
        hashrate_7d_hs=stats.hashrate_7d_hs,
        workers_total=stats.workers_total,
        workers_active=stats.workers_active,
        last_share_at=stats.last_share_at,
        unpaid_coins=stats.unpaid_coins,
        paid_coins=stats.paid_coins,
        payout_scheme=scheme,
        **_schedule(payout),
        stale=bool(raw.stale_endpoints),
        quality_flags=tuple(sorted({*stats.flags.sorted(), *cycle.flags.sorted()})),
    )


def _schedule(payout: PayoutSchedule | None) -> dict[str, Any]:
    if payout is None:
        return {}
    return {
        "payout_kind": payout.kind,
        "payout_threshold_coins": payout.threshold_coins,
        "next_payout_at": payout.next_at,
        "next_payout_coins": payout.next_coins,
    }


def _balance(raw: RawPool, stats: AccountStats, unpaid_coins: float) -> PoolBalance:
    return PoolBalance(
        event_id=derived_id("pool-balance", raw.event_id, stats.coin),
        raw_event_id=raw.event_id,
        subject=f"{raw.account_id}/{stats.coin}",
        ts=raw.received_at,
        account_id=raw.account_id,
        pool=raw.pool,
        coin=stats.coin,
        balance_coins=unpaid_coins,
        unpaid_coins=unpaid_coins,
        paid_coins=stats.paid_coins,
    )


def _worker(raw: RawPool, worker: WorkerStats, scheme: str, miner_of: MinerOf) -> PoolWorker:
    """What was fetched once is told once: its id comes from when, not from who repeats it."""
    miner = miner_of(worker.name) or by_short_name(worker.name, miner_of)
    miner_id, site_id = miner or (None, None)
    unknown = () if miner else (MINER_UNKNOWN,)
    identity = (raw.account_id, worker.name, worker.worker_id or "", worker.said_at.isoformat())
    return PoolWorker(
        event_id=derived_id("pool-worker", *identity),
        raw_event_id=raw.event_id,
        subject=miner_id or f"{raw.account_id}/{worker.name}",
        ts=worker.said_at,
        account_id=raw.account_id,
        pool=raw.pool,
        worker=worker.name,
        worker_id=worker.worker_id,
        miner_id=miner_id,
        site_id=site_id,
        algorithm=worker.algorithm,
        coin=worker.coin,
        merged_coins=worker.merged_coins,
        payout_scheme=scheme,
        state=worker.state,
        hashrate_hs=worker.hashrate_hs,
        hashrate_1h_hs=worker.hashrate_1h_hs,
        hashrate_24h_hs=worker.hashrate_24h_hs,
        last_share_at=worker.last_share_at,
        shares_total=worker.shares_total,
        shares_recent=worker.shares_recent,
        stale_total=worker.stale_total,
        rejected_total=worker.rejected_total,
        quality_flags=tuple(sorted((*worker.flags.sorted(), *unknown))),
    )


def _is_over(reward: MiningReward, raw: RawPool) -> bool:
    """A day that is not over may bring more: it is told when it is."""
    return reward.at + timedelta(seconds=reward.period_s or 0.0) <= raw.received_at


def _reward(pool: Pool[Any], cycle: Cycle, reward: MiningReward) -> PoolReward:
    raw = cycle.raw
    identity = (raw.account_id, reward.kind, reward.coin, reward.identity)
    return PoolReward(
        event_id=derived_id("pool-reward", *identity),
        raw_event_id=raw.event_id,
        subject=f"{raw.account_id}/{reward.coin}",
        ts=reward.at,
        account_id=raw.account_id,
        pool=raw.pool,
        kind=reward.kind,
        coin=reward.coin,
        amount_coins=reward.amount_coins,
        fee_coins=reward.fee_coins,
        period_s=reward.period_s,
        payout_scheme=raw.payout_scheme or reward.scheme or pool.scheme,
        reference=reward.reference,
        quality_flags=reward.flags.sorted(),
    )
