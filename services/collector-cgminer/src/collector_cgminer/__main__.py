"""Starts the collector: ``python -m collector_cgminer``."""

from collector_cgminer.adapters.service import collect
from collector_cgminer.settings import SERVICE, CgminerSettings
from minestream_runtime.service import run_service

if __name__ == "__main__":
    run_service(SERVICE, CgminerSettings, collect)
