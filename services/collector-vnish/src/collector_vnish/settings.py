"""What the collector is told by its environment."""

from typing import Final

from minestream_runtime.collecting.collector import CollectorSettings

SERVICE: Final = "collector-vnish"


class VnishSettings(CollectorSettings):
    """Nothing beyond what every collector is told."""
