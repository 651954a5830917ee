"""CoinMarketCap's web site as its callers see it: v3's quotes and listings, credits, its errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from minestream_emulators.market.sites import Handler, Site
from minestream_emulators.market.tape import COINS, DAY_S, Coin
from minestream_emulators.troubles import Trouble

if TYPE_CHECKING:
    from minestream_emulators.outside import Outside

KEY: Final = "cmc-emulated"
"""The one key that it takes."""
NUMBERS: Final = {"bitcoin": 1, "litecoin": 2, "dogecoin": 74}
_USD: Final = {"id": 2781, "symbol": "USD"}
_SPANS_S: Final = {"1h": 3_600.0, "24h": DAY_S, "7d": 7 * DAY_S, "30d": 30 * DAY_S}


def coinmarketcap(outside: Outside) -> web.Application:
    """What ``/coinmarketcap`` is."""
    return _CoinMarketCap(outside).application()


class _CoinMarketCap(Site):
    down = Trouble.COINMARKETCAP_DOWN

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._troubled, self._keyed])
        app.router.add_get("/v3/cryptocurrency/quotes/latest", self._quotes)
        app.router.add_get("/v3/cryptocurrency/listings/latest", self._listings)
        app.router.add_get("/v1/global-metrics/quotes/latest", self._totals)
        return app

    @web.middleware
    async def _keyed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("X-CMC_PRO_API_KEY")
        if given != KEY or Trouble.MARKET_WRONG_KEY in self._outside.troubles:
            code, said = (1002, "API key missing.") if given is None else (1001, "Invalid API key.")
            return self._answer(None, status=401, code=code, said=said)
        if Trouble.COINMARKETCAP_LIMIT in self._outside.troubles:  # as it was seen: with 200
            return self._answer(None, code=1008, said="You've exceeded your rate limit.")
        return await handler(request)

    async def _quotes(self, request: web.Request) -> web.Response:
        asked = request.query
        wanted = {word for word in (asked.get("id") or asked.get("slug") or "").split(",") if word}
        found = [
            coin
            for coin in COINS.values()
            if wanted & {coin.coin_id, str(NUMBERS.get(coin.coin_id))}
        ]
        if not found:
            said = '"value" must contain at least one of [id, slug, symbol]'
            return self._answer(None, status=400, code=400, said=said)
        return self._answer([self._coin(coin) for coin in found])

    async def _listings(self, _: web.Request) -> web.Response:
        at_s = self._at_s()
        by_size = sorted(COINS.values(), key=lambda coin: -self._tape.market_cap_usd(coin, at_s))
        return self._answer([self._coin(coin) for coin in by_size])

    async def _totals(self, _: web.Request) -> web.Response:
        at_s = self._at_s()
        total = sum(self._tape.market_cap_usd(coin, at_s) for coin in COINS.values())
        quote = {"USD": {"total_market_cap": total, "last_updated": _stamp(at_s)}}
        return self._answer({"active_cryptocurrencies": len(COINS), "quote": quote})

    def _coin(self, coin: Coin) -> dict[str, Any]:
        at_s, tape = self._at_s(), self._tape
        quote = {
            "price": self._price_usd(coin, at_s),
            "volume_24h": tape.volume_24h_usd(coin, at_s),
            "market_cap": tape.market_cap_usd(coin, at_s),
            "last_updated": _stamp(at_s),
            **{
                f"percent_change_{span}": tape.change_percent(coin, at_s, span_s)
                for span, span_s in _SPANS_S.items()
            },
            **_USD,
        }
        return {
            "id": NUMBERS.get(coin.coin_id, 9000),
            "name": coin.name,
            "symbol": coin.symbol,
            "slug": coin.coin_id,
            "circulating_supply": coin.supply,
            "last_updated": _stamp(at_s),
            "quote": [quote],
        }

    def _answer(
        self, data: object, *, status: int = 200, code: int = 0, said: str | None = None
    ) -> web.Response:
        about = {
            "timestamp": _stamp(self._outside.fleet.now().timestamp()),
            "error_code": code,
            "error_message": said,
            "elapsed": 12,
            "credit_count": 0 if code else 1,
            "notice": None,
        }
        body = {"status": about} if data is None else {"status": about, "data": data}
        return web.json_response(body, status=status)


def _stamp(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
