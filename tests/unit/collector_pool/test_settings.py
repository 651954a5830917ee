"""Profiles, what is set otherwise, and what is refused without being quoted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector_pool.domain.profiles import call_of, topic_of
from collector_pool.settings import PoolSettings
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.tasks.cron import Cron
from minestream_schemas.pool import PoolMessage


def settings(monkeypatch: pytest.MonkeyPatch, **given: str) -> PoolSettings:
    for name, value in given.items():
        monkeypatch.setenv(f"MINESTREAM_{name.upper()}", value)
    return PoolSettings.load()


def test_nothing_is_followed_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).profile() is None


def test_the_live_profile_is_what_the_pools_public_clients_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile = settings(monkeypatch, pool_profile="live", pool_api_key="my-key").profile()
    assert profile is not None
    assert (profile.wamp_url, profile.realm) == ("wss://live.prohashing.com:443/ws", "mining")
    assert (profile.auth, profile.authid, profile.secret) == ("wampcra", "web", "web")
    assert {about: topic_of(name, "my-key") for about, name in profile.topics.items()} == {
        PoolMessage.WORKER: "miner_update_diffs_my-key",
        PoolMessage.PROFITABILITY: "profitability_updates",
        PoolMessage.BALANCES: "balance_updates_my-key",
        PoolMessage.GENERAL: "general_updates",
        PoolMessage.FOUND_BLOCK: "found_block_updates",
        PoolMessage.MINING_FAILURE: "mining_failures_my-key",
    }
    assert {about: call_of(name, "my-key") for about, name in profile.procedures.items()} == {
        PoolMessage.WORKER: ("f_all_miner_updates", ("my-key",)),
        PoolMessage.PROFITABILITY: ("f_all_profitability_updates", ()),
        PoolMessage.BALANCES: ("f_all_balance_updates", ("my-key",)),
        PoolMessage.GENERAL: ("f_all_general_updates", ()),
    }
    assert (profile.http_url, profile.proxy_url) == ("https://prohashing.com/api/v1", None)


def test_the_proxy_profile_asks_the_open_proxy_where_it_listens_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile = settings(monkeypatch, pool_profile="proxy").profile()
    assert profile is not None
    assert profile.proxy_url == "http://127.0.0.1:3000"
    assert (profile.wamp_url, profile.http_url) == (None, None)


def test_the_seed_profile_is_what_the_first_specification_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile = settings(monkeypatch, pool_profile="seed").profile()
    assert profile is not None
    assert (profile.wamp_url, profile.realm) == ("wss://prohashing.com:3333/ws", "realm1")
    assert profile.http_url == "https://prohashing.com/api/v1"
    assert (profile.auth, profile.authid) == ("anonymous", None)
    assert profile.topics == {
        PoolMessage.WORKER: "com.prohashing.worker",
        PoolMessage.PROFITABILITY: "com.prohashing.profitability",
    }


def test_without_a_key_nothing_is_asked_that_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = settings(monkeypatch, pool_profile="live").profile()
    assert profile is not None
    assert PoolMessage.WORKER not in profile.topics
    assert set(profile.procedures) == {PoolMessage.PROFITABILITY, PoolMessage.GENERAL}


def test_every_part_of_a_profile_can_be_set_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = settings(
        monkeypatch,
        pool_profile="live",
        pool_api_key="my-key",
        pool_wamp_url="ws://127.0.0.1:9/x",
        pool_realm="other",
        pool_auth="ticket",
        pool_authid="me",
        pool_secret="s3cret",  # noqa: S106 - of a test
        pool_topics='{"worker": "w_{key}"}',
        pool_procedures='{"worker": "all(key)"}',
        pool_http_url="http://127.0.0.1:9/api",
        pool_proxy_url="http://127.0.0.1:3000",
    ).profile()
    assert profile is not None
    assert (profile.wamp_url, profile.realm, profile.auth) == (
        "ws://127.0.0.1:9/x",
        "other",
        "ticket",
    )
    assert (profile.authid, profile.secret) == ("me", "s3cret")
    assert "s3cret" not in repr(profile)
    assert profile.topics == {PoolMessage.WORKER: "w_{key}"}
    assert profile.procedures == {PoolMessage.WORKER: "all(key)"}
    assert (profile.http_url, profile.proxy_url) == (
        "http://127.0.0.1:9/api",
        "http://127.0.0.1:3000",
    )


def test_untold_the_pool_is_followed_as_the_contract_says() -> None:
    untold = PoolSettings()
    assert untold.pool_calls_per_hour == 4500
    assert (untold.pool_ping_s, untold.pool_fresh_s, untold.pool_fallback_after_s) == (30, 600, 15)


def test_untold_payouts_are_looked_at_each_hour_and_reconciled_each_day() -> None:
    untold, at = PoolSettings(), datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
    for line, every in (
        (untold.pools_payouts_cron, timedelta(hours=1)),
        (untold.pools_history_cron, timedelta(hours=3)),
        (untold.pools_reconcile_cron, timedelta(days=1)),
    ):
        first = Cron(line).after(at)
        assert Cron(line).after(first) - first == every


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"pool_profile": "other"}, "MINESTREAM_POOL_PROFILE"),
        ({"pool_calls_per_hour": "4501"}, "MINESTREAM_POOL_CALLS_PER_HOUR"),
        ({"pool_api_key": "a b#secret"}, "MINESTREAM_POOL_API_KEY"),
        ({"pool_wamp_url": "http://x"}, "MINESTREAM_POOL_WAMP_URL"),
        ({"pool_http_url": "ftp://secret@x"}, "MINESTREAM_POOL_HTTP_URL"),
        ({"pool_topics": '{"worker": "secret topic"}'}, "MINESTREAM_POOL_TOPICS"),
        ({"pool_profile": "live", "pool_auth": "ticket", "pool_authid": ""}, None),
        ({"pool_profile": "seed", "pool_auth": "wampcra"}, "MINESTREAM_POOL_AUTHID"),
        ({"pool_ca_file": "/nowhere/ca.pem"}, "MINESTREAM_POOL_CA_FILE"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_never_quoted(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str | None
) -> None:
    if named is None:
        assert settings(monkeypatch, **given).profile() is not None
        return
    with pytest.raises(ConfigurationError) as refused:
        settings(monkeypatch, **given)
    assert named in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_key_is_in_no_text_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = settings(
        monkeypatch, pool_profile="live", pool_api_key="my-key", state_dir=str(tmp_path)
    )
    assert "my-key" not in repr(told) + str(told)
