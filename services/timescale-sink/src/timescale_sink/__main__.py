"""``python -m timescale_sink``: the sink and its upkeep, until told to stop."""

from minestream_runtime.service import run_service
from timescale_sink.adapters.service import serve
from timescale_sink.settings import SinkSettings

if __name__ == "__main__":
    run_service("timescale-sink", SinkSettings, serve)
