"""The web sites of CoinGecko and of four observers of chains, as their callers see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from minestream_emulators.market.tape import COINS, DAY_S, Coin, Tape
from minestream_emulators.troubles import Trouble

if TYPE_CHECKING:
    from minestream_emulators.outside import Outside

DEMO_KEY: Final = "CG-emulated"
"""The one key that CoinGecko takes; without a key it answers too."""
RETRY_AFTER_S: Final = 6
QUOTE_S: Final = 1.0
"""How often prices are new."""
_LIMITED: Final = (
    "You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing "
    "to subscribe to our API plans for higher rate limits."
)
_SPANS_S: Final = {"1h": 3_600.0, "24h": DAY_S, "7d": 7 * DAY_S}
_HOURLY_DAYS: Final = 90
_MOST_DAYS: Final = 365
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def coingecko(outside: Outside) -> web.Application:
    """What ``/coingecko`` is."""
    return _CoinGecko(outside).application()


def network(outside: Outside) -> web.Application:
    """What ``/network`` is."""
    return _Networks(outside).application()


class Site:
    """What all share: a clock that may stand still, and what is wrong."""

    down = Trouble.MARKET_DOWN
    """What takes this site down alone."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._tape = Tape(outside.fleet.plan.seed)
        self._quoted_s = self._quote_s()

    def _quote_s(self) -> float:
        return self._outside.fleet.now().timestamp() // QUOTE_S * QUOTE_S

    def _at_s(self) -> float:
        """The instant of the newest quote."""
        if Trouble.MARKET_STALE not in self._outside.troubles:
            self._quoted_s = self._quote_s()
        return self._quoted_s

    def _price_usd(self, coin: Coin, at_s: float) -> float:
        price = self._tape.price_usd(coin, at_s)
        wrong = coin.coin_id == "litecoin" and Trouble.MARKET_NEGATIVE in self._outside.troubles
        return -price if wrong else price

    @web.middleware
    async def _troubled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        troubles = self._outside.troubles
        if Trouble.MARKET_DOWN in troubles or self.down in troubles:
            return web.Response(status=503, text="Service Unavailable")
        if Trouble.MARKET_429 in troubles:
            return _error(429, 429, _LIMITED, {"Retry-After": str(RETRY_AFTER_S)})
        if Trouble.MARKET_429_BARE in troubles:
            return _error(429, 429, _LIMITED)
        return await handler(request)


class _CoinGecko(Site):
    down = Trouble.COINGECKO_DOWN

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._troubled, self._keyed])
        app.router.add_get("/api/v3/ping", _ping)
        app.router.add_get("/api/v3/simple/price", self._simple_price)
        app.router.add_get("/api/v3/coins/markets", self._coins_markets)
        app.router.add_get("/api/v3/coins/{coin_id}/market_chart", self._market_chart)
        return app

    @web.middleware
    async def _keyed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if "x-cg-pro-api-key" in request.headers:
            return _error(400, 10_010, "If you are using Pro API key, please change your root URL")
        demo = request.headers.get("x-cg-demo-api-key", request.query.get("x_cg_demo_api_key"))
        if demo not in (None, DEMO_KEY) or Trouble.MARKET_WRONG_KEY in self._outside.troubles:
            return _error(401, 10_002, "API Key Missing")
        return await handler(request)

    async def _simple_price(self, request: web.Request) -> web.Response:
        asked = request.query
        if "vs_currencies" not in asked:
            return web.json_response({"error": "Missing parameter vs_currencies"}, status=422)
        currencies = asked["vs_currencies"].split(",")
        return web.json_response(
            {
                coin.coin_id: self._simple(coin, currencies, asked)
                for coin in _coins(asked.get("ids", ""))
            }
        )

    def _simple(self, coin: Coin, currencies: list[str], asked: Any) -> dict[str, float]:
        at_s = self._at_s()
        said: dict[str, float] = {}
        if "usd" in currencies:
            said["usd"] = self._price_usd(coin, at_s)
            if asked.get("include_market_cap") == "true":
                said["usd_market_cap"] = self._tape.market_cap_usd(coin, at_s)
            if asked.get("include_24hr_vol") == "true":
                said["usd_24h_vol"] = self._tape.volume_24h_usd(coin, at_s)
            if asked.get("include_24hr_change") == "true":
                said["usd_24h_change"] = self._tape.change_percent(coin, at_s, DAY_S)
        if "btc" in currencies:
            bitcoin_usd = self._tape.price_usd(COINS["bitcoin"], at_s)
            said["btc"] = float(f"{self._tape.price_usd(coin, at_s) / bitcoin_usd:.6g}")
        if asked.get("include_last_updated_at") == "true":
            said["last_updated_at"] = int(at_s)
        return said

    async def _coins_markets(self, request: web.Request) -> web.Response:
        asked = request.query
        if asked.get("vs_currency") != "usd":
            return web.json_response({"error": "invalid vs_currency"}, status=422)
        spans = [span for span in asked.get("price_change_percentage", "").split(",") if span]
        coins = _coins(asked.get("ids", ",".join(COINS)))
        return web.json_response([self._market(coin, spans) for coin in coins])

    def _market(self, coin: Coin, spans: list[str]) -> dict[str, Any]:
        at_s, tape = self._at_s(), self._tape
        return {
            "id": coin.coin_id,
            "symbol": coin.symbol.lower(),
            "name": coin.name,
            "image": "",
            "current_price": self._price_usd(coin, at_s),
            "market_cap": tape.market_cap_usd(coin, at_s),
            "total_volume": tape.volume_24h_usd(coin, at_s),
            "price_change_percentage_24h": tape.change_percent(coin, at_s, DAY_S),
            "circulating_supply": coin.supply,
            "last_updated": datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            **{
                f"price_change_percentage_{span}_in_currency": tape.change_percent(
                    coin, at_s, _SPANS_S[span]
                )
                for span in spans
                if span in _SPANS_S
            },
        }

    async def _market_chart(self, request: web.Request) -> web.Response:
        coin = COINS.get(request.match_info["coin_id"])
        if coin is None:
            return web.json_response({"error": "coin not found"}, status=404)
        days = request.query.get("days", "")
        if not days.isascii() or not days.isdigit() or not 1 <= int(days[:4]) <= _MOST_DAYS:
            return _error(401, 10_012, "Your request exceeds the allowed time range.")
        at_s = self._at_s()
        times = _chart_times(at_s, int(days))
        return web.json_response(
            {
                name: [[int(time_s * 1000), read(coin, time_s)] for time_s in times]
                for name, read in (
                    ("prices", self._tape.price_usd),
                    ("market_caps", self._tape.market_cap_usd),
                    ("total_volumes", self._tape.volume_24h_usd),
                )
            }
        )


