"""S0-10.3-config, S2-3-config-check: the documents' own files load as they are written."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field, SecretStr

from collector_market.settings import SOURCES
from minestream_runtime.config import source
from minestream_runtime.config.marks import Note, Setting, outcomes
from minestream_runtime.config.reading import KINDS, read
from minestream_runtime.documents import DocumentError
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.inventory.reading import read_inventory
from minestream_runtime.settings import Settings

ROOT = Path(__file__).parents[3]
FILES = ROOT / "tests" / "fixtures" / "config"
SECRETS = {
    "MINER_PASSWORD": "miner-pass",
    "PROHASHING_API_KEY": "pool-key-1234",
    "CMC_API_KEY": "cmc-key-1234",
    "ABACUS_API_KEY": "abacus-key-1234",
    "DB_USERNAME": "db-writer",
    "DB_PASSWORD": "p@ss/word",
    "EMAIL_USERNAME": "watch@mining-operation.com",
    "EMAIL_PASSWORD": "mail:pass",
    "SLACK_WEBHOOK_URL": "https://hooks.example.com/T0/B0/x",
}


def given(name: str) -> tuple[dict[str, str], dict[str, str]]:
    """What a template's values become: settings, and the rulings by path."""
    found = source.load([FILES / name], SECRETS)[0]
    notes = {".".join(map(str, o.at)): o.why for o in found.outcomes if isinstance(o, Note)}
    return {s.name: s.value for s in found.settings()}, notes


def test_the_collection_template_loads_as_it_is_written() -> None:
    settings, notes = given("data_collection_config.yaml")
    assert settings == {
        "LOG_LEVEL": "info",
        "POOL_API_KEY": "pool-key-1234",
        "POOL_WAMP_URL": "wss://prohashing.com:3333/ws",
        "POOL_REALM": "realm1",
        "POOL_HTTP_URL": "https://prohashing.com/api/v1",
        "POOL_STATUS_EVERY_S": "300",
        "POOL_PROFITABILITY_EVERY_S": "900",
        "POOL_PROFILE": "seed",
        "MARKET_COINS": "bitcoin,ethereum,litecoin,dogecoin",
        "MARKET_PRICE_EVERY_S": "300",
        "MARKET_COINS_EVERY_S": "900",
        "MARKET_CHART_EVERY_S": "3600",
        "CMC_KEY": "cmc-key-1234",
        "CMC_LISTINGS_EVERY_S": "900",
        "CMC_GLOBAL_EVERY_S": "3600",
        "MARKET_SOURCES": "coingecko,coinmarketcap,litecoinspace,mempool,litesolo,minerstat",
    }
    assert "prohashing.wamp.subscriptions" in notes


def test_the_abacus_template_loads_as_it_is_written() -> None:
    settings, notes = given("abacus_integration_config.yaml")
    assert settings == {
        "ABACUS_PROJECT": "crypto_mining_monitor",
        "ABACUS_KEY": "abacus-key-1234",
        "ABACUS_BATCH_ROWS": "1000",
        "ABACUS_RETRIES": "3",
        "ABACUS_TIMEOUT_S": "30",
        "WINDOW_S": "300",
    }
    assert "batch run" in notes["batch_processing.schedule"]


def test_the_retention_template_loads_as_it_is_written() -> None:
    settings, _ = given("data_retention_config.yaml")
    assert settings == {
        "LAKE_FOLDER": "/archive/crypto_mining_monitor",
        "KEEP_READING_DAYS": "30",
        "KEEP_BOARD_DAYS": "30",
        "KEEP_CHIP_SAMPLE_DAYS": "30",
        "KEEP_HOURLY_DAYS": "180",
        "KEEP_DAILY_DAYS": "1095",
        "KEEP_POOL_WORKER_DAYS": "90",
        "KEEP_POOL_DAYS": "365",
        "KEEP_MARKET_DAYS": "730",
        "KEEP_WINDOW_DAYS": "365",
        "KEEP_ANOMALY_DAYS": "90",
    }


