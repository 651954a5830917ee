"""What all tests share: hypothesis is loaded before any of them runs, and Ctrl-C can be sent.

No example fails for the 200 ms that hypothesis gives it: on a loaded machine any may take longer.

Hypothesis' plugin would load it at the end of a run in which no test did, through pytest's
rewriting of sources; when Python 3.11 collects what a test left behind at that moment, parsing
fails with ``SystemError: AST constructor recursion depth mismatch`` (CPython gh-106905).
"""

import signal

import hypothesis

__all__ = ["hypothesis"]

hypothesis.settings.register_profile("patient", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_configure() -> None:
    """Let what tests start hear SIGINT, which a shell's background job and its children ignore."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