class _Networks(Site):
    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._troubled])
        for name, coin_id in (("litecoinspace", "litecoin"), ("mempool", "bitcoin")):
            path = f"/{name}/api/v1/mining/hashrate/3d"
            app.router.add_get(path, self._hashrate_3d(COINS[coin_id]))
        app.router.add_get("/litesolo/api/v1/chains", self._chains)
        app.router.add_get("/minerstat/v2/coins", self._minerstat)
        return app

    def _hashrate_3d(self, coin: Coin) -> Handler:
        async def answer(_: web.Request) -> web.StreamResponse:
            at_s, tape = self._at_s(), self._tape
            midnights = [at_s // DAY_S * DAY_S - back * DAY_S for back in (2, 1, 0)]
            return web.json_response(
                {
                    "hashrates": [
                        {"timestamp": int(then), "avgHashrate": tape.hashrate_hs(coin, then)}
                        for then in midnights
                    ],
                    "difficulty": [],
                    "currentHashrate": tape.hashrate_hs(coin, at_s),
                    "currentDifficulty": tape.difficulty(coin, at_s),
                }
            )

        return answer

    async def _chains(self, _: web.Request) -> web.Response:
        at_s, tape = self._at_s(), self._tape
        return web.json_response(
            {
                coin.symbol: {
                    "height": tape.height(coin, at_s),
                    "hash_rate": tape.hashrate_hs(coin, at_s),
                    "difficulty": tape.difficulty(coin, at_s),
                    "subsidy": coin.subsidy,
                    "fee": 0.01,
                }
                for coin in (COINS["litecoin"], COINS["dogecoin"])
            }
        )

    async def _minerstat(self, request: web.Request) -> web.Response:
        wanted = set(request.query.get("list", "").split(","))
        at_s, tape = self._at_s(), self._tape
        return web.json_response(
            [
                {
                    "id": coin.symbol,
                    "coin": coin.symbol,
                    "name": coin.name,
                    "type": "coin",
                    "algorithm": "SHA-256" if coin.coin_id == "bitcoin" else "Scrypt",
                    "network_hashrate": tape.hashrate_hs(coin, at_s),
                    "difficulty": tape.difficulty(coin, at_s),
                    "reward": -1,
                    "reward_unit": coin.symbol,
                    "reward_block": coin.subsidy,
                    "price": tape.price_usd(coin, at_s),
                    "volume": tape.volume_24h_usd(coin, at_s),
                    "updated": int(at_s),
                }
                for coin in COINS.values()
                if not wanted - {""} or coin.symbol in wanted
            ]
        )


async def _ping(_: web.Request) -> web.Response:
    return web.json_response({"gecko_says": "(V3) To the Moon!"})


def _coins(ids: str) -> list[Coin]:
    return [COINS[coin_id] for coin_id in ids.split(",") if coin_id in COINS]


def _chart_times(at_s: float, days: int) -> list[float]:
    """When a chart has points: by its length each five minutes, hour or day, and now."""
    step_s = 300.0 if days == 1 else 3_600.0 if days <= _HOURLY_DAYS else DAY_S
    last_s = at_s // step_s * step_s
    count = int(days * DAY_S / step_s)
    times = [last_s - back * step_s for back in range(count - 1, -1, -1)]
    return times if last_s == at_s else [*times, at_s]


def _error(
    status: int, code: int, text: str, headers: dict[str, str] | None = None
) -> web.Response:
    body = {"status": {"error_code": code, "error_message": text}}
    return web.json_response(body, status=status, headers=headers)
