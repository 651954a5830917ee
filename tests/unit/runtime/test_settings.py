import pytest

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.outlet.settings import OutletSettings
from minestream_runtime.settings import Settings


@pytest.mark.parametrize(
    "url", ["http://backend:4318", "https://user:s3cret@traces.example/otlp", "http://[::1]:4318/"]
)
def test_a_trace_backend_has_an_address(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MINESTREAM_OTLP_ENDPOINT", url)
    assert Settings.load().otlp_endpoint == url


@pytest.mark.parametrize(
    "url",
    [
        *("backend:4318", "ftp://backend", "http://", "http://:4318", "http://back end:4318"),
        *("http://s3cret@:4318", "http://u:s3cret@backend:port", "http://backend:99999"),
        *("http://backend:0", "http://[::1"),
    ],
)
def test_a_trace_backend_without_one_is_named_and_its_password_is_not(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("MINESTREAM_OTLP_ENDPOINT", url)
    with pytest.raises(ConfigurationError, match=r"OTLP_ENDPOINT.*http://host:4318") as refused:
        Settings.load()
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("instance", ["0", "site-a.2", "pod-7f9c_x"])
def test_a_replica_has_a_name(monkeypatch: pytest.MonkeyPatch, instance: str) -> None:
    monkeypatch.setenv("MINESTREAM_INSTANCE", instance)
    assert Settings.load().instance == instance


@pytest.mark.parametrize("instance", ["..", "../other", "a/b", "a b", "x" * 64, "a\n"])
def test_a_replica_whose_name_would_lead_elsewhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, instance: str
) -> None:
    monkeypatch.setenv("MINESTREAM_INSTANCE", instance)
    with pytest.raises(ConfigurationError, match="MINESTREAM_INSTANCE"):
        Settings.load()


def test_untold_a_spool_keeps_a_day_and_a_gibibyte_and_a_link_down_for_five_seconds_is_a_gap() -> (
    None
):
    untold = OutletSettings()
    assert (untold.spool_age_s, untold.spool_bytes) == (86_400, 2**30)
    assert (untold.publish_deadline_s, untold.gap_after_s) == (5, 5)
