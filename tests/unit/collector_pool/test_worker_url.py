"""A worker's URL is what the pool really takes."""

import pytest
from typer.testing import CliRunner

from collector_pool.adapters.command import app
from minestream_dialects.pools.stratum import login_of
from minestream_schemas.units import Algorithm


def test_prohashing_takes_the_workers_name_among_options_in_the_password() -> None:
    login = login_of(
        "prohashing",
        "us.mining.prohashing.com:3333",
        account="minestream",
        worker="r01-s03",
        scheme="PPLNS",
    )
    assert (login.user, login.password) == ("minestream", "a=scrypt,n=r01-s03,m=pplns")
    assert login.url == (
        "stratum+tcp://minestream:a=scrypt,n=r01-s03,m=pplns@us.mining.prohashing.com:3333"
    )


def test_other_pools_take_account_and_worker_for_user() -> None:
    login = login_of("braiins", "stratum.braiins.com:3333", account="minestream", worker="r01-s03")
    assert login.url == "stratum+tcp://minestream.r01-s03:x@stratum.braiins.com:3333"


def test_a_pool_of_several_algorithms_is_told_which() -> None:
    login = login_of("prohashing", "h:1", account="a", worker="w", algorithm=Algorithm.SHA256D)
    assert login.url == "stratum+tcp://a:a=sha-256,n=w@h:1"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"address": "prohashing.com"}, "host:port is wanted"),
        ({"address": "h:70000"}, "host:port is wanted"),
        ({"worker": "a,k=key"}, "the worker 'a,k=key'"),
        ({"account": "a:b@c"}, "the account"),
        ({"scheme": "FREE"}, "the scheme 'FREE': one of PPLNS, PPS, SOLO"),
        ({"algorithm": Algorithm.UNKNOWN}, "wants an algorithm"),
    ],
)
def test_what_no_pool_takes_is_refused(more: dict[str, str], said: str) -> None:
    given = {"pool": "prohashing", "address": "h:1", "account": "a", "worker": "w"} | more
    with pytest.raises(ValueError, match=said):
        login_of(**given)  # type: ignore[arg-type] # some are of other types


def test_the_command_prints_the_url_and_its_parts() -> None:
    result = CliRunner().invoke(
        app, ["worker-url", "r01-s03", "--account", "minestream", "--scheme", "pplns"]
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == (
        "stratum+tcp://minestream:a=scrypt,n=r01-s03,m=pplns@us.mining.prohashing.com:3333"
    )
    assert "password  a=scrypt,n=r01-s03,m=pplns" in result.stdout


def test_the_command_says_what_is_wrong() -> None:
    result = CliRunner().invoke(app, ["worker-url", "a b", "--account", "minestream"])
    assert result.exit_code == 2
    assert "the worker 'a b'" in result.output


def test_a_worker_of_another_pool_is_never_sent_to_prohashings_address() -> None:
    told = ["worker-url", "r01-s03", "--account", "minestream", "--at", "ocean"]
    result = CliRunner().invoke(app, told)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--address HOST:PORT is wanted" in result.output
    result = CliRunner().invoke(app, [*told, "--address", "mine.example.org:3334"])
    assert result.stdout.startswith("stratum+tcp://minestream.r01-s03:x@mine.example.org:3334\n")
