"""``python -m processor``: the stream processor."""

from minestream_runtime.service import run_service
from processor.adapters.worker import work
from processor.settings import ProcessorSettings

if __name__ == "__main__":
    run_service("processor", ProcessorSettings, work)
