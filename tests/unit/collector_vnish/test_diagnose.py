"""``minestream diagnose vnish``: each step, what came of it, and what to do."""

import json
import socket

import pytest
from tests.unit.collector_vnish.terminal import run, web_server

from collector_vnish.adapters import command_diagnose
from collector_vnish.adapters.command_diagnose import diagnose
from minestream_runtime.devices.reach import Reached


def healthy(path: str) -> tuple[int, bytes]:
    return (200, b'{"miner": {}}') if path in {"/api/v1/summary", "/docs/"} else (404, b"")


def test_of_a_healthy_miner_every_step_is_ok() -> None:
    with web_server(healthy) as address:
        code, out, _ = run(diagnose, address)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["ok"] * 4
    assert address in out
    assert "->" not in out


BROKEN = {
    "API page": (lambda path: (404, b"") if path == "/docs/" else healthy(path), "probe"),
    "JSON answer": (
        lambda path: (200, b'{"miner": ') if "summary" in path else healthy(path),
        "no valid JSON",
    ),
    "web server": (lambda path: (500, b"") if path == "/" else healthy(path), "HTTP 500"),
}


@pytest.mark.parametrize("step", BROKEN)
def test_a_step_that_fails_says_so_and_what_to_do(step: str) -> None:
    answer, said = BROKEN[step]
    with web_server(answer) as address:
        code, out, _ = run(diagnose, address, "--json")
        _, text, _ = run(diagnose, address)
    told = json.loads(out)
    failed = [each for each in told["steps"] if not each["ok"]]
    assert (code, [each["name"] for each in failed]) == (1, [step])
    assert failed[0]["advice"]
    assert said in text


@pytest.mark.parametrize("body", [b"[]", b'"ok"', b"null"])
def test_json_that_is_no_object_is_no_answer(body: bytes) -> None:
    with web_server(
        lambda path: (200, body) if "summary" in path else healthy(path),
    ) as address:
        code, out, _ = run(diagnose, address, "--json")
    failed = [each for each in json.loads(out)["steps"] if not each["ok"]]
    assert (code, [each["name"] for each in failed]) == (1, ["JSON answer"])
    assert "JSON, but no object" in failed[0]["found"]


def test_the_toolkits_own_summary_is_an_answer_too() -> None:
    with web_server(
        lambda path: (200, b"{}") if path in {"/summary", "/docs/"} else (404, b"")
    ) as (address):
        code, out, _ = run(diagnose, address)
    assert code == 0
    assert "GET /summary" in out


def test_nobody_there_fails_each_step_but_a_host_that_lives() -> None:
    code, out, _ = run(diagnose, "127.0.0.1:1", "--json")
    assert code == 1
    assert [each["ok"] for each in json.loads(out)["steps"]] == [True, False, False, False]


def test_no_step_takes_longer_than_it_may() -> None:
    assert (command_diagnose._PING_S, command_diagnose._STEP_S) == (3.0, 5.0)


def test_of_who_is_silent_each_step_ends_when_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command_diagnose, "_STEP_S", 0.2)
    pings: list[float] = []

    async def silent(_name: str, _port: int, *, wait_s: float) -> Reached:
        pings.append(wait_s)
        return Reached(there=False, by="icmp", words=f"no answer within {wait_s:g} s")

    monkeypatch.setattr(command_diagnose, "reach", silent)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        code, out, _ = run(diagnose, f"127.0.0.1:{listening.getsockname()[1]}", "--json")
    steps = json.loads(out)["steps"]
    assert (code, [each["ok"] for each in steps]) == (1, [False] * 4)
    assert pings == [3.0]
    assert all("no whole answer within" in each["found"] for each in steps[1:])


@pytest.mark.parametrize("host", ["", "a b", "host:0"])
def test_a_wrong_address_is_wrong_usage(host: str) -> None:
    code, _, err = run(diagnose, "--", host)
    assert (code, "HOST:PORT" in err) == (2, True)
