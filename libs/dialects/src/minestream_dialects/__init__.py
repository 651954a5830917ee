"""Pure parsers: what a device said, verbatim, into normalised events. Knows no clock or network."""

from minestream_dialects.normalise import Normalised, normalise
from minestream_dialects.registry import DIALECTS, names

__all__ = ["DIALECTS", "Normalised", "names", "normalise"]
