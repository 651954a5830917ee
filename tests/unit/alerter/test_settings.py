"""What the alerter takes from its environment, and what it refuses."""

from datetime import timedelta

import pytest

from alerter.domain.rules import Offline, Temperature
from alerter.settings import AlerterSettings
from minestream_runtime.errors import ConfigurationError
from minestream_schemas.alert import Severity


def test_the_limits_are_those_that_were_asked_for() -> None:
    temperature, offline = AlerterSettings().rules
    assert isinstance(temperature, Temperature)
    assert temperature.limits_c == {Severity.WARNING: 80, Severity.CRITICAL: 90}
    assert isinstance(offline, Offline)
    assert offline.hold == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WEBHOOK_URL", "ftp://x", "https://host/path is wanted"),
        ("WEBHOOK_URL", "http://", "https://host/path is wanted"),
        ("WEBHOOK_URL", "http://x:port/", "https://host/path is wanted"),
        ("SMTP_URL", "mail.farm:25", "smtp://host:25"),
        ("SMTP_URL", "smtp://me:geheim@mail", "needs MINESTREAM_MAIL_FROM"),
        ("MAIL_TO", "a@b.c\r\nBcc: x@y.z", "no mail address"),
        ("MAIL_TO", "a@b.c,,", "no mail address"),
        ("MAIL_FROM", "nobody", "no mail address"),
        ("MAIL_FROM", "me@", "no mail address"),
        ("TEMPERATURE_CRITICAL_C", "80", "must be above"),
        ("OFFLINE_FOR_S", "0", "greater than 0"),
        ("TEMPERATURE_WARNING_C", "nan", "finite|greater|less"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason_and_without_its_value(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"MINESTREAM_{name}", value)
    with pytest.raises(ConfigurationError, match=said) as caught:
        AlerterSettings.load()
    assert "geheim" not in str(caught.value)


def test_secrets_are_not_in_what_settings_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINESTREAM_WEBHOOK_URL", "https://h/T0KEN")
    monkeypatch.setenv("MINESTREAM_WEBHOOK_SECRET", "hush")
    monkeypatch.setenv("MINESTREAM_SMTP_URL", "smtp://me:geheim@mail")
    monkeypatch.setenv("MINESTREAM_MAIL_FROM", "a@b.c")
    monkeypatch.setenv("MINESTREAM_MAIL_TO", "d@e.f, g@h.i")
    settings = AlerterSettings.load()
    for secret in ("T0KEN", "hush", "geheim"):
        assert secret not in repr(settings)
        assert secret not in settings.model_dump_json()
    assert settings.recipients == ["d@e.f", "g@h.i"]
