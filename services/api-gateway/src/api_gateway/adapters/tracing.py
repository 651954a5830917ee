"""The whole way of one reading: the rows' stamps, and the spans of its trace."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from api_gateway.domain.way import Stamps, Step, way_of
from api_gateway.settings import GatewaySettings
from minestream_runtime.traces import PollSampler
from minestream_runtime.traces.files import StoredSpan, spans_of


@dataclass(frozen=True, slots=True)
class Way:
    """A reading's way."""

    stamps: Stamps
    steps: list[Step]
    spans: list[StoredSpan]
    sampled: bool
    """Were its spans kept: found here, or sent to a backend as the settings say?"""

    @property
    def trace_id(self) -> str:
        """A poll's trace is named after its raw event."""
        return self.stamps.raw_event_id.hex

    def described(self) -> dict[str, Any]:
        """As REST and ``minestream trace --json`` answer."""
        stamps = self.stamps
        return {
            "event_id": stamps.event_id,
            "raw_event_id": stamps.raw_event_id,
            "miner_id": stamps.miner_id,
            "began_at": stamps.began_at,
            "trace_id": self.trace_id,
            "sampled": self.sampled,
            "steps": [asdict(step) for step in self.steps],
            "spans": [asdict(span) for span in self.spans],
        }


class Ways:
    """Finds readings' ways, one search of the files at a time: each holds a file in memory.

    Args:
        settings: where spans are, and how many polls have any.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._folder = settings.trace_folder
        exporting = settings.otlp_endpoint is not None or self._folder is not None
        self._sampler = PollSampler(settings.trace_ratio if exporting else 0.0)
        self._one_at_a_time = asyncio.Semaphore(1)

    async def of(self, stamps: Stamps) -> Way:
        """The way of a reading.

        Args:
            stamps: what its rows say.
        """
        spans: list[StoredSpan] = []
        if self._folder is not None:
            async with self._one_at_a_time:
                spans = await asyncio.to_thread(spans_of, self._folder, stamps.raw_event_id.hex)
        sampled = bool(spans) or self._sampler.keeps(stamps.raw_event_id.int)
        return Way(stamps, way_of(stamps), spans, sampled)
