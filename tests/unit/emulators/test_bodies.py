import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from minestream_emulators.device import WRONG_UNIT, Reply, Request
from minestream_emulators.models import MODELS
from minestream_emulators.noise import seed_of
from minestream_emulators.physics import Ailment
from minestream_emulators.vnish.device import Device
from minestream_emulators.vnish.live import clock_text
from minestream_emulators.world import Resident, WorldPlan, climate, machine, residents

T0 = 1_767_225_600.0
VNISH = sorted(key for key, model in MODELS.items() if model.family == "vnish")
RECORDED = Path(__file__).parents[2] / "fixtures" / "vnish"
PAYLOADS = Path(__file__).parents[3] / "libs/emulators/src/minestream_emulators/payloads"
READS = ("info", "model", "summary", "status", "perf-summary", "metrics", "settings")
SCENES = ("well", "hot-chip", "dead-fan", "lost-board", "booting", "starting", "overheated")


def resident(kind: str) -> Resident:
    return residents(WorldPlan(miners=1, mix={kind: 1.0}))[0]


def device(kind: str, scene: str = "well") -> Device:
    plan = WorldPlan(miners=1, mix={kind: 1.0})
    miner = machine(resident(kind), climate(plan), T0)
    if scene in set(Ailment):
        miner.afflict(Ailment(scene), T0)
        miner.advance(T0 + 600)
    elif scene in ("booting", "starting"):
        miner.boot(T0)
        miner.advance(T0 + (1 if scene == "booting" else 14))
    elif scene == "overheated":
        miner.boards[0].chip_temp_c = 140.0
        miner.advance(T0 + 1)
    return Device(miner, resident(kind).who)


def ask(
    one: Device,
    endpoint: str,
    method: str = "GET",
    *,
    after_s: float = 0.0,
    token: str | None = None,
    body: bytes = b"",
) -> Reply:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    path, _, query = f"/api/v1/{endpoint}".partition("?")
    at_s = one.miner.at_s + after_s
    return one.answer(Request(method, path, at_s, query=query, headers=headers, body=body))


def unlock(one: Device, password: str = "admin") -> Reply:  # noqa: S107 - the factory's own
    return ask(one, "unlock", "POST", body=json.dumps({"pw": password}).encode())


def token_of(one: Device) -> str:
    return str(json.loads(unlock(one).body)["token"])


@cache
def document(firmware: str) -> dict[str, Any]:
    version = "1.3.4" if firmware.startswith("1.3") else "1.2.7"
    found: dict[str, Any] = json.loads(
        (RECORDED / f"xminer_api_{version}_openapi.json").read_text()
    )
    return found


def complaints(firmware: str, path: str, body: bytes, method: str = "get") -> list[str]:
    api = document(firmware)
    answer = api["paths"][path][method]["responses"]["200"]
    schema = answer["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": api["components"]})
    return [f"{list(e.path)}: {e.message}" for e in validator.iter_errors(json.loads(body))]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("endpoint", [*READS, "autotune/presets", "parts"])
@pytest.mark.parametrize("kind", VNISH)
def test_every_body_keeps_to_the_firmwares_own_schema(kind: str, endpoint: str, scene: str) -> None:
    one = device(kind, scene)
    token = token_of(one)
    modern = MODELS[kind].has_boards
    names = [endpoint] if endpoint != "parts" else ["boards"] if modern else ["chips", "chains"]
    for name in names:
        reply = ask(one, name, token=token)
        assert reply.status == 200
        assert complaints(MODELS[kind].firmware, f"/{name}", reply.body) == []


def leaves(body: Any, path: str = "") -> dict[str, type]:
    if isinstance(body, dict):
        out: dict[str, type] = {}
        for key, value in body.items():
            out |= leaves(value, f"{path}.{key}")
        return out
    if isinstance(body, list):
        out = {}
        for value in body:
            out |= leaves(value, f"{path}[]")
        return out
    return {path: type(body)}


