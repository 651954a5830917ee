"""``python -m archiver``: keeps the raw topics for ever, until told to stop."""

from archiver.adapters.service import serve
from archiver.settings import ArchiverSettings
from minestream_runtime.service import run_service

if __name__ == "__main__":
    run_service("archiver", ArchiverSettings, serve)
