"""The file of accounts is read strictly; a fault says its line and what is allowed."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from collector_pool.adapters.accounts_file import load_accounts, read_accounts
from minestream_dialects.pools import POOLS
from minestream_dialects.pools.braiins import BraiinsAccount
from minestream_runtime.documents import DocumentError
from minestream_runtime.errors import ConfigurationError

GOOD = """\
accounts:
  - account_id: ocean-main
    pool: ocean
    address: bc1qexampleexampleexample
  - account_id: braiins-main
    pool: braiins
    key: ${BRAIINS_TOKEN}
    interval_s: 600
  - account_id: f2pool-main
    pool: f2pool
    key: "${F2_TOKEN}"
    user: exampleuser
    coin: litecoin
    payout_scheme: PPLNS
"""
ENVIRONMENT = {"BRAIINS_TOKEN": "braiins-secret", "F2_TOKEN": "f2-secret"}


def test_accounts_are_read_with_their_keys_from_the_environment() -> None:
    ocean, braiins, f2pool = read_accounts(GOOD, ENVIRONMENT)
    assert (ocean.pool, ocean.coin, ocean.interval_s) == ("ocean", "bitcoin", 300.0)
    assert isinstance(braiins, BraiinsAccount)
    assert braiins.key == SecretStr("braiins-secret")
    assert braiins.interval_s == 600.0
    assert (f2pool.coin, f2pool.payout_scheme) == ("litecoin", "PPLNS")


def test_no_key_is_ever_shown() -> None:
    shown = repr(read_accounts(GOOD, ENVIRONMENT))
    assert "secret" not in shown.replace("SecretStr", "")


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("pool: ocean", "pool: oceans", "3: accounts[0].pool: one of braiins, f2pool, litecoin"),
        ("address: bc1q", "addres: bc1q", "4: accounts[0]: no key 'addres'; allowed: account_id"),
        ("    address: bc1qexampleexampleexample\n", "", "2: accounts[0].address: is missing: the"),
        ("key: ${BRAIINS_TOKEN}", "key: ${NOT_SET}", "7: accounts[1].key: environment variable N"),
        ("interval_s: 600", "interval_s: often", "8: accounts[1].interval_s: Input should be a v"),
        ("interval_s: 600", "interval_s: 0", "8: accounts[1].interval_s: Input should be greate"),
        ("account_id: braiins-main", "account_id: ocean-main", "5: accounts[1].account_id: ocea"),
        (
            "account_id: ocean-main",
            "account_id: Ocean Main",
            "2: accounts[0].account_id: wanted: our name for it: 2 to 63",
        ),
        ("coin: litecoin", "coin: dogecoin", "13: accounts[2].coin: Input should be 'bitcoin', "),
        ("accounts:", "acounts:", "1: `accounts:` is missing"),
        ("    key: ${BRAIINS_TOKEN}\n", "    url: ftp://x\n", "7: accounts[1].url: wanted: anoth"),
    ],
)
def test_a_fault_says_its_line_and_what_is_allowed(before: str, after: str, fault: str) -> None:
    assert before in GOOD
    with pytest.raises(DocumentError) as caught:
        read_accounts(GOOD.replace(before, after, 1), ENVIRONMENT)
    told = [f"{each.line}: {each.text}" for each in caught.value.faults]
    assert any(each.startswith(fault) for each in told), told


@pytest.mark.parametrize("name", sorted(POOLS))
def test_what_a_key_takes_is_said_in_words_with_an_example(name: str) -> None:
    patterned = {
        key
        for key, field in POOLS[name].account.model_fields.items()
        if "pattern" in repr(field.metadata) or "pattern" in repr(field.annotation)
    }
    assert "account_id" in patterned
    for key in patterned:
        with pytest.raises(DocumentError) as caught:
            read_accounts(f"accounts:\n  - {{pool: {name}, {key}: '*', key: abcd}}", {})
        told = [each.text for each in caught.value.faults if f"[0].{key}: wanted: " in each.text]
        assert len(told) == 1, [each.text for each in caught.value.faults]
        assert ", like " in told[0]
        assert "^" not in told[0]


def test_all_faults_are_told_at_once_and_no_key_among_them(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    text = GOOD.replace("${BRAIINS_TOKEN}", "abc").replace("pool: ocean", "pool: nowhere")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_accounts(file, ENVIRONMENT)
    lines = str(caught.value).splitlines()
    assert [int(re.findall(r":(\d+): ", line)[0]) for line in lines] == [3, 7]
    assert all(line.startswith(f"{file}:") for line in lines)
    assert "abc" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_accounts(tmp_path / "none.yaml", {})


def test_a_file_that_is_too_large_is_refused_and_not_cut(tmp_path: Path) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text(GOOD + "# all of it counts\n" * 60_000)
    with pytest.raises(ConfigurationError, match=r"accounts\.yaml:1: over 1048576 bytes"):
        load_accounts(file, ENVIRONMENT)