def test_the_small_fleets_file_loads_as_it_is_written() -> None:
    settings, notes = given("config.yaml")
    assert settings == {
        "POLL_INTERVAL_S": "30",
        "POLL_DEADLINE_S": "10",
        "POOL_API_KEY": "pool-key-1234",
        "POOL_PROXY_URL": "http://localhost:3000",
        "POOL_PROFITABILITY_EVERY_S": "60",
        "POOL_CALLS_PER_HOUR": "4500",
        "POOL_PROFILE": "proxy",
        "DATABASE_URL": "postgresql://db-writer:p%40ss%2Fword@localhost:5432/fleet_monitoring",
        "TEMPERATURE_WARNING_C": "80",
        "TEMPERATURE_CRITICAL_C": "90",
        "OFFLINE_FOR_S": "300",
        "MAIL_TO": "admin@mining-operation.com",
        "SMTP_URL": "smtp://watch%40mining-operation.com:mail%3Apass@smtp.gmail.com:587",
        "MAIL_FROM": "watch@mining-operation.com",
        "LOG_LEVEL": "info",
    }
    assert {"alerts.slack.webhook_url", "logging.file"} <= notes.keys()


@pytest.mark.parametrize("file", sorted(FILES.glob("*.yaml")), ids=lambda file: file.stem)
def test_each_value_of_a_template_becomes_a_setting_a_miner_or_a_ruling(file: Path) -> None:
    said = read(file.read_text(), SECRETS)
    told = {outcome.at for outcome in outcomes(said.part)}
    shape_only = {"feature_groups", "miners", "miner_ips", "aggregation_interval", "type"}
    composed = {"database", "email", "enabled", "smtp_server", "smtp_port"}
    for at in said.lines:
        below = [each for each in said.lines if each[: len(at)] == at and each != at]
        if not below and not {*at} & (shape_only | composed):
            assert any(at[: len(each)] == each for each in told), at


