"""``minestream probe``: a reading, or the reason why there is none and an exit code."""

import json
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.collector_vnish.terminal import run, web_server

from collector_vnish.adapters import asking
from collector_vnish.adapters.command import probe
from minestream_runtime.collecting.family import Family

FIXTURES = Path(__file__).parents[2] / "fixtures" / "vnish"


def recorded(path: str) -> tuple[int, bytes]:
    path = path.removeprefix("/api/v1/")
    file = FIXTURES / f"s21pro_1.2.7_{path.replace('-', '_')}.json"
    return (200, file.read_bytes()) if file.exists() else (404, b"")


def asked(*arguments: str, **more: Any) -> tuple[int, str, str]:
    return run(probe, *arguments, **more)


def test_a_miner_is_told_with_dialect_firmware_and_model() -> None:
    with web_server(recorded) as address:
        code, out, _ = asked(address)
        assert code == 0
        for said in ("vnish-1.2", "1.2.7", "S21 Pro", "hashrate_hs", "GET /api/v1/info"):
            assert said in out
        code, out, _ = asked(address, "--json")
    reading = json.loads(out)
    assert code == 0
    assert reading["hashrate_hs"] == 173870.94e9


def test_what_a_miner_calls_itself_is_shown_as_it_is_whatever_it_looks_like() -> None:
    def named(path: str) -> tuple[int, bytes]:
        code, body = recorded(path)
        return code, body.replace(b'"1.2.7"', b'"[/red]1.2.7"')

    with web_server(named) as address:
        code, out, _ = asked(address)
    assert (code, "[/red]1.2.7" in out) == (0, True)


GARBAGE = {
    "404": (lambda _: (404, b""), 3, "no miner that we know"),
    "a web page": (lambda _: (200, b"<html>router</html>"), 3, "no miner that we know"),
    "another miner's JSON": (lambda _: (200, b'{"STATUS": "S"}'), 3, "no miner that we know"),
    "a Vnish miner with a broken summary": (
        lambda path: recorded(path) if path == "/api/v1/info" else (200, b"garbage"),
        4,
        "cannot be read",
    ),
}


@pytest.mark.parametrize("case", GARBAGE)
def test_what_cannot_be_read_is_refused_with_the_reason(case: str) -> None:
    answer, wanted, said = GARBAGE[case]
    with web_server(answer) as address:
        code, out, err = asked(address)
    assert (code, out) == (wanted, "")
    assert said in err


def test_nobody_there_and_silence_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        code, _, err = asked(address, "--deadline", "0.2")
        assert (code, "no whole answer within 0.2 s" in err) == (1, True)
    code, _, err = asked(address)
    assert (code, "refused" in err) == (1, True)


@pytest.mark.parametrize("host", ["", "a b", "host:99999", "host:0", "host:x", "a/b", "-x.y:1"])
def test_a_wrong_address_is_wrong_usage(host: str) -> None:
    code, _, _ = asked("--", host)
    assert code == 2


def test_an_address_outside_of_the_allowed_networks_is_told_so_and_not_that_nobody_listens() -> (
    None
):
    code, out, err = asked("8.8.8.8")
    assert (code, out) == (2, "")
    assert err.split() == ["8.8.8.8", "is", "outside", "of", "MINESTREAM_ALLOWED_NETWORKS"]


def test_a_miner_behind_a_password_is_read_with_it_and_named_without() -> None:
    stats = json.dumps({"STATS": [{"chain": [], "rate_5s": 1.0}], "INFO": {"type": "Antminer S19"}})
    challenge = 'Digest realm="antMiner Configuration", nonce="n", qop="auth"'
    with web_server(lambda _: (401, b""), challenge=challenge) as address:
        code, out, err = asked(address)
        assert (code, out) == (5, "")
        assert "antminer-web" in err
        assert "--username" in err
        code, _, err = asked(address, "--username", "admin", input="s3cret\n")
        assert (code, "s3cret" in err) == (5, False)
    with web_server(lambda path: (200, stats.encode() if "stats" in path else b"{}")) as address:
        code, out, _ = asked(address)
    assert code == 0
    assert "antminer" in out


def test_who_wants_credentials_first_is_told_so() -> None:
    with web_server(lambda _: (401, b""), challenge='Basic realm="x"') as address:
        code, _, err = asked(address)
    assert (code, "--username" in err) == (5, True)


def test_a_miner_over_tcp_is_named_and_read_by_whoever_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = b'{"STATUS":[{"STATUS":"S"}],"VERSION":[{"CGMiner":"4.9.0","API":"3.1"}]}\0'
    summary = b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"Elapsed":9,"MHS av":1.5}]}\0'

    def nobody(*_: object) -> Sequence[Family]:
        return ()

    with web_server(
        lambda name: (404, {"version": version, "summary": summary}.get(name, b""))
    ) as (address):
        with monkeypatch.context() as patch:
            patch.setattr(asking, "_others", nobody)
            code, out, err = asked(address, "--deadline", "1")
        assert (code, out) == (4, "")
        assert "a cgminer miner (4028 version: CGMiner 4.9.0)" in err
        assert "nothing installed here can read it" in err


CHIPS = b'{"chiphr":[{"Asic00":"71","Asic01":"73"},{"Asic00":"70"}]}'


def test_the_chips_of_vnish_3_are_read_from_its_web_page_as_the_collector_does() -> None:
    head = {"STATUS": [{"STATUS": "S"}]}
    kind = {"Type": "Antminer S9 (vnish 3.8.6)", "CGMiner": "4.9.0"}
    said = {
        "stats": head | {"STATS": [kind, {"Elapsed": 9, "GHS 5s": "214", "chain_acn1": 2}]},
        "version": head | {"VERSION": [kind]},
        "summary": head | {"SUMMARY": [{"Elapsed": 9, "GHS 5s": "214"}]},
        "pools": head | {"POOLS": []},
    }

    def port(name: str) -> tuple[int, bytes]:
        return 404, json.dumps(said[name]).encode() + b"\0" if name in said else b""

    pages = {"/cgi-bin/chip_hr.json": (200, CHIPS)}
    with web_server(port) as address, web_server(lambda p: pages.get(p, (404, b""))) as web:
        at = web.rpartition(":")[2]
        code, out, _ = asked(address, "--deadline", "1", "--web-port", at)
        assert (code, "vnish-3" in out) == (0, True)
        assert re.search(r"chips told +3\b", out), out
        code, out, _ = asked(address, "--deadline", "1", env={"MINESTREAM_MINER_WEB_PORT": at})
        assert (code, bool(re.search(r"chips told +3\b", out))) == (0, True)
        code, out, _ = asked(address, "--deadline", "1")
    assert (code, "chips told" in out) == (0, False)
    assert "chip-hr: not asked: nobody knows its web port" in out


def test_what_a_stranger_answers_is_told() -> None:
    with web_server(lambda _: (200, b"<html>router</html>")) as address:
        code, _, err = asked(address)
    assert code == 3
    assert "vnish-info at" in err
    assert "HTTP 200" in err
