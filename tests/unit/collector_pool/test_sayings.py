"""What messages of the pool become, before anything is published."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector_pool.domain.hiding import hider
from collector_pool.domain.records import Records
from collector_pool.domain.sayings import (
    HTTP,
    PROXY,
    WAMP,
    Saying,
    answered,
    heard,
    hidden,
    stamp,
    updating,
)
from minestream_schemas.pool import PoolMessage
from minestream_schemas.raw import PollStatus

AT = datetime(2026, 11, 21, 14, 35, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "prohashing"
UUID = "8e0c0a0e-2f7a-4d0c-9a4d-0123456789ab"


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def whole(message: PoolMessage = PoolMessage.WORKER) -> Saying:
    return Saying(WAMP, message, AT, latency_ms=1.0, snapshot=True)


def change(message: PoolMessage = PoolMessage.WORKER) -> Saying:
    return Saying(WAMP, message, AT)


def asked(message: PoolMessage, dialect: str = HTTP) -> Saying:
    return Saying(dialect, message, AT, latency_ms=1.0, http_status=200, snapshot=True)


@pytest.fixture
def records() -> Records:
    """Those of the recorded snapshot."""
    found = Records()
    heard(whole(), recorded("wamp_f_all_miner_updates_assembled.json"), found)
    return found


def test_a_snapshot_is_told_worker_by_worker() -> None:
    content = recorded("wamp_f_all_miner_updates_assembled.json")
    told = heard(whole(), content, Records())
    assert [each.about for each in told] == [each["uuid"] for each in content]
    assert [json.loads(each.body or "") for each in told] == content
    assert all(each.snapshot and each.merged is None for each in told)


def test_a_change_is_told_with_the_whole_record_after_it(records: Records) -> None:
    (diff,) = recorded("wamp_miner_update_diffs_event_assembled.json")
    (told,) = heard(change(), diff, records)
    assert json.loads(told.body or "") == diff
    before = recorded("wamp_f_all_miner_updates_assembled.json")[0]
    assert json.loads(told.merged or "") == before | diff
    assert told.subject("prohashing-main") == f"prohashing-main/{UUID}"


def test_changes_add_up(records: Records) -> None:
    heard(change(), {"uuid": UUID, "share_count": 413}, records)
    (told,) = heard(change(), {"uuid": UUID, "coin_name": "Dogecoin"}, records)
    merged = json.loads(told.merged or "")
    assert (merged["share_count"], merged["coin_name"]) == (413, "Dogecoin")


def test_a_change_of_an_unknown_worker_is_kept_as_it_is() -> None:
    (told,) = heard(change(), {"uuid": "new", "hashrate": 1.0}, Records())
    assert (told.status, told.merged, told.snapshot) == (PollStatus.OK, None, False)


def test_a_change_that_names_its_worker_is_whole() -> None:
    found = Records()
    (first,) = heard(change(), {"uuid": "new", "miner_name": "r1"}, found)
    assert (first.snapshot, first.merged) == (True, None)
    (second,) = heard(change(), {"uuid": "new", "hashrate": 2.0}, found)
    assert json.loads(second.merged or "") == {"uuid": "new", "miner_name": "r1", "hashrate": 2.0}


def test_a_snapshot_forgets_who_is_not_in_it(records: Records) -> None:
    heard(whole(), [{"uuid": "other", "miner_name": "r9"}], records)
    assert len(records) == 1
    assert not records.knows(UUID)


@pytest.mark.parametrize("content", [None, "<html>", [1, 2], {"hashrate": 1}, {"uuid": 7}, 3])
def test_a_change_of_another_shape_is_garbage_and_changes_nothing(
    content: object, records: Records
) -> None:
    (told,) = heard(change(), content, records)
    assert (told.status, told.body) == (PollStatus.GARBAGE, json.dumps(content))
    assert told.about is None
    assert len(records) == 2


def test_workers_of_a_snapshot_without_a_name_cost_themselves_alone() -> None:
    told = heard(whole(), [{"uuid": "a", "miner_name": "r1"}, {"x": 1}, 5], Records())
    assert [each.status for each in told] == [PollStatus.OK, PollStatus.GARBAGE]
    assert told[1].error == "2 of the workers without a name"


@pytest.mark.parametrize("about", [PoolMessage.PROFITABILITY, PoolMessage.BALANCES])
def test_what_must_be_an_object_and_is_none_is_garbage(about: PoolMessage) -> None:
    (told,) = heard(change(about), ["x"], Records())
    assert told.status is PollStatus.GARBAGE


def test_garbage_is_cut_to_four_kibibytes() -> None:
    (told,) = heard(change(), "x" * 100_000, Records())
    assert len(told.body or "") == 4096


def test_a_wrong_key_over_http_is_unauthorised_without_a_body() -> None:
    body = (FIXTURES / "api_v1_wallet_bad_key_assembled.json").read_text(encoding="utf-8")
    (told,) = answered(asked(PoolMessage.WALLET), body)
    assert (told.status, told.body, told.error) == (PollStatus.UNAUTHORISED, None, "code 400")
    (status,) = answered(asked(PoolMessage.STATUS), body)
    assert status.status is PollStatus.ERROR, "no key was asked for"


@pytest.mark.parametrize("code", ["[]", "{}", "[400]", "1e999", "true", '"4e2"', "null"])
def test_a_status_that_is_none_is_an_error_and_no_crash(code: str) -> None:
    (told,) = answered(asked(PoolMessage.WALLET), f'{{"code": {code}, "data": {{}}}}')
    assert (told.status, told.error) == (PollStatus.ERROR, "code without a number")


def test_a_status_that_is_a_text_counts() -> None:
    (told,) = answered(asked(PoolMessage.WALLET), '{"code": "200", "data": {}}')
    assert told.status is PollStatus.OK
    (told,) = answered(asked(PoolMessage.WALLET), '{"code": "401"}')
    assert told.status is PollStatus.UNAUTHORISED


def test_what_is_nested_too_deeply_is_garbage() -> None:
    (told,) = answered(asked(PoolMessage.WALLET), "[" * 100_000)
    assert told.status is PollStatus.GARBAGE
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    (told,) = heard(change(), deep, Records())
    assert told.status is PollStatus.GARBAGE


def test_workers_over_http_are_told_one_by_one() -> None:
    body = (FIXTURES / "api_v1_walletEx_assembled.json").read_text(encoding="utf-8")
    (told,) = answered(asked(PoolMessage.WORKER), body)
    assert told.about == "rack-1-l9-01"
    assert json.loads(told.body or "")["accepted"] == 17_021_345_678.0


@pytest.mark.parametrize("body", ["[]", "3", '{"code": 200, "data": null}', '{"code": 200}'])
def test_an_answer_without_workers_is_garbage(body: str) -> None:
    (told,) = answered(asked(PoolMessage.WORKER), body)
    assert told.status is PollStatus.GARBAGE


def test_an_answer_is_told_verbatim() -> None:
    body = (FIXTURES / "http_proxy_profitability.json").read_text(encoding="utf-8")
    (told,) = answered(asked(PoolMessage.PROFITABILITY, PROXY), body)
    assert told.body == body
    assert told.stamped_at == datetime(2019, 1, 15, 0, 4, 40, 495900, UTC)


def test_the_proxy_says_when_it_was_fed_and_whether_it_is() -> None:
    content = recorded("http_proxy_status.json")
    assert stamp(PoolMessage.STATUS, content) == datetime(2019, 1, 15, 0, 0, 52, tzinfo=UTC)
    assert updating(content)
    assert not updating({"updating": False})
    assert updating({})


@pytest.mark.parametrize("said", [None, [], {"1": 3}, {"1": {"data_timestamp": "x"}}, {}])
def test_what_tells_no_time_has_none(said: object) -> None:
    assert stamp(PoolMessage.PROFITABILITY, said) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": "my-key"}', '{"a": "***"}'),
        ("miner_update_diffs_my-key", "miner_update_diffs_***"),
        ('{"password": "a=scrypt,n=r1,k=other"}', '{"password": "a=scrypt,n=r1,k=***"}'),
        ('{"password": "k=other,a=scrypt"}', '{"password": "k=***,a=scrypt"}'),
        ('{"risk=3": 1}', '{"risk=3": 1}'),
    ],
)
def test_keys_are_blotted_out_of_all_texts(text: str, told: str) -> None:
    saying = Saying(WAMP, PoolMessage.WORKER, AT, body=text, merged=text, error=text, about=text)
    out = hidden(saying, hider("my-key"))
    assert (out.body, out.merged, out.error, out.about) == (told,) * 4


def test_two_connections_of_one_name_are_both_told() -> None:
    miners = [{"ID": "rig-1", "accepted": 1e9}, {"ID": "rig-1", "accepted": 2e9}]
    body = json.dumps({"code": 200, "data": {"miners": miners}})
    told = answered(asked(PoolMessage.WORKER), body)
    assert [(each.about, json.loads(each.body or "")) for each in told] == [
        ("rig-1", miners[0]),
        ("rig-1", miners[1]),
    ]