WRONG = [
    ("config.yaml", "miner_ips:", "miner_ipz:", "did you mean miner_ips?"),
    ("config.yaml", 'type: "postgresql"', 'type: "sqlite"', "SQLite is not offered"),
    ("config.yaml", "smtp_port: 587", "smtp_port: many", "smtp_port"),
    ("config.yaml", 'level: "INFO"', "level: LOUD", "'DEBUG'"),
    ("config.yaml", "_per_hour: 4500", "_per_hour: 5000", "less than or equal to 4500"),
    ("data_collection_config.yaml", "- id: miner_01\n    ip:", "- id: m1\n    no:", "is missing"),
    ("data_collection_config.yaml", "- usd", "- eur", "'usd'"),
    ("config.yaml", 'api_key: "${PROHASHING_API_KEY}"', "api_key: 1234", "between quotes"),
    ("abacus_integration_config.yaml", '"0 */6 * * *"', '"whenever"', "minute hour day"),
    ("data_retention_config.yaml", "retention_days: 30", "retention_days: soon", "integer"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong[2].split("\n")[0])
def test_a_wrong_key_or_value_is_told_with_file_line_and_what_is_allowed(
    tmp_path: Path, wrong: tuple[str, str, str, str]
) -> None:
    name, old, new, said = wrong
    text = (FILES / name).read_text()
    line = text[: text.index(old)].count("\n") + 1
    file = tmp_path / name
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        source.load([file], SECRETS)
    told = [each for each in str(caught.value).splitlines() if f"{file}:{line}: " in each]
    assert any(said in each for each in told), str(caught.value)


def test_a_variable_that_is_not_set_is_named_at_its_line() -> None:
    with pytest.raises(DocumentError) as caught:
        read((FILES / "config.yaml").read_text(), {})
    texts = [fault.text for fault in caught.value.faults]
    assert any("PROHASHING_API_KEY is not set" in text for text in texts)


def test_of_a_file_that_is_none_the_known_keys_are_told() -> None:
    with pytest.raises(DocumentError) as caught:
        read("colour: blue\n", {})
    assert all(key in caught.value.faults[0].text for key in ("fleet", "miners", "raw_data"))


def test_two_files_may_not_disagree(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("fleet: {miner_ips: [10.0.0.1]}\nlogging: {level: DEBUG}\n")
    with pytest.raises(ConfigurationError, match="MINESTREAM_LOG_LEVEL is given otherwise"):
        source.load([FILES / "data_collection_config.yaml", other], SECRETS)


class Watch(Settings):
    offline_for_s: float = Field(default=60.0)
    smtp_url: SecretStr | None = None


def test_a_service_takes_its_settings_from_the_file_and_the_environment_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MINESTREAM_CONFIG", str(FILES / "config.yaml"))
    monkeypatch.setenv("MINESTREAM_LOG_LEVEL", "debug")
    monkeypatch.delenv("MINESTREAM_DATABASE_URL", raising=False)
    settings = Watch.load()
    assert (settings.offline_for_s, settings.log_level) == (300.0, "debug")
    assert settings.smtp_url is not None
    assert "fleet_monitoring" in settings.database_url.get_secret_value()
    assert "mail%3Apass" not in repr(settings)


def test_a_file_with_a_fault_keeps_a_service_from_starting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = tmp_path / "config.yaml"
    wrong.write_text("fleet:\n  miner_ips: []\n")
    monkeypatch.setenv("MINESTREAM_CONFIG", str(wrong))
    with pytest.raises(ConfigurationError, match=r"config\.yaml:2: fleet\.miner_ips"):
        Watch.load()


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "from minestream_runtime.command.config import app; app()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_tells_what_becomes_of_each_value_and_no_secret() -> None:
    done = command("check", *map(str, sorted(FILES.glob("c*.yaml"))), **SECRETS)
    assert done.returncode == 0, done.stderr
    assert "MINESTREAM_POLL_INTERVAL_S=30" in done.stdout
    assert "MINESTREAM_DATABASE_URL=(secret)" in done.stdout
    shown = {secret for name, secret in SECRETS.items() if secret in done.stdout}
    assert shown == {SECRETS["EMAIL_USERNAME"]}, "it is the sender's address too"


def test_a_program_is_told_what_becomes_of_each_value_and_no_secret() -> None:
    file = FILES / "config.yaml"
    done = command("check", str(file), "--json", **SECRETS)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["file"] for each in told} == {str(file)}
    assert [each["line"] for each in told] == sorted(each["line"] for each in told)
    database = next(each for each in told if each["setting"] == "MINESTREAM_DATABASE_URL")
    assert (database["secret"], database["becomes"]) == (True, None)
    assert all(each.get("becomes") or each["secret"] for each in told if each["setting"])
    assert all(each["why"] for each in told if not each["setting"])
    assert SECRETS["MINER_PASSWORD"] not in done.stdout


def test_faults_are_told_without_a_traceback_and_end_a_check_with_1(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("fleet:\n  miner_ips: []\n")
    done = command("check", str(file), "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{file}:2: fleet.miner_ips")


def test_the_fleet_that_a_file_lists_can_be_imported_and_keeps_its_variables() -> None:
    done = command("fleet", str(FILES / "data_collection_config.yaml"), "--site", "site-a")
    assert done.returncode == 0, done.stderr
    assert "miner-pass" not in done.stdout
    assert "${MINER_PASSWORD}" in done.stdout
    wanted = read_inventory(done.stdout, SECRETS)
    miner: Any = wanted.fleet.miners["miner-01"]
    assert (miner.address, miner.model, miner.rack_id, miner.slot, miner.interval_s) == (
        "192.168.1.101:80",
        "Antminer S19",
        "site-a-rack-1",
        1,
        300.0,
    )
    assert wanted.credentials["miner-02"] == {"username": "admin", "password": "miner-pass"}
    small = command("fleet", str(FILES / "config.yaml"), "--site", "site-a")
    assert len(yaml.safe_load(small.stdout)["miners"]) == 3


def test_each_setting_that_a_file_may_give_is_one_of_a_service() -> None:
    known = {
        line.partition("=")[0]
        for file in (ROOT / "deploy" / "config").glob("*.env")
        for line in file.read_text().splitlines()
    }
    secrets = {"MINESTREAM_ABACUS_KEY", "MINESTREAM_DATABASE_URL", "MINESTREAM_SMTP_URL"}
    secrets |= {"MINESTREAM_POOL_API_KEY", "MINESTREAM_CMC_KEY"}
    for file in FILES.glob("*.yaml"):
        for setting in source.load([file], SECRETS)[0].settings():
            assert f"MINESTREAM_{setting.name}" in known | secrets


def test_every_network_source_is_asked_whatever_markets_a_file_names() -> None:
    settings, _ = given("data_collection_config.yaml")
    assert set(settings["MARKET_SOURCES"].split(",")) == set(SOURCES)


def test_a_market_that_is_not_enabled_is_not_asked_although_its_key_is_given(
    tmp_path: Path,
) -> None:
    file = tmp_path / "market.yaml"
    file.write_text("market_data: {coinmarketcap: {enabled: false, api_key: cmc-key-1234}}\n")
    (found,) = source.load([file], {})
    assert [each.name for each in found.settings()] == ["MARKET_SOURCES"]
    assert [each.why for each in found.outcomes if isinstance(each, Note)] == [
        "not used: enabled is false"
    ]


def test_the_feed_cannot_be_left_out_alone() -> None:
    with pytest.raises(DocumentError) as caught:
        read("miners: []\nprohashing:\n  wamp: {enabled: false}\n", {})
    (fault,) = caught.value.faults
    assert fault.line == 2
    assert "enable both or neither" in fault.text
    both = "miners: []\nprohashing: {wamp: {enabled: false}, http: {enabled: false}}\n"
    made = [each for each in outcomes(read(both, {}).part) if isinstance(each, Setting)]
    assert [(each.name, each.value) for each in made] == [("POOL_PROFILE", "none")]


def test_a_number_keeps_all_its_digits(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(
        "fleet: {miner_ips: [10.0.0.1], poll_interval_seconds: 86400.25}\n"
        "alerts: {thresholds: {offline_duration_minutes: 20161}}\n"
    )
    (found,) = source.load([file], {})
    assert {each.name: each.value for each in found.settings()} == {
        "POLL_INTERVAL_S": "86400.25",
        "OFFLINE_FOR_S": "1209660",
    }


def test_a_secret_is_in_no_representation() -> None:
    (found,) = source.load([FILES / "config.yaml"], SECRETS)
    names = {name for name, value in SECRETS.items() if value in repr(found)}
    assert names <= {"DB_USERNAME", "EMAIL_USERNAME"}


@pytest.mark.parametrize("deep", ["[" * 100_000, "- " * 100_000, "{a: " * 5000 + "}" * 5000])
def test_what_is_nested_too_deeply_is_told_and_ends_no_process(tmp_path: Path, deep: str) -> None:
    file = tmp_path / "deep.yaml"
    file.write_text(deep)
    done = command("check", str(file))
    assert done.returncode == 1
    assert "nested too deeply" in done.stderr


_DOUBLED = "\n".join(f"  - &b{n} [*b{n - 1}, *b{n - 1}]" for n in range(1, 90))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"miners:\n  - &b0 [x]\n{_DOUBLED}\n", "far too many values"),
        ("miners: &all\n  - *all\n", "contains itself"),
    ],
)
def test_aliases_that_make_too_much_are_refused_at_once(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(text, {})
    assert said in caught.value.faults[0].text


def test_aliases_that_spare_some_words_are_taken() -> None:
    text = "x: &day 30\nminers: &some [{id: m 1, ip: 10.0.0.1, polling_interval_seconds: *day}]\n"
    with pytest.raises(DocumentError) as caught:
        read(text, {})
    (fault,) = caught.value.faults
    assert "x: no such key" in fault.text, "and nothing else is wrong with it"


def test_words_in_brackets_are_shown_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "[odd].yaml"
    file.write_text("miners: []\nprohashing: {wamp: {realm: 'a[/b]c'}}\n")
    done = command("check", str(file))
    assert done.returncode == 0, done.stderr
    assert "[odd].yaml" in done.stdout
    assert "MINESTREAM_POOL_REALM=a[/b]c" in done.stdout


def test_a_miner_that_cannot_be_taken_is_named(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text("miners:\n  - {id: miner 1, ip: '10.0.0.1:8080'}\n")
    done = command("fleet", str(file), "--site", "site-a")
    assert done.returncode == 1
    assert "miner 1: address '[10.0.0.1:8080]:80'" in done.stderr


def test_every_kind_of_file_is_a_different_one() -> None:
    assert len({frozenset(kind.model_fields) for kind in KINDS}) == len(KINDS)
    assert all(isinstance(o, Setting | Note) for o in outcomes(KINDS[0].model_construct()))
