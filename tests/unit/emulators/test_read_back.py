"""What our own parser reads from an emulated miner is what is so in its machine."""

import json

import pytest
from tests.unit.emulators.reading import ENDPOINTS, asked, built, of_family, read

from minestream_emulators.chips import chips_of
from minestream_emulators.models import MODELS
from minestream_emulators.physics import Ailment
from minestream_emulators.vnish.device import Device
from minestream_schemas.telemetry import MinerStatus

VNISH = of_family("vnish")
DONE = ("antminer", "vnish-3", "cgminer", "whatsminer", "whatsminer-v3", "antminer-web", "elphapex")
DOCUMENTS = of_family("vnish-toolkit", "vnish-cgi")
OTHERS = of_family(*DONE)
FLICKER = 0.02
"""Of an Elphapex only means are good for anything."""
OLD = {"l3p-stock", "l3p-vnish-3.8.6", "s9-vnish-3.8.6"}
"""They forget a comma and name no unit: what is read of them says so."""
OLD_WEB = {"s9-web", "s9-vnish-3.9.0-web"}
"""They name no unit either."""
OLD_MAIN = "get_miner_status"


def device(kind: str, ailment: Ailment | None = None) -> Device:
    one = built(kind, ailment)
    assert isinstance(one, Device)
    return one


@pytest.mark.parametrize("kind", VNISH)
@pytest.mark.parametrize("ailment", [None, *Ailment])
def test_the_reading_is_the_machine(kind: str, ailment: Ailment | None) -> None:
    one = device(kind, ailment)
    miner, seen = one.miner, read(one).telemetry
    assert seen.status is MinerStatus.MINING
    assert seen.algorithm == miner.model.algorithm
    assert seen.hashrate_hs == pytest.approx(miner.hashrate_hs(), rel=1e-6)
    assert seen.hashrate_avg_hs == pytest.approx(miner.average_hs, rel=1e-6)
    assert seen.power_w == pytest.approx(miner.power_w, abs=2.0)
    assert seen.chip_temp_max_c == pytest.approx(miner.hottest_c, abs=0.51)
    assert seen.fan_rpm == tuple(miner.fan_rpm(fan) for fan in range(4))
    assert seen.accepted_total == miner.counters.accepted
    assert seen.hw_errors_total == sum(board.hw_errors for board in miner.boards)
    assert seen.worker is not None
    assert [board.hashrate_hs for board in seen.boards] == [
        pytest.approx(miner.board_hs(board), rel=1e-6) for board in miner.boards
    ]


@pytest.mark.parametrize("kind", VNISH)
def test_a_healthy_miner_is_read_without_a_flag(kind: str) -> None:
    seen = read(device(kind)).telemetry
    assert (seen.quality_flags, seen.quality_score) == ((), 1.0)
    assert seen.boards_total == 3


@pytest.mark.parametrize("kind", VNISH)
def test_every_chip_is_read(kind: str) -> None:
    one = device(kind)
    miner, seen = one.miner, read(one).chips
    assert seen is not None
    for board, told in zip(miner.boards, seen.boards, strict=True):
        chips = chips_of(miner, board)
        assert told.slot == board.slot
        assert told.hashrate_hs == pytest.approx([chip.hashrate_hs for chip in chips], rel=1e-6)
        assert told.temp_c == pytest.approx([chip.temp_c for chip in chips], abs=0.51)
        assert told.errors_total == tuple(chip.errors for chip in chips)
        assert told.grade == tuple(chip.grade for chip in chips)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("ailment", [None, *Ailment])
def test_the_reading_is_the_machine_whatever_it_speaks(kind: str, ailment: Ailment | None) -> None:
    one = built(kind, ailment)
    miner, seen = one.miner, read(one).telemetry
    assert seen.status is MinerStatus.MINING
    flicker = FLICKER if kind == "dg1p" else 1e-5
    assert seen.hashrate_hs == pytest.approx(miner.hashrate_hs(), rel=flicker)
    assert seen.hashrate_avg_hs == pytest.approx(miner.average_hs, rel=1e-5)
    assert seen.chip_temp_max_c == pytest.approx(miner.hottest_c, abs=0.51)
    assert seen.power_w is None or seen.power_w == pytest.approx(miner.power_w, abs=2.0)
    turning = [miner.fan_rpm(fan) for fan in range(miner.model.fans) if not miner.fans_lost[fan]]
    assert [rpm for rpm in seen.fan_rpm if rpm] == turning
    assert seen.accepted_total in (None, miner.counters.accepted)
    errors = sum(board.hw_errors for board in miner.boards)
    assert seen.hw_errors_total in (None, errors)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("ailment", [None, Ailment.LOST_BOARD])
def test_boards_are_read_whatever_it_speaks(kind: str, ailment: Ailment | None) -> None:
    one = built(kind, ailment)
    miner, seen = one.miner, read(one).telemetry
    flicker = FLICKER if kind == "dg1p" else 1e-4
    working = [miner.board_hs(board) for board in miner.boards if not board.lost]
    told = [board.hashrate_hs for board in seen.boards if board.hashrate_hs]
    assert told == [pytest.approx(rate, rel=flicker) for rate in working]
    if ailment is None:
        assert seen.boards_total == miner.model.boards


