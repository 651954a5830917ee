"""What all tests share: hypothesis is loaded before any of them runs.

Its plugin would load it at the end of a run in which no test did, through pytest's rewriting of
sources; when Python 3.11 collects what a test left behind at that moment, parsing fails with
``SystemError: AST constructor recursion depth mismatch`` (CPython gh-106905).
"""

import hypothesis

__all__ = ["hypothesis"]
