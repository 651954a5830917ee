"""What the collector is told by its environment."""

from typing import Final

from minestream_runtime.collecting.collector import CollectorSettings

SERVICE: Final = "collector-cgminer"


class CgminerSettings(CollectorSettings):
    """Nothing beyond what every collector is told."""

    @property
    def collector_id(self) -> str:
        """Who we are, in events."""
        return f"{SERVICE}-{self.instance}"
