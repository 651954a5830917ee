"""Starts the collector: ``python -m collector_market``."""

from collector_market.adapters.service import collect
from collector_market.settings import SERVICE, MarketSettings
from minestream_runtime.service import run_service

if __name__ == "__main__":
    run_service(SERVICE, MarketSettings, collect)
