"""Five pools on the network, each below its own path, with what may be wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from minestream_emulators.pools import bitcoin_pools, litecoin_pools
from minestream_emulators.pools.ledger import Ledger
from minestream_emulators.troubles import Trouble

if TYPE_CHECKING:
    from minestream_emulators.outside import Outside

KEY: Final = "demo-key"
ADDRESS: Final = bitcoin_pools.ADDRESS
POOLS: Final = {
    "ocean": "sha256d",
    "braiins": "sha256d",
    "litecoinpool": "scrypt",
    "f2pool": "scrypt",
    "viabtc": "scrypt",
}
RETRY_AFTER_S: Final = 2
_MOST_ON_A_PAGE: Final = 100
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Asked = dict[str, Any]
"""What a question says: in its path, its query, its body."""
Tell = Callable[[Asked, Ledger], Any]


class Site:
    """The pools' servers.

    Args:
        outside: whose fleet they pay, and what is wrong.
    """

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self.ledgers = {
            name: Ledger(outside.fleet, name, algorithm, self._now_s())
            for name, algorithm in POOLS.items()
        }
        self.asked: dict[str, int] = dict.fromkeys(POOLS, 0)

    def application(self) -> web.Application:
        """What ``/pools`` is."""
        app = web.Application(middlewares=[self._troubled])
        for pool, method, path, tell in (*_OPEN, *_KEYED):
            keyed = (pool, method, path, tell) in _KEYED
            app.router.add_route(method, f"/{pool}/{path}", self._answering(pool, tell, keyed))
        return app

    def _now_s(self) -> float:
        return self._outside.fleet.now().timestamp()

    def _answering(self, pool: str, tell: Tell, keyed: bool) -> Handler:  # noqa: FBT001 - which
        async def answer(request: web.Request) -> web.StreamResponse:
            self.asked[pool] += 1
            troubles = self._outside.troubles
            if keyed and (Trouble.POOL_WRONG_KEY in troubles or not _known(request)):
                return _refusal(pool)
            ledger = self.ledgers[pool]
            if Trouble.POOL_STALE not in troubles:
                ledger.advance(self._now_s())
            if Trouble.POOL_MALFORMED in troubles:
                return web.Response(text="<html>maintenance</html>", content_type="text/html")
            content = await request.json() if request.method == "POST" else {}
            asked = {**request.query, **request.match_info, **content}
            refusal = _REFUSALS[pool](asked) if pool in _REFUSALS else None
            return web.json_response(tell(asked, ledger) if refusal is None else refusal)

        return answer

    @web.middleware
    async def _troubled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        troubles = self._outside.troubles
        if Trouble.POOL_DOWN in troubles:
            if isinstance(request.transport, asyncio.Transport):
                request.transport.abort()
            raise web.HTTPServiceUnavailable
        if Trouble.POOL_429 in troubles:
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            return web.json_response({"error": "slow down"}, status=429, headers=headers)
        if Trouble.POOL_429_BARE in troubles:
            if "/f2pool/" in request.path:  # its own way to say it
                return web.json_response({"code": 429, "msg": "rate limit: too many requests"})
            return web.json_response({"error": "slow down"}, status=429)
        return await handler(request)


def _known(request: web.Request) -> bool:
    given = (
        request.headers.get("Pool-Auth-Token"),
        request.headers.get("F2P-API-SECRET"),
        request.headers.get("X-API-KEY"),
        request.query.get("api_key"),
    )
    return KEY in given


def _refusal(pool: str) -> web.Response:
    """As each of them refuses a key."""
    if pool == "f2pool":
        return web.json_response({"code": 5010, "msg": "permission denied: token is invalid"})
    if pool == "viabtc":
        return web.json_response({"code": 12001, "data": {}, "message": "Invalid API key"})
    return web.json_response({"error": "forbidden"}, status=403)


def _span(asked: Asked) -> tuple[float, float]:
    """From when to when is asked, in any of the ways in which pools are asked."""
    begin = [asked[key] for key in ("begin", "from", "start_date", "start_time") if key in asked]
    end = [asked[key] for key in ("end", "to", "end_date", "end_time") if key in asked]
    return _epoch(*begin), _epoch(*end)


def _epoch(value: Any) -> float:
    text = str(value)
    if "-" not in text:
        return float(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _pages(asked: Asked, items: list[dict[str, Any]]) -> dict[str, Any]:
    limit = min(int(asked.get("limit", "20")), _MOST_ON_A_PAGE)
    return litecoin_pools.paged(items, int(asked.get("page", "1")), limit)


def _ocean_refusal(asked: Asked) -> dict[str, Any] | None:
    """Of an address that nobody mines to it says no more."""
    nobody = {"error": "No such user or user has no active workers"}
    return None if asked["who"] == ADDRESS else nobody


def _viabtc_workers(asked: Asked, ledger: Ledger) -> Any:
    limit = min(int(asked.get("limit", "20")), _MOST_ON_A_PAGE)
    return litecoin_pools.viabtc_workers(ledger, int(asked.get("page", "1")), limit)


def _viabtc_profit(asked: Asked, ledger: Ledger) -> Any:
    items = litecoin_pools.viabtc_profit(ledger, *_span(asked))
    return {"code": 0, "data": _pages(asked, items), "message": "OK"}


def _viabtc_rewards(asked: Asked, ledger: Ledger) -> Any:
    items = litecoin_pools.viabtc_rewards(ledger, *_span(asked))
    return {"code": 0, "data": _pages(asked, items), "message": "OK"}


def _viabtc_payments(asked: Asked, ledger: Ledger) -> Any:
    items = litecoin_pools.viabtc_payments(ledger, *_span(asked), asked["coin"])
    return {"code": 0, **_pages(asked, items), "message": "OK"}


_REFUSALS: Final[dict[str, Callable[[Asked], dict[str, Any] | None]]] = {
    "ocean": _ocean_refusal,
    "f2pool": litecoin_pools.f2pool_refusal,
}
"""What a pool says, with HTTP 200, in place of each answer; None: nothing is wrong."""
_OPEN: Final[tuple[tuple[str, str, str, Tell], ...]] = (
    (
        "ocean",
        "GET",
        "user_hashrate/{who}",
        lambda _, ledger: bitcoin_pools.ocean_hashrate(ledger),
    ),
    (
        "ocean",
        "GET",
        "user_hashrate_full/{who}",
        lambda _, ledger: bitcoin_pools.ocean_workers(ledger),
    ),
    (
        "ocean",
        "GET",
        "statsnap/{who}",
        lambda _, ledger: bitcoin_pools.ocean_statsnap(ledger),
    ),
    (
        "ocean",
        "GET",
        "earnpay/{who}/{begin}/{end}",
        lambda asked, ledger: bitcoin_pools.ocean_earnpay(ledger, *_span(asked)),
    ),
)
_BRAIINS: Final = "accounts/{}/json/btc"
_KEYED: Final[tuple[tuple[str, str, str, Tell], ...]] = (
    (
        "braiins",
        "GET",
        _BRAIINS.format("profile"),
        lambda _, ledger: bitcoin_pools.braiins_profile(ledger),
    ),
    (
        "braiins",
        "GET",
        _BRAIINS.format("workers"),
        lambda _, ledger: bitcoin_pools.braiins_workers(ledger),
    ),
    (
        "braiins",
        "GET",
        _BRAIINS.format("rewards"),
        lambda asked, ledger: bitcoin_pools.braiins_rewards(ledger, *_span(asked)),
    ),
    (
        "braiins",
        "GET",
        _BRAIINS.format("payouts"),
        lambda asked, ledger: bitcoin_pools.braiins_payouts(ledger, *_span(asked)),
    ),
    ("litecoinpool", "GET", "api", lambda _, ledger: litecoin_pools.litecoinpool(ledger)),
    (
        "f2pool",
        "POST",
        "hash_rate/info",
        lambda _, ledger: litecoin_pools.f2pool_info(ledger),
    ),
    (
        "f2pool",
        "POST",
        "hash_rate/worker/list",
        lambda _, ledger: litecoin_pools.f2pool_workers(ledger),
    ),
    (
        "f2pool",
        "POST",
        "assets/balance",
        lambda asked, ledger: litecoin_pools.f2pool_balance(ledger, asked["currency"]),
    ),
    ("f2pool", "POST", "mining_user/get", lambda *_: litecoin_pools.f2pool_user()),
    (
        "f2pool",
        "POST",
        "assets/transactions/list",
        lambda asked, ledger: litecoin_pools.f2pool_transactions(
            ledger, *_span(asked), asked["currency"]
        ),
    ),
    ("viabtc", "GET", "hashrate", lambda _, ledger: litecoin_pools.viabtc_hashrate(ledger)),
    ("viabtc", "GET", "hashrate/worker", _viabtc_workers),
    ("viabtc", "GET", "account", lambda _, ledger: litecoin_pools.viabtc_account(ledger)),
    ("viabtc", "GET", "profit/history", _viabtc_profit),
    ("viabtc", "GET", "reward/history", _viabtc_rewards),
    ("viabtc", "GET", "wallet/payment/history", _viabtc_payments),
)


def pools(outside: Outside) -> web.Application:
    """The pools, as a part of the world beyond the farm."""
    return Site(outside).application()
