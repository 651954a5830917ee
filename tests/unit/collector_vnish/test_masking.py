"""No secret of a miner leaves the collector."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector_vnish.domain.masking import MASK, mask, pool_options

FIXTURE = Path(__file__).parents[2] / "fixtures" / "vnish" / "s21pro_1.2.7_settings.json"


@pytest.mark.parametrize(
    ("password", "masked"),
    [
        ("x", MASK),
        ("hunter2", MASK),
        ("a=scrypt,n=rig-7,d=262144", "a=scrypt,n=rig-7,d=262144"),
        ("hunter2,a=scrypt, n=rig-7", "a=scrypt,n=rig-7"),
        ("p=hunter2,c=DOGE;m=pplns", "c=DOGE,m=pplns"),
        ("na=hunter2", MASK),
        (" a=sha256d ", "a=sha256d"),
    ],
)
def test_of_a_pool_password_only_its_options_stay(password: str, masked: str) -> None:
    assert pool_options(password) == masked


@pytest.mark.parametrize(
    "key",
    [
        *("pw", "pwd", "ftp_pwd", "passwd", "Password", "wifi_passphrase", "secret"),
        *("clientSecret", "token", "access_token", "api_key", "apikey", "APIKey", "private_key"),
        *("api-key", "wpa_psk", "wifi-key", "credentials", "_ant_pool1pw"),
    ],
)
def test_whatever_a_secret_is_called_it_is_masked_at_any_depth(key: str) -> None:
    assert mask({"a": [{key: "hunter2"}]}) == {"a": [{key: MASK}]}


@pytest.mark.parametrize(
    "key", ["user", "url", "hw_pwm", "pwr_limit", "key", "apis", "bitmain-pwth", "api-allow"]
)
def test_what_is_no_secret_stays(key: str) -> None:
    assert mask({key: "seen"}) == {key: "seen"}


def test_every_secret_of_the_recorded_settings_is_masked_and_nothing_else_changed() -> None:
    settings, secret = json.loads(FIXTURE.read_text()), "hunter2"
    for pool in settings["miner"]["pools"][:2]:
        pool["pass"] = secret
    settings["password"] = secret
    settings["network"] = {
        "api_key": "hunter2",
        "ftp_pwd": "hunter2",
        "wifi": [{"private_key": {"a": "hunter2"}}],
    }
    masked = mask(settings)
    text = json.dumps(masked)
    assert "hunter2" not in text
    assert isinstance(masked, dict)
    assert masked["miner"]["overclock"] == settings["miner"]["overclock"]
    assert masked["miner"]["pools"][0]["user"] == settings["miner"]["pools"][0]["user"]
    assert masked["miner"]["pools"][2]["pass"] == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["pass", "password", "pw", "token", "x"]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_masking_twice_is_masking_once(content: object) -> None:
    assert mask(mask(content)) == mask(content)
