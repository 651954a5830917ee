"""Settings are sane by default, checked at start, and never quoted where they are secret."""

import pytest

from collector_market.settings import MarketSettings
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.usage import Per, Quota

KEY = "CG-very-secret"


def load(monkeypatch: pytest.MonkeyPatch, **named: str) -> MarketSettings:
    for name, value in named.items():
        monkeypatch.setenv(f"MINESTREAM_{name.upper()}", value)
    return MarketSettings.load()


def test_the_defaults_are_the_public_sources_within_their_free_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = load(monkeypatch)
    assert settings.sources == (
        "coingecko",
        "litecoinspace",
        "mempool",
        "litesolo",
        "minerstat",
    )
    assert settings.coins == ("litecoin", "dogecoin", "bitcoin")
    assert settings.url_of("coingecko") == "https://api.coingecko.com/api/v3"
    assert settings.url_of("mempool") == "https://mempool.space"
    assert settings.calls_per_min_of("coingecko") == 10
    assert settings.headers_of("coingecko") == {}


def test_untold_each_thing_is_asked_as_often_as_the_contract_says_and_has_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = load(monkeypatch, cmc_key=KEY)
    assert (settings.market_price_every_s, settings.market_network_every_s) == (300, 300)
    assert (settings.market_coins_every_s, settings.market_chart_every_s) == (900, 3600)
    assert (settings.cmc_listings_every_s, settings.cmc_global_every_s) == (900, 3600)
    assert settings.market_deadline_s == 10


def test_a_months_credits_are_those_of_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, cmc_key=KEY)
    assert settings.quotas_of("coinmarketcap") == (Quota(Per.MONTH, 10_000, kept=1000),)
    assert settings.quotas_of("coingecko") == settings.quotas_of("mempool") == ()
    settings = load(monkeypatch, coingecko_plan="demo", coingecko_key=KEY)
    assert settings.quotas_of("coingecko") == (Quota(Per.MONTH, 10_000, kept=1000),)
    assert settings.quotas_of("mempool") == ()
    kept = [settings.quotas_of("coingecko", for_prices=most)[0].kept for most in (0, 8640, 20_000)]
    assert kept == [1000, 8640, 9000]


@pytest.mark.parametrize(
    ("plan", "url", "calls", "header"),
    [
        ("demo", "https://api.coingecko.com/api/v3", 30, "x-cg-demo-api-key"),
        ("pro", "https://pro-api.coingecko.com/api/v3", 50, "x-cg-pro-api-key"),
    ],
)
def test_a_plan_decides_address_budget_and_header(
    monkeypatch: pytest.MonkeyPatch, plan: str, url: str, calls: int, header: str
) -> None:
    settings = load(monkeypatch, coingecko_plan=plan, coingecko_key=KEY)
    assert settings.url_of("coingecko") == url
    assert settings.calls_per_min_of("coingecko") == calls
    assert {name: key.get_secret_value() for name, key in settings.headers_of("coingecko").items()}
    assert list(settings.headers_of("coingecko")) == [header]
    assert settings.headers_of("mempool") == {}, "a key goes to nobody else"
    assert KEY not in repr(settings)


def test_none_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, market_sources="none").sources == ()


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"coingecko_plan": "demo"}, "MINESTREAM_COINGECKO_PLAN"),
        ({"coingecko_key": KEY}, "MINESTREAM_COINGECKO_PLAN"),
        ({"coingecko_key": f"{KEY}\nX-Other: 1", "coingecko_plan": "pro"}, "COINGECKO_KEY"),
        ({"coingecko_plan": "gold"}, "COINGECKO_PLAN"),
        ({"market_sources": "coingecko,coinbase"}, "unknown: coinbase"),
        ({"market_coins": " , "}, "MARKET_COINS"),
        ({"market_coins": "Lite coin"}, "MARKET_COINS"),
        ({"coingecko_url": "ftp://x/y"}, "COINGECKO_URL"),
        ({"litesolo_url": f"https://user:{KEY}@host"}, "LITESOLO_URL"),
        ({"mempool_url": f"https://host?key={KEY}"}, "MEMPOOL_URL"),
        ({"market_price_every_s": "59"}, "at least 60 s (MINESTREAM_DEMO=1"),
        ({"market_chart_every_s": "599"}, "MINESTREAM_MARKET_CHART_EVERY_S: at least 600 s"),
        ({"market_network_every_s": "nan"}, "MARKET_NETWORK_EVERY_S"),
        ({"market_price_every_s": "0.5", "demo": "1"}, "at least 1 s"),
        ({"market_missed": "0"}, "MARKET_MISSED"),
        ({"database_url": "nowhere"}, "DATABASE_URL"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, named: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(monkeypatch, **named)
    assert told in str(refused.value)
    assert KEY not in str(refused.value)


def test_a_demo_may_be_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, demo="1", market_price_every_s="1", market_chart_every_s="5")
    assert (settings.market_price_every_s, settings.market_chart_every_s) == (1, 5)
