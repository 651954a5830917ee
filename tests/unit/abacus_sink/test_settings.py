import pytest

from abacus_sink.settings import AbacusSettings
from minestream_runtime.errors import ConfigurationError


@pytest.mark.parametrize(
    "url",
    [
        "nowhere",
        "ftp://host/x",
        "http://",
        "http://host:port/",
        "http://host/?key=sesame",
        "http://user:sesame@host/",
        "http://ho st/",
    ],
)
def test_an_address_that_leads_nowhere_or_holds_a_secret_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("MINESTREAM_ABACUS_URL", url)
    with pytest.raises(ConfigurationError, match="MINESTREAM_ABACUS_URL") as refused:
        AbacusSettings.load()
    assert "sesame" not in str(refused.value)


def test_an_address_ends_without_a_slash_and_the_key_is_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINESTREAM_ABACUS_URL", "http://127.0.0.1:8491/abacus/")
    monkeypatch.setenv("MINESTREAM_ABACUS_KEY", "sesame")
    settings = AbacusSettings.load()
    assert settings.abacus_url == "http://127.0.0.1:8491/abacus"
    assert "sesame" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("BATCH_ROWS", "1001"), ("FLUSH_S", "6"), ("BATCH_BYTES", "2000000"), ("MODE", "insert")],
)
def test_limits_of_a_batch_cannot_be_set_beyond_what_was_agreed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MINESTREAM_ABACUS_{name}", value)
    with pytest.raises(ConfigurationError, match=name):
        AbacusSettings.load()
