"""Prohashing: its WAMP feed, its HTTP API and the open proxy in front of the feed."""

from minestream_dialects.prohashing.normalise import MinerOf, normalise_pool
from minestream_dialects.prohashing.rates import units_with

__all__ = ["MinerOf", "normalise_pool", "units_with"]
