"""An archiver, killed with -9 as its n-th cut passes a stage: ``dying_archiver.py STAGE N``."""

import os
import signal
import sys
from functools import partial

from archiver.adapters.lake import Stage
from archiver.adapters.service import serve
from archiver.settings import ArchiverSettings
from minestream_runtime.service import run_service

deadly, left = Stage(sys.argv[1]), int(sys.argv[2])


def passing(stage: Stage) -> None:
    global left  # noqa: PLW0603 - a script
    left -= stage is deadly
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


run_service("archiver", ArchiverSettings, partial(serve, passing=passing))
