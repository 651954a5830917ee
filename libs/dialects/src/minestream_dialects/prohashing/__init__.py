"""Prohashing: its WAMP feed, its HTTP API and the open proxy in front of the feed."""

from minestream_dialects.prohashing.normalise import MinerOf, normalise_pool
from minestream_dialects.prohashing.rates import UNITS_HS

__all__ = ["UNITS_HS", "MinerOf", "normalise_pool"]