@pytest.mark.parametrize("kind", OTHERS)
def test_a_healthy_miner_of_another_make_is_read_without_a_flag_but_the_true_ones(
    kind: str,
) -> None:
    seen = read(built(kind)).telemetry
    true = {"repaired", "unit_inferred"} if kind in OLD else set()
    if kind in {"l9-1.2.7-4028", *OLD_WEB}:
        true = {"unit_inferred"}
    assert set(seen.quality_flags) == true
    # an older page tells no ideal hashrates, which the newer ones of its dialect do
    assert seen.quality_score > (0.8 if kind in OLD_WEB else 0.85)


@pytest.mark.parametrize("kind", of_family(*set(DONE) - {"cgminer"}))
def test_what_is_a_thousandfold_or_of_no_unit_is_not_believed(kind: str) -> None:
    """But of a generic CGMiner, of which nothing is known to measure it by."""
    one = built(kind)
    one.wrong_unit = True
    seen = read(one).telemetry
    right = one.miner.hashrate_hs()
    assert seen.hashrate_hs is None or seen.hashrate_hs == pytest.approx(right, rel=FLICKER)


def test_every_question_of_every_family_has_an_answer() -> None:
    """But for those that a version is known not to understand."""
    unknown = {
        (kind, endpoint)
        for kind in MODELS
        for endpoint in ENDPOINTS[MODELS[kind].family]
        if asked(built(kind), endpoint) is None
    }
    assert unknown == {
        *((kind, "chips") for kind in VNISH if MODELS[kind].has_boards),
        *((kind, "boards") for kind in VNISH if not MODELS[kind].has_boards),
        ("l9-1.2.7-4028", "version"),
        ("m30s-v1", "get_miner_info"),
        ("m30s-v1", "get_error_code"),
        *((kind, page) for kind in OLD_WEB for page in ("stats", "summary", "pools")),
        ("s9-web", "chip-hr"),
        *((kind, page) for kind in ("l7-web", "s19-web") for page in ("chip-hr", OLD_MAIN)),
    }


def test_vnish_3_tells_each_chips_hashrate_on_a_page_of_its_own() -> None:
    one = built("s9-vnish-3.9.0-web", Ailment.HOT_CHIP)
    seen = read(one).chips
    assert seen is not None
    for board, told in zip(one.miner.boards, seen.boards, strict=True):
        rates = [chip.hashrate_hs for chip in chips_of(one.miner, board)]
        assert told.hashrate_hs == pytest.approx(rates, abs=0.5e9), "whole GH/s"


def test_a_stock_l9_tells_boards_in_gigahashes_beside_a_whole_in_megahashes() -> None:
    one = built("l9-stock")
    body = asked(one, "stats")
    assert body is not None
    row = json.loads(body)["STATS"][1]
    boards = [row[f"chain_rate{number}"] for number in (1, 2, 3)]
    assert row["GHS 5s"] == pytest.approx(1000 * sum(boards), rel=0.01)
    assert row["CHAIN AVG HASHRATE1"].endswith(" MH/s")
    seen = read(one).telemetry
    assert seen.hashrate_hs == pytest.approx(one.miner.hashrate_hs(), rel=1e-3)
    assert [board.hashrate_hs for board in seen.boards] == [
        pytest.approx(one.miner.board_hs(board), rel=1e-3) for board in one.miner.boards
    ]
    assert seen.quality_flags == ()


@pytest.mark.parametrize(("kind", "model"), [("m30s-v1", "M30S_VE40"), ("m50-v2", "M50_VH75")])
def test_a_whatsminer_tells_its_model_by_devdetails_alone(kind: str, model: str) -> None:
    one = built(kind)
    assert read(one).telemetry.model == model
    answers = {name: asked(one, name) for name in ENDPOINTS["whatsminer"]}
    telling = {name for name, body in answers.items() if body and model.encode() in body}
    assert telling == {"devdetails"}


def test_a_whatsminers_status_is_worded_as_its_firmware_words_it() -> None:
    body = asked(built("m50-v2"), "status")
    assert body is not None
    said = json.loads(body)["Msg"]
    assert (said["mineroff"], said["FirmwareVersion"]) == ("false", "20230803.11.REL")


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_the_documents_miners_are_read_as_far_as_they_tell(kind: str) -> None:
    one = built(kind)
    miner, seen = one.miner, read(one).telemetry
    assert (seen.status, seen.quality_flags) == (MinerStatus.MINING, ())
    assert seen.hashrate_hs == pytest.approx(miner.hashrate_hs(), rel=1e-5)
    assert seen.boards_total == miner.model.boards
    if miner.model.family == "vnish-toolkit":
        assert seen.chip_temp_max_c == pytest.approx(miner.hottest_c, abs=0.51)
        assert seen.power_w == pytest.approx(miner.power_w, abs=0.51)
        assert [board.hashrate_hs for board in seen.boards] == [
            pytest.approx(miner.board_hs(board), rel=1e-4) for board in miner.boards
        ]
    else:
        assert seen.pcb_temp_max_c is not None
        assert seen.frequency_mhz == miner.preset.frequency_mhz
