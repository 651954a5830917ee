"""Starts the collector: ``python -m collector_pool``."""

from collector_pool.adapters.service import collect
from collector_pool.settings import SERVICE, PoolSettings
from minestream_runtime.service import run_service

if __name__ == "__main__":
    run_service(SERVICE, PoolSettings, collect)
