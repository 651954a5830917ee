"""What the collector is told by its environment."""

from typing import Final

from pydantic import Field

from minestream_runtime.collecting.collector import CollectorSettings

SERVICE: Final = "collector-cgminer"


class CgminerSettings(CollectorSettings):
    """What every collector is told, with the deadline of a port that answers at once or never."""

    poll_deadline_s: float = Field(
        default=5.0, gt=0, le=60, description="for one whole answer, connecting included"
    )
    miner_web_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="where miners have their web pages that tell their chips nowhere else "
        "(Vnish 3.x); empty: 80 for those at port 4028, and no others are asked",
    )
