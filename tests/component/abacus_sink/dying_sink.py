"""A sink that is killed with -9 as its n-th batch passes a stage: ``dying_sink.py STAGE N``."""

import os
import signal
import sys
from functools import partial

from abacus_sink.adapters.sending import Stage
from abacus_sink.adapters.service import serve
from abacus_sink.settings import AbacusSettings
from minestream_runtime.service import run_service

deadly, left = Stage(sys.argv[1]), int(sys.argv[2])


def passing(stage: Stage) -> None:
    global left  # noqa: PLW0603 - a script
    left -= stage is deadly
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


run_service("abacus-sink", AbacusSettings, partial(serve, passing=passing))
