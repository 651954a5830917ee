"""Ends the process at once, before Faust can commit what went wrong."""

import os
import sys
from typing import Final, NoReturn

import structlog

EXIT_FAULT: Final = 70
"""A send failed, or our code raised: the input must come again."""
EXIT_HUNG: Final = 75
"""The watchdog's patience is over: start anew."""


def exit_now(code: int, event: str, **facts: object) -> NoReturn:
    """Log why, and end the process without any clean-up: no flush, no commit, no goodbye.

    Args:
        code: the exit code, which the supervisor sees.
        event: what happened, as a constant phrase.
        facts: what is known about it.
    """
    structlog.get_logger().critical(event, exit_code=code, **facts)
    sys.stdout.flush()
    os._exit(code)
