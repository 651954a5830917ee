"""``python -m alerter``: judges, tells and relays until told to stop."""

from alerter.adapters.service import serve
from alerter.settings import AlerterSettings
from minestream_runtime.service import run_service

if __name__ == "__main__":
    run_service("alerter", AlerterSettings, serve)