RECORDINGS = [
    (model.key, endpoint)
    for model in MODELS.values()
    if model.family == "vnish"
    for endpoint in ("summary", "info", "status", "perf_summary")
    if (PAYLOADS / f"{model.slug}_{model.firmware}_{endpoint}.json").exists()
]


@pytest.mark.parametrize(("kind", "endpoint"), RECORDINGS)
def test_integers_and_floats_stand_where_the_recording_has_them(kind: str, endpoint: str) -> None:
    model = MODELS[kind]
    path = PAYLOADS / f"{model.slug}_{model.firmware}_{endpoint}.json"
    expected = leaves(json.loads(path.read_text()))
    actual = leaves(json.loads(ask(device(kind), endpoint.replace("_", "-")).body))
    told = {key: kind for key, kind in expected.items() if kind is not type(None)}
    assert {key: actual.get(key) for key in told} == told


@pytest.mark.parametrize("template", sorted(PAYLOADS.glob("*.json")), ids=lambda path: path.stem)
def test_a_template_is_the_payload_that_the_parsers_are_tested_with(template: Path) -> None:
    names = (f"{template.stem}.json", f"{template.stem}_assembled.json")
    (recorded,) = [RECORDED / name for name in names if (RECORDED / name).exists()]
    assert json.loads(template.read_text()) == json.loads(recorded.read_text())


def test_every_model_has_a_recording_behind_it() -> None:
    assert len(RECORDINGS) == 10


def test_scrypt_speaks_megahashes_and_sha256_gigahashes() -> None:
    l9, s21 = (
        json.loads(ask(device(k), "summary").body)["miner"] for k in ("l9-1.2.7", "s21pro-1.2.7")
    )
    assert json.loads(ask(device("l9-1.2.7"), "info").body)["hr_measure"] == "MH/s"
    assert json.loads(ask(device("s21pro-1.2.7"), "info").body)["hr_measure"] == "GH/s"
    assert 13_000 < l9["hr_realtime"] < 18_000
    assert 180_000 < s21["hr_realtime"] < 245_000
    for miner in (l9, s21):
        boards = sum(chain["hashrate_rt"] for chain in miner["chains"])
        assert boards == pytest.approx(miner["hr_realtime"], rel=1e-6)
        assert sum(c["power_consumption"] for c in miner["chains"]) == miner["power_consumption"]


def test_versions_differ_in_what_they_answer() -> None:
    old, new = device("l9-1.2.7"), device("l9-1.3.4")
    assert [ask(old, name).status for name in ("chips", "chains", "boards")] == [200, 200, 404]
    assert [ask(new, name).status for name in ("chips", "chains", "boards")] == [404, 404, 200]
    assert "restart_count" in json.loads(ask(new, "summary").body)["miner"]
    assert "restart_count" not in json.loads(ask(old, "summary").body)["miner"]
    assert json.loads(ask(new, "status").body)["throttled"] == 100
    assert "throttled" not in json.loads(ask(old, "status").body)


def test_the_s19k_has_the_boards_that_its_recording_lacks() -> None:
    one = device("s19kpro-1.3.3")
    assert [c["id"] for c in json.loads(ask(one, "summary").body)["miner"]["chains"]] == [1, 2, 3]
    boards = json.loads(ask(one, "boards").body)
    assert [len(board["chips"]) for board in boards] == [77, 77, 77]


def test_one_miners_numbers_never_leak_into_anothers() -> None:
    well, broken = device("l9-1.2.7"), device("l9-1.2.7", "lost-board")
    before = ask(well, "summary").body
    ask(broken, "summary")
    assert ask(well, "summary").body == before
    states = [c["status"] for c in json.loads(ask(broken, "summary").body)["miner"]["chains"]]
    assert sum(state["state"] == "disconnected" for state in states) == 1


