"""Pools: what is asked of each, and what its answers mean. One module is one pool."""

from minestream_dialects.pools.normalise import Told, normalise
from minestream_dialects.pools.registry import POOLS

__all__ = ["POOLS", "Told", "normalise"]
