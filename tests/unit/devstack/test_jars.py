"""Kafka's jars are the pinned ones, or none at all."""

import hashlib
from pathlib import Path

import pytest

from minestream_devstack.jars import Jar, cache_folder, ensure, missing, pinned
from minestream_runtime.errors import ConfigurationError

CONTENT = b"a jar"
GOOD = Jar("org.example", "lib", "1.0", hashlib.sha256(CONTENT).hexdigest())


def test_the_lock_pins_every_jar_of_kafka_by_a_whole_digest() -> None:
    jars = pinned()
    assert len({jar.file_name for jar in jars}) == len(jars)
    assert {"kafka_2.13-4.3.0.jar", "slf4j-simple-1.7.36.jar"} <= {jar.file_name for jar in jars}
    assert all(len(bytes.fromhex(jar.sha256)) == hashlib.sha256().digest_size for jar in jars)


def test_a_jar_that_was_changed_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / GOOD.file_name).write_bytes(b"another jar")
    with pytest.raises(ConfigurationError, match=r"lib-1\.0\.jar is not the pinned one"):
        missing(tmp_path, [GOOD])


def test_what_is_there_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINESTREAM_MAVEN_URL", "http://127.0.0.1:9")  # nobody is there
    (tmp_path / GOOD.file_name).write_bytes(CONTENT)
    assert ensure(tmp_path, jars=[GOOD]) == tmp_path


def test_without_a_network_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINESTREAM_MAVEN_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match=r"lib-1\.0\.jar could not be downloaded"):
        ensure(tmp_path, jars=[GOOD])
    assert missing(tmp_path, [GOOD]) == [GOOD]


def test_the_cache_can_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINESTREAM_CACHE", str(tmp_path))
    assert cache_folder().parent == tmp_path
