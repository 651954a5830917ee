"""Ports stay where they were, and move when somebody else has them."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from minestream_devstack import ports
from minestream_devstack.ports import ANY_HOST, HOST, Ports, answers, is_free


def taken() -> socket.socket:
    listener = socket.socket()
    listener.bind((HOST, 0))
    listener.listen()
    return listener


def test_a_free_preferred_port_is_taken_and_remembered(tmp_path: Path) -> None:
    with taken() as other:
        free = int(other.getsockname()[1])
    assert Ports(tmp_path / "ports.json").claim("kafka", free) == free
    assert Ports(tmp_path / "ports.json").known("kafka") == free


def test_a_port_moves_when_another_program_has_it(tmp_path: Path) -> None:
    with taken() as other:
        port = int(other.getsockname()[1])
        assert not is_free(port)
        assert answers(port)
        moved = Ports(tmp_path / "ports.json").claim("kafka", port)
    assert moved != port
    assert is_free(moved)


def test_a_moved_port_stays_where_it_moved_to(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    with taken() as other:
        preferred = int(other.getsockname()[1])
        moved = Ports(file).claim("kafka", preferred)
    assert Ports(file).claim("kafka", preferred) == moved


def test_two_names_never_share_a_port(tmp_path: Path) -> None:
    chosen = Ports(tmp_path / "ports.json")
    first = chosen.claim("broker", 0)
    assert chosen.claim("controller", first) != first


def test_nobody_answers_on_a_free_port(tmp_path: Path) -> None:
    assert not answers(Ports(tmp_path / "ports.json").claim("x", 0))


def test_a_port_taken_at_any_address_of_this_machine_is_not_free_everywhere(
    tmp_path: Path,
) -> None:
    with socket.socket() as other:
        other.bind(("127.1.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert Ports(tmp_path / "ports.json").claim("miners", taken, host=ANY_HOST) != taken


def test_two_stacks_that_start_at_the_same_moment_never_choose_the_same_port(
    tmp_path: Path,
) -> None:
    script = (
        "import pathlib, sys; from minestream_devstack.ports import Ports;"
        "print(Ports(pathlib.Path(sys.argv[1])).claim('gateway', int(sys.argv[2])), flush=True);"
        "sys.stdin.read()"
    )
    preferred = next(filter(is_free, ports._candidates(HOST)))
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / f"{each}.json"), str(preferred)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for each in range(4)
    ]
    chosen = [int(process.stdout.readline()) for process in starting if process.stdout]
    for process in starting:
        process.communicate(timeout=60)
    assert preferred in chosen
    assert len(set(chosen)) == len(starting)
    assert Ports(tmp_path / "later.json").claim("gateway", preferred) == preferred


@pytest.mark.parametrize(
    ("kernels_own", "least", "most"),
    [("20000 60999\n", 10_000, 19_999), ("1024 65535\n", 1024, 65_535), ("", 1024, 65_535)],
)
def test_a_chosen_port_is_none_that_the_kernel_gives_to_others_where_it_leaves_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernels_own: str, least: int, most: int
) -> None:
    (tmp_path / "range").write_text(kernels_own)
    monkeypatch.setattr(ports, "_KERNELS_OWN", tmp_path / "range")
    chosen = {Ports(tmp_path / f"{each}.json").claim("kafka", 0) for each in range(20)}
    assert len(chosen) == 20
    assert chosen <= set(range(least, most + 1))


def test_one_process_keeps_its_ports_apart_too(tmp_path: Path) -> None:
    first = Ports(tmp_path / "first.json").claim("gateway", 0)
    assert Ports(tmp_path / "second.json").claim("gateway", first) != first
    assert Ports(tmp_path / "first.json").claim("gateway", 0) == first


def test_a_file_that_was_cut_off_costs_the_choice_and_no_command(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    file.write_text('{"kafka": 90')
    assert Ports(file).known("kafka") is None
    assert Ports(file).claim("kafka", 0) == Ports(file).known("kafka")
    assert [path.name for path in tmp_path.iterdir()] == ["ports.json"]
