"""What markets and networks said last of each coin."""

from typing import Any, Final

from psycopg import sql

from api_gateway.adapters.database.access import Reader

_NEWEST: Final = sql.SQL(
    "SELECT *, round(greatest(extract(epoch FROM now() - ts), 0), 3)::float8 AS age_s "
    "FROM telemetry_v1.{} ORDER BY coin_id"
)
_PRICES: Final = _NEWEST.format(sql.Identifier("price_latest"))
_INDICATORS: Final = _NEWEST.format(sql.Identifier("indicators_latest"))
_NETWORKS: Final = _NEWEST.format(sql.Identifier("network_latest"))


async def newest_prices(reader: Reader) -> list[dict[str, Any]]:
    """The newest price of each coin."""
    return await reader.rows(_PRICES)


async def newest_indicators(reader: Reader) -> list[dict[str, Any]]:
    """The newest indicators of each coin."""
    return await reader.rows(_INDICATORS)


async def newest_networks(reader: Reader) -> list[dict[str, Any]]:
    """The newest difficulty and hashrate of each coin's chain."""
    return await reader.rows(_NETWORKS)
