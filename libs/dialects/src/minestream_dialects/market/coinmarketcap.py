"""What CoinMarketCap says: quotes and listings in the shapes of v1, v2 and v3.

v1 gives a list of coins and v2 a mapping, of coins by id or of lists of coins by symbol; both give
quotes by currency. v3 gives a list of coins, each with a list of quotes. An error may come with
HTTP 200, its number as text.

Source: the official SDK of 2026-08 and its documentation; payloads in ``tests/fixtures/market``.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from minestream_dialects.fields import Flags, entry, text
from minestream_dialects.market.answer import (
    PRICE_USD,
    WORTH_USD,
    Answer,
    number,
    ratio,
    told_at,
)
from minestream_dialects.market.coins import BY_CMC_ID, COIN_ID, COINS
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.ids import derived_id
from minestream_schemas.market import CoinPrice

MOST_COINS: Final = 5000
"""CoinMarketCap's own limit of a page."""
_USD: Final = "USD"


def error_of(value: object) -> str | None:
    """What CoinMarketCap says went wrong; None: nothing.

    Args:
        value: the decoded body, of any HTTP status.
    """
    code = entry(value, "status", "error_code")
    if code in (None, 0, "0"):
        return None
    said = text(entry(value, "status", "error_message"))
    return f"error {text(str(code))}" + (f": {said[:200]}" if said else "")


def quotes(answer: Answer) -> tuple[CoinPrice, ...]:
    """Read the prices of coins; those that are none of ours are passed over.

    Which coin is ours is told by CoinMarketCap's number where we know it, else by its slug, which
    is CoinGecko's name for most coins. A number that names another coin than its symbol is flagged
    and passed over: symbols are not unique, numbers are.

    Raises:
        UnreadableError: an error in place of coins, no coins, or none of ours with a price.
    """
    problem = error_of(answer.value)
    if problem is not None:
        raise UnreadableError(problem)
    found: dict[str, CoinPrice] = {}
    dropped = Flags()
    for place, coin in enumerate(_coins(entry(answer.value, "data"))):
        if place == MOST_COINS:
            raise UnreadableError(f"over {MOST_COINS} coins")
        coin_id = _ours(coin, dropped)
        if coin_id is None or coin_id in found:
            continue
        price = _price(answer, coin_id, coin)
        if price is None:
            dropped.invalid(f"{coin_id}.price_usd")
        else:
            found[coin_id] = price
    lost = dropped.sorted()
    if not found:
        why = f" ({', '.join(lost[:5])})" if lost else ""
        raise UnreadableError(f"no coin of ours with a price{why}")
    return tuple(
        price.model_copy(update={"quality_flags": tuple(sorted({*price.quality_flags, *lost}))})
        for price in found.values()
    )


def totals(answer: Answer) -> tuple[CoinPrice, ...]:
    """Read the figures of the whole market: they are kept verbatim and give no price.

    Raises:
        UnreadableError: an error in place of them, or none.
    """
    problem = error_of(answer.value)
    if problem is not None:
        raise UnreadableError(problem)
    if type(entry(answer.value, "data")) is not dict:
        raise UnreadableError("no figures of the market")
    return ()


def _coins(data: object) -> Iterator[dict[str, Any]]:
    """Each coin of a list, of a mapping by id, or of lists by symbol."""
    values: Iterable[object]
    if isinstance(data, dict):
        values = data.values()
    elif isinstance(data, list):
        values = data
    else:
        raise UnreadableError("no coins")
    for value in values:
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            yield from (coin for coin in value if isinstance(coin, dict))


def _ours(coin: dict[str, Any], dropped: Flags) -> str | None:
    number_ = coin.get("id")
    known = BY_CMC_ID.get(number_) if type(number_) is int else None
    if known is not None:
        symbol = text(coin.get("symbol"))
        if symbol is not None and symbol.upper() != known.symbol:
            dropped.invalid(f"{known.coin_id}.symbol")
            return None
        return known.coin_id
    slug = text(coin.get("slug"))
    if slug is None or slug in COINS or not COIN_ID.fullmatch(slug):
        return None  # a namesake of a coin whose number we know, or no name at all
    return slug


def _price(answer: Answer, coin_id: str, coin: dict[str, Any]) -> CoinPrice | None:
    flags, known = Flags(), COINS.get(coin_id)
    quote = _in_usd(coin.get("quote"))
    price_usd = number(entry(quote, "price"), PRICE_USD, name="price_usd", flags=flags)
    if quote is None or price_usd is None:
        return None
    change = {
        span: ratio(quote.get(f"percent_change_{span}"), name=f"change_{span}_ratio", flags=flags)
        for span in ("1h", "24h", "7d")
    }
    symbol = known.symbol if known else (text(coin.get("symbol")) or "")[:16].upper() or None
    return CoinPrice(
        event_id=derived_id("price", answer.raw.event_id, coin_id),
        raw_event_id=answer.raw.event_id,
        ts=told_at(quote.get("last_updated"), answer, name="ts", flags=flags),
        coin_id=coin_id,
        symbol=symbol,
        source=answer.raw.source,
        fetched_at=answer.raw.fetched_at,
        price_usd=price_usd,
        market_cap_usd=_worth(quote, "market_cap", "market_cap_usd", flags),
        volume_24h_usd=_worth(quote, "volume_24h", "volume_24h_usd", flags),
        change_1h_ratio=change["1h"],
        change_24h_ratio=change["24h"],
        change_7d_ratio=change["7d"],
        quality_flags=tuple(sorted({*answer.flags, *flags.sorted()})),
    )


def _in_usd(said: object) -> dict[str, Any] | None:
    """The quote in USD: of a mapping by currency, or of a list of quotes."""
    if isinstance(said, dict):
        quote = said.get(_USD)
        return quote if isinstance(quote, dict) else None
    for quote in said if isinstance(said, list) else ():
        if isinstance(quote, dict) and quote.get("symbol") == _USD:
            return quote
    return None


def _worth(quote: dict[str, Any], theirs: str, ours: str, flags: Flags) -> float | None:
    return number(quote.get(theirs), WORTH_USD, name=ours, flags=flags)
