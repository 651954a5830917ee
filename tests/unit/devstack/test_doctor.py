"""The doctor grades what it finds, and says what to do where something is lacking."""

import shutil
import socket
from pathlib import Path

import pytest

from minestream_devstack.doctor import Finding, Verdict, graded, quick, thorough
from minestream_devstack.home import Home
from minestream_devstack.ports import HOST, Ports


@pytest.mark.parametrize(
    ("amount", "verdict"), [(0.9, Verdict.FATAL), (1.1, Verdict.WARNING), (9.0, Verdict.OK)]
)
def test_amounts_are_graded(amount: float, verdict: Verdict) -> None:
    found = graded("disk", amount, fatal=1, warning=5, unit="GiB", advice="make room")
    assert found.verdict is verdict
    assert bool(found.advice) is (verdict is not Verdict.OK)


def test_a_whole_examination_finds_this_machine_able(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MINESTREAM_KAFKA_BOOTSTRAP", raising=False)
    monkeypatch.delenv("MINESTREAM_DATABASE_URL", raising=False)
    found = {each.what: each for each in thorough(Home(tmp_path))}
    assert {"Python", "Java", "PostgreSQL", "Kafka's jars", "loopback", "disk"} <= found.keys()
    assert found["Java"].found.startswith("openjdk 25")
    assert found["PostgreSQL"].found.startswith("postgres (PostgreSQL) ")
    assert [each for each in found.values() if each.verdict is Verdict.FATAL] == []


def test_whatever_is_not_right_comes_with_advice(tmp_path: Path) -> None:
    environ = {
        "MINESTREAM_KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "MINESTREAM_DATABASE_URL": "postgresql://127.0.0.1:9/nowhere",
    }
    wrong = [each for each in thorough(Home(tmp_path), environ) if each.verdict is Verdict.FATAL]
    assert {each.what for each in wrong} == {"Kafka", "PostgreSQL"}
    assert all("unset it" in each.advice for each in wrong)


def test_a_taken_port_is_told_and_is_no_obstacle(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = int(other.getsockname()[1])
        (tmp_path / "ports.json").write_text(f'{{"api-gateway": {port}}}')
        assert Ports(tmp_path / "ports.json").known("api-gateway") == port
        found = {each.what: each for each in thorough(Home(tmp_path), {})}
    assert found["port of api-gateway"].verdict is Verdict.WARNING
    assert "taken" in found["port of api-gateway"].found


def test_a_full_disk_stops_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> object:
        return type("Usage", (), {"free": 100 * 1024**2})()

    monkeypatch.setattr(shutil, "disk_usage", full)
    (disk,) = [each for each in quick(Home(tmp_path)) if each.what == "disk"]
    assert disk == Finding(
        "disk",
        Verdict.FATAL,
        "0.1 GiB free",
        "make room, or set MINESTREAM_HOME to a folder on another disk",
    )
