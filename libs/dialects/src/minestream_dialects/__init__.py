"""Pure parsers: what a device said, verbatim, into normalised events. Knows no clock or network."""

from minestream_dialects.normalise import Normalised, normalise
from minestream_dialects.registry import DIALECTS, names
from minestream_dialects.totals import HEALTHY_CHIPS_RATIO

__all__ = ["DIALECTS", "HEALTHY_CHIPS_RATIO", "Normalised", "names", "normalise"]
