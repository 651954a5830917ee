"""Pure parsers: what markets and networks said, into prices, indicators and difficulty."""

from minestream_dialects.market.normalise import normalise_market

__all__ = ["normalise_market"]
