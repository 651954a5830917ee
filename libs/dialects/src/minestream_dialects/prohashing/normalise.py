"""From one message of the pool to events: decodes the body, and has the part for it read it.

Pure: the same message gives the same events, whenever it is read.
"""

from collections.abc import Mapping
from typing import Final

from minestream_dialects.bodies import decode
from minestream_dialects.prohashing.balances import balances, wallet
from minestream_dialects.prohashing.notices import failures, found_blocks
from minestream_dialects.prohashing.rates import UNITS_HS, profitability, status
from minestream_dialects.prohashing.workers import MinerOf, http_worker, wamp_worker
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.pool import (
    PoolBalance,
    PoolMessage,
    PoolNotice,
    PoolRate,
    PoolStats,
    PoolWorker,
    RawPool,
)
from minestream_schemas.raw import EndpointBody, PollStatus

__all__ = ["MinerOf", "normalise_pool"]

HTTP: Final = "prohashing-http"
_TOLD: Final = frozenset(
    {
        PoolMessage.WORKER,
        PoolMessage.PROFITABILITY,
        PoolMessage.BALANCES,
        PoolMessage.WALLET,
        PoolMessage.STATUS,
        PoolMessage.FOUND_BLOCK,
        PoolMessage.MINING_FAILURE,
    }
)
Told = tuple[PoolWorker | PoolRate | PoolBalance | PoolStats | PoolNotice, ...]


def normalise_pool(
    raw: RawPool, *, miner_of: MinerOf, units_hs: Mapping[str, float] = UNITS_HS
) -> Told:
    """Turn one message into events.

    A message that failed says nothing, nor does one that nobody needs in our names (pool-wide
    totals, the proxy's own status): both stay in the raw topic.

    Args:
        raw: one message, any body.
        miner_of: a worker's name to its miner and site; None: unknown, or several have it.
        units_hs: how many H/s the numbers of ``profitability`` are per, by the algorithm's id or
            name; see ``rates.UNITS_HS``.

    Returns:
        workers, rates, balances, stats or notices; nothing where there is nothing to tell.

    Raises:
        UnreadableError: the body is none, no JSON, or of the wrong shape.
    """
    if raw.status is not PollStatus.OK:
        return ()
    content = _content(raw) if raw.message in _TOLD else None
    told: Told = ()
    match raw.message:
        case PoolMessage.WORKER if raw.dialect == HTTP:
            told = http_worker(raw, content, miner_of)
        case PoolMessage.WORKER:
            told = wamp_worker(raw, content, miner_of)
        case PoolMessage.PROFITABILITY:
            told = profitability(raw, content, units_hs)
        case PoolMessage.BALANCES:
            told = balances(raw, content)
        case PoolMessage.WALLET:
            told = wallet(raw, content)
        case PoolMessage.STATUS if raw.dialect == HTTP:
            told = status(raw, content)
        case PoolMessage.FOUND_BLOCK:
            told = found_blocks(raw, content, miner_of)
        case PoolMessage.MINING_FAILURE:
            told = failures(raw, content, miner_of)
    return told


def _content(raw: RawPool) -> object:
    """The body, decoded; of a change the whole record after it.

    Raises:
        UnreadableError: there is none, or it is no JSON.
    """
    body = raw.body if raw.merged is None else raw.merged
    decoded = decode(EndpointBody(status=PollStatus.OK, fetched_at=raw.received_at, body=body))
    if decoded.problem is not None:
        raise UnreadableError(f"{raw.message}: {decoded.problem}")
    return decoded.value