def test_a_lost_board_says_nothing_rather_than_cold() -> None:
    one = device("l9-1.3.4", "lost-board")
    miner = json.loads(ask(one, "summary").body)["miner"]
    (lost,) = (c for c in miner["chains"] if c["status"]["state"] == "disconnected")
    assert lost["hashrate_rt"] == 0.0
    assert lost["chip_temp"] == lost["pcb_temp"] == {"min": 0, "max": 0}
    assert miner["chip_temp"]["min"] > 30
    (board,) = (b for b in json.loads(ask(one, "boards").body) if b["id"] == lost["id"])
    assert (board["chips"], board["sensors"]) == ([], [])


def test_a_miner_that_has_just_booted_has_no_reading_yet() -> None:
    assert json.loads(ask(device("l9-1.2.7", "booting"), "summary").body) == {"miner": None}
    later = json.loads(ask(device("l9-1.2.7", "starting"), "summary").body)["miner"]
    assert later["miner_status"]["miner_state"] == "starting"
    assert (later["pools"][0]["accepted"], later["pools"][0]["ls_time"]) == (0, "0")


def test_an_overheated_miner_says_why_it_stands_still() -> None:
    status = json.loads(ask(device("l9-1.2.7", "overheated"), "status").body)
    assert (status["miner_state"], status["miner_state_time"]) == ("failure", 0)
    assert "Overheat" in status["description"]
    assert "description" not in json.loads(ask(device("l9-1.2.7"), "status").body)


def test_a_hot_chip_is_seen_in_chips_boards_and_summary() -> None:
    for kind, name, grade in (("l9-1.2.7", "chips", "status"), ("l9-1.3.4", "boards", "grade")):
        one = device(kind, "hot-chip")
        hottest = json.loads(ask(one, "summary").body)["miner"]["chip_temp"]["max"]
        body = json.loads(ask(one, name).body)
        chains = body["chains"] if name == "chips" else body
        chips = [chip for chain in chains for chip in chain["chips"]]
        worst = max(chips, key=lambda chip: chip["temp"])
        assert worst["temp"] == pytest.approx(hottest, abs=1)
        assert worst["temp"] > 90
        assert worst[grade] == "red"


def test_settings_and_presets_want_a_token() -> None:
    one = device("l9-1.2.7")
    for name in ("settings", "autotune/presets"):
        assert ask(one, name) == Reply(401)
        assert ask(one, name, token="nonsense").status == 401  # noqa: S106 - a wrong one
        assert ask(one, name, token=token_of(one)).status == 200
    assert json.loads(ask(one, "status").body)["unlocked"] is False
    assert json.loads(ask(one, "status", token=token_of(one)).body)["unlocked"] is True


@pytest.mark.parametrize(("sent", "status"), [("{}", 200), ("Basic {}", 401), ("", 401)])
def test_a_token_counts_bare_as_clients_of_the_firmware_send_it(sent: str, status: int) -> None:
    one = device("l9-1.2.7")
    headers = {"authorization": sent.format(token_of(one))}
    request = Request("GET", "/api/v1/settings", one.miner.at_s, headers=headers)
    assert one.answer(request).status == status


def test_a_token_ends_with_its_session_and_with_a_reboot() -> None:
    one = device("l9-1.2.7")
    token = token_of(one)
    assert ask(one, "settings", token=token, after_s=3601.0).status == 401
    token = token_of(one)
    one.reboot()
    assert ask(one, "settings", token=token).status == 401


def test_a_wrong_password_is_refused_and_too_many_lock_the_door_for_a_minute() -> None:
    one = device("l9-1.2.7")
    for _ in range(5):
        assert unlock(one, "guess") == Reply(403, b'{"unlock_timeout":null}')
    locked = unlock(one)
    assert (locked.status, json.loads(locked.body)) == (429, {"unlock_timeout": 60})
    one.miner.advance(one.miner.at_s + 61.0)
    assert unlock(one).status == 200


