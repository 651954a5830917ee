"""``python -m abacus_sink``: the feature sink, until told to stop."""

from abacus_sink.adapters.service import serve
from abacus_sink.settings import AbacusSettings
from minestream_runtime.service import run_service

if __name__ == "__main__":
    run_service("abacus-sink", AbacusSettings, serve)
