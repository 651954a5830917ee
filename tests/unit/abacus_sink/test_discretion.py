import io
import logging
from collections.abc import Iterator

import pytest

from abacus_sink.adapters.discretion import Discretion, discreet


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What goes through the root's handler, with the filters in place; removed afterwards."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    root.addHandler(handler)
    discretion = Discretion()
    discretion.learn("sesame", "", "tok-1")
    with discreet(discretion):
        yield text
    root.removeHandler(handler)


def test_what_libraries_log_loses_every_secret(written: io.StringIO) -> None:
    logging.getLogger("urllib3.connectionpool").warning(
        "Retrying %s after connection broken: /api?streamingToken=%s&x=1", "1", "unknown-token"
    )
    logging.getLogger("some.library").warning("the key is %s", "sesame")
    said = written.getvalue()
    assert "streamingToken=***&x=1" in said
    assert "the key is ***" in said
    assert not {"sesame", "unknown-token"} & set(said.split())


def test_an_error_that_quotes_a_secret_is_logged_without_its_text(written: io.StringIO) -> None:
    error = OSError("http://host/?streamingToken=tok-1")
    logging.getLogger("some.library").error("failed with sesame", exc_info=error)
    assert "tok-1" not in written.getvalue()
    assert "failed with ***" in written.getvalue()


def test_what_says_nothing_secret_is_left_alone(written: io.StringIO) -> None:
    logging.getLogger("some.library").warning("hello %s", "you")
    assert written.getvalue() == "hello you\n"


def test_a_long_text_is_cut_and_a_secret_within_another_is_hidden_whole() -> None:
    discretion = Discretion()
    discretion.learn("abc", "abcdef")
    assert discretion.scrubbed("x abcdef y abc z") == "x *** y *** z"
    assert len(discretion.scrubbed("x" * 10_000)) == 300


def test_it_is_gone_when_the_block_ends() -> None:
    before = list(logging.getLogger().filters)
    with discreet(Discretion()):
        assert logging.getLogger().filters != before
    assert logging.getLogger().filters == before