def test_a_password_that_was_changed_behind_our_back_is_refused_like_a_wrong_one() -> None:
    one = device("l9-1.2.7")
    token = token_of(one)
    one.wrong_password = True
    assert unlock(one).status == 403
    assert ask(one, "settings", token=token).status == 401
    assert ask(one, "summary").status == 200


def test_the_settings_hold_the_pools_passwords_and_the_power_limit_of_1_3() -> None:
    one = device("l9-1.3.4")
    body = json.loads(ask(one, "settings", token=token_of(one)).body)["miner"]
    assert body["pools"][0]["pass"].split(",") == ["a=scrypt", "n=r01-s01"]
    assert body["misc"]["power_limit_enabled"] is False


@pytest.mark.parametrize(
    ("method", "endpoint", "body", "status"),
    [
        ("GET", "nonsense", b"", 404),
        ("POST", "summary", b"", 405),
        ("GET", "unlock", b"", 405),
        ("DELETE", "summary", b"", 405),
        ("POST", "unlock", b"{", 400),
        ("POST", "unlock", b"[]", 400),
        ("POST", "find-miner", b"null", 400),
        ("GET", "metrics?time_slice=soon", b"", 400),
        ("POST", "locate-miner", b"{}", 404),
    ],
)
def test_wrong_requests_get_the_status_they_deserve(
    method: str, endpoint: str, body: bytes, status: int
) -> None:
    assert ask(device("l9-1.2.7"), endpoint, method, body=body).status == status


def test_a_miner_can_be_made_to_blink() -> None:
    one = device("l9-1.2.7")
    on = ask(one, "find-miner", "POST", body=b'{"on": true}')
    assert complaints("1.2.7", "/find-miner", on.body, "post") == []
    assert json.loads(ask(one, "status").body)["find_miner"] is True
    new = ask(device("l9-1.3.4"), "locate-miner", "POST", body=b'{"is_enabled": true}')
    assert json.loads(new.body) == {"is_enabled": True}


def test_the_root_page_tells_the_firmware_and_all_but_the_apis_page_are_not_there() -> None:
    one = device("l9-1.2.7")
    page = one.answer(Request("GET", "/", T0))
    assert b'<meta name="firmware" content="AnthillOS">' in page.body
    assert one.answer(Request("GET", "/docs/", T0)).status == 200
    assert one.answer(Request("GET", "/cgi-bin/stats.cgi", T0)).status == 404


def test_the_wrong_unit_is_no_unit() -> None:
    one = device("l9-1.2.7")
    one.wrong_unit = True
    assert json.loads(ask(one, "info").body)["hr_measure"] == WRONG_UNIT == "XH/s"
    one.wrong_unit = False
    assert json.loads(ask(one, "info").body)["hr_measure"] == "MH/s"


def test_history_holds_what_has_been_lived_through_resampled_by_step() -> None:
    one = device("l9-1.2.7")
    for minute in range(60):
        one.miner.advance(T0 + 60.0 * minute)
    fine, coarse = (
        json.loads(ask(one, f"metrics?time_slice=3600&step={step}").body)["metrics"]
        for step in (300, 900)
    )
    assert len(fine) >= 12
    assert len(coarse) in (4, 5)
    assert all(point["time"] % 900 == 0 for point in coarse)
    assert all(13_000 < point["data"]["hashrate"] < 18_000 for point in coarse)


def test_durations_are_worded_as_the_firmware_words_them() -> None:
    assert clock_text(300) == "0:05"
    assert clock_text(6900) == "1:55"
    assert clock_text(7 * 86400 + 14 * 3600 + 28 * 60) == "7 days, 14:28"
    assert clock_text(86400) == "1 day, 0:00"


def test_seeds_are_the_same_on_every_machine() -> None:
    assert seed_of(7, "miner", 0) == 8306655026849459559
    assert seed_of(7, "miner", 0) != seed_of(7, "miner", 1)
