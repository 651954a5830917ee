"""A sink that is killed with -9 as its n-th batch passes a stage: ``dying_sink.py STAGE N``."""

import os
import signal
import sys
from functools import partial

from minestream_runtime.service import run_service
from timescale_sink.adapters.service import serve
from timescale_sink.adapters.store import Stage
from timescale_sink.settings import SinkSettings

deadly, left = Stage(sys.argv[1]), int(sys.argv[2])


def passing(stage: Stage) -> None:
    global left  # noqa: PLW0603 - a script
    left -= stage is deadly
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


run_service("timescale-sink", SinkSettings, partial(serve, passing=passing))
