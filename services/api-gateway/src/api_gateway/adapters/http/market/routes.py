"""The route of the market."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi import Query as FromQuery

from api_gateway.adapters.database import market
from api_gateway.adapters.http.access import WithReader
from api_gateway.adapters.http.answering import answer, documented
from api_gateway.adapters.http.market import answers
from api_gateway.adapters.http.queries import NoQuery

router = APIRouter(prefix="/api/v1/market", tags=["market"])


@router.get("", responses=documented(answers.Market, answers.MARKET_EXAMPLE))
async def get_market(_: Annotated[NoQuery, FromQuery()], reader: WithReader) -> Response:
    """Each coin's newest price with its changes, indicators and network, and how old they are."""
    prices = _by_coin(await market.newest_prices(reader))
    indicators = _by_coin(await market.newest_indicators(reader))
    networks = _by_coin(await market.newest_networks(reader))
    return answer(
        {
            "items": [
                {
                    "coin_id": coin_id,
                    "symbol": _symbol(prices.get(coin_id), networks.get(coin_id)),
                    "price": _said(prices.get(coin_id)),
                    "indicators": _said(indicators.get(coin_id)),
                    "network": _said(networks.get(coin_id)),
                }
                for coin_id in sorted({*prices, *indicators, *networks})
            ]
        }
    )


def _by_coin(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["coin_id"]: row for row in rows}


def _symbol(*rows: dict[str, Any] | None) -> str | None:
    return next((row["symbol"] for row in rows if row and row["symbol"]), None)


def _said(row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {name: value for name, value in row.items() if name not in answers.LEFT_OUT}
