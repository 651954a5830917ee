"""Keeps keys, tokens and rows out of logs: the SDK writes whole calls into them when it fails."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LOGGERS: Final = ("", "urllib3", "urllib3.connectionpool", "urllib3.util.retry")
_IN_QUERIES: Final = re.compile(r"((?:streaming|deployment)Token=)[^&\s'\"]+", re.IGNORECASE)
_HIDDEN: Final = "***"
_CHARACTERS: Final = 300


class Discretion(logging.Filter):
    """Knows the secrets of this process, and takes them out of any text.

    Also a filter for loggers: what the SDK itself says is cut to its own words, without the call.
    """

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()

    def learn(self, *secrets: str) -> None:
        """These must not be told."""
        self._secrets |= {secret for secret in secrets if secret}

    def scrubbed(self, text: str) -> str:
        """The text without any secret, and not long."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return _IN_QUERIES.sub(rf"\1{_HIDDEN}", text)[:_CHARACTERS]

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite what is about to be logged."""
        if "abacusai" in record.pathname:
            said = record.getMessage().partition(" in processing json_data")[0]
            record.msg, record.args = self.scrubbed(f"abacusai: {said}"), ()
        elif record.name.startswith("urllib3") or self._tells(record):
            record.msg, record.args = self.scrubbed(record.getMessage()), ()
            record.exc_info = record.exc_text = None
        return True

    def _tells(self, record: logging.LogRecord) -> bool:
        text = record.getMessage() + (record.exc_text or "") + str(record.exc_info or "")
        return any(secret in text for secret in self._secrets)


@contextmanager
def discreet(discretion: Discretion) -> Iterator[None]:
    """Put it before everything that the standard library's logging writes, while the block runs."""
    before: list[logging.Filterer] = [logging.getLogger(name) for name in _LOGGERS]
    before += logging.getLogger().handlers  # a logger's filter sees only its own records
    for one in before:
        one.addFilter(discretion)
    try:
        yield
    finally:
        for one in before:
            one.removeFilter(discretion)
