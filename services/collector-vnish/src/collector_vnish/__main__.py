"""Starts the collector: ``python -m collector_vnish``."""

from collector_vnish.adapters.service import collect
from collector_vnish.settings import VnishSettings
from minestream_runtime.service import run_service

if __name__ == "__main__":
    run_service("collector-vnish", VnishSettings, collect)
