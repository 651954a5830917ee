"""``python -m timescale_sink``: the sink and its upkeep, until told to stop."""

import gc

from minestream_runtime.service import run_service
from timescale_sink.adapters.service import YOUNG_OBJECTS, serve
from timescale_sink.settings import SinkSettings

if __name__ == "__main__":
    gc.set_threshold(YOUNG_OBJECTS)
    run_service("timescale-sink", SinkSettings, serve)
