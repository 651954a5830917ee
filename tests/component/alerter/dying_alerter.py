"""An alerter that is killed with -9 as it passes a stage the n-th time: ``… STAGE N``.

Without arguments it lives until it is told to stop.
"""

import os
import signal
import sys
from functools import partial

from alerter.adapters.service import serve
from alerter.adapters.stages import Stage
from alerter.settings import AlerterSettings
from minestream_runtime.service import run_service

deadly = Stage(sys.argv[1]) if len(sys.argv) > 1 else None
left = int(sys.argv[2]) if len(sys.argv) > 1 else 0


def passing(stage: Stage) -> None:
    global left  # noqa: PLW0603 - a script
    left -= stage is deadly
    if left == 0 and stage is deadly:
        os.kill(os.getpid(), signal.SIGKILL)


run_service("alerter", AlerterSettings, partial(serve, passing=passing))
