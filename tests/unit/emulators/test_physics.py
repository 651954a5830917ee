import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minestream_emulators.chips import chips_of
from minestream_emulators.model import Model
from minestream_emulators.models import L9_1_2, MODELS, S21_PRO
from minestream_emulators.physics import (
    NULL_S,
    STARTING_S,
    Ailment,
    Climate,
    Counters,
    Miner,
    Phase,
)

T0 = 1_767_225_600.0  # 2026-01-01T00:00:00Z
SEEDS = st.integers(0, 2**64 - 1)
KINDS = st.sampled_from(sorted(MODELS))
GAPS = st.lists(st.floats(0.0, 2e6), min_size=1, max_size=8)
DEEDS = st.lists(
    st.one_of(st.sampled_from(list(Ailment)), st.sampled_from(["off", "boot", "heal"])), max_size=6
)


def built(seed: int = 1, model: Model = L9_1_2, uptime_s: float = 86400.0) -> Miner:
    return Miner(
        model=model,
        preset=model.presets[0],
        climate=Climate(seed=99),
        rack=1,
        seed=seed,
        at_s=T0,
        uptime_s=uptime_s,
    )


def do(miner: Miner, deed: str) -> None:
    if deed == "off":
        miner.power_off(miner.at_s)
    elif deed == "boot":
        miner.boot(miner.at_s)
    elif deed == "heal":
        for ailment in Ailment:
            miner.heal(ailment, miner.at_s)
    else:
        miner.afflict(Ailment(deed), miner.at_s)


def numbers(miner: Miner) -> list[float]:
    return [
        miner.hashrate_hs(),
        miner.average_hs,
        miner.power_w,
        miner.hottest_c,
        miner.inlet_c,
        miner.duty,
        miner.throttle,
    ]


def counted(counters: Counters) -> tuple[int, ...]:
    return (
        counters.accepted,
        counters.rejected,
        counters.stale,
        counters.devfee_accepted,
        counters.devfee_rejected,
        counters.best_share,
        counters.restarts,
    )


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=KINDS, gaps=GAPS, deeds=DEEDS)
def test_whatever_happens_every_number_stays_finite_and_within_reason(
    seed: int, kind: str, gaps: Sequence[float], deeds: Sequence[str]
) -> None:
    miner = built(seed, MODELS[kind])
    most_hs = 1.05 * miner.ideal_hs() * miner.model.boards
    for place, gap in enumerate(gaps):
        if place < len(deeds):
            do(miner, deeds[place])
        miner.advance(miner.at_s + gap)
        assert all(math.isfinite(number) for number in numbers(miner))
        assert 0.0 <= miner.hashrate_hs() <= most_hs
        assert 0.0 <= miner.power_w <= 1.3 * miner.model.presets[0].watts
        assert 5.0 <= miner.inlet_c <= miner.hottest_c + 1.0
        assert all(0.0 < board.hottest_c < 150.0 for board in miner.boards)
        assert 0.1 <= miner.duty <= 1.0
        assert 0.2 <= miner.throttle <= 1.0
        assert all(
            0 <= miner.fan_rpm(fan) <= miner.model.max_rpm for fan in range(miner.model.fans)
        )


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, gaps=GAPS, deeds=st.lists(st.sampled_from(list(Ailment)), max_size=4))
def test_counters_only_grow_until_a_reboot(
    seed: int, gaps: Sequence[float], deeds: Sequence[str]
) -> None:
    miner = built(seed)
    for place, gap in enumerate(gaps):
        before = counted(miner.counters), [board.hw_errors for board in miner.boards]
        if place < len(deeds):
            do(miner, deeds[place])
        miner.advance(miner.at_s + gap)
        after = counted(miner.counters), [board.hw_errors for board in miner.boards]
        assert all(new >= old for new, old in zip(after[0], before[0], strict=True))
        assert all(new >= old for new, old in zip(after[1], before[1], strict=True))


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, kind=KINDS, gaps=GAPS)
def test_the_same_seed_asked_at_the_same_instants_is_the_same_miner(
    seed: int, kind: str, gaps: Sequence[float]
) -> None:
    one, two = built(seed, MODELS[kind]), built(seed, MODELS[kind])
    for gap in gaps:
        for miner in (one, two):
            miner.advance(miner.at_s + gap)
        assert numbers(one) == numbers(two)
        assert counted(one.counters) == counted(two.counters)


def test_another_seed_is_another_miner() -> None:
    assert numbers(built(1)) != numbers(built(2))


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, kind=KINDS)
def test_a_dead_fan_makes_the_miner_hotter_the_others_faster_and_does_not_stop_it(
    seed: int, kind: str
) -> None:
    whole, broken = built(seed, MODELS[kind]), built(seed, MODELS[kind])
    broken.afflict(Ailment.DEAD_FAN, T0)
    for miner in (whole, broken):
        miner.advance(T0 + 900.0)
    assert broken.hottest_c > whole.hottest_c + 1.0
    assert broken.duty > whole.duty
    assert sum(broken.fan_rpm(fan) == 0 for fan in range(broken.model.fans)) == 1
    assert broken.phase is Phase.MINING


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, kind=KINDS)
def test_a_lost_board_takes_its_share_of_hashes_and_watts_away(seed: int, kind: str) -> None:
    whole, broken = built(seed, MODELS[kind]), built(seed, MODELS[kind])
    broken.afflict(Ailment.LOST_BOARD, T0)
    for miner in (whole, broken):
        miner.advance(T0 + 900.0)
    left = (whole.model.boards - 1) / whole.model.boards
    assert broken.hashrate_hs() / whole.hashrate_hs() == pytest.approx(left, rel=0.05)
    assert broken.power_w / whole.power_w == pytest.approx(left, rel=0.06)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, kind=KINDS)
def test_a_hot_chip_stands_out_by_twenty_degrees_and_miscalculates(seed: int, kind: str) -> None:
    miner = built(seed, MODELS[kind])
    before = sum(board.hw_errors for board in miner.boards)
    miner.afflict(Ailment.HOT_CHIP, T0)
    miner.advance(T0 + 900.0)
    (board,) = (board for board in miner.boards if board.hot)
    others = [b.hottest_c for b in miner.boards if b is not board]
    assert board.hottest_c > max(others) + 20.0
    assert sum(board.hw_errors for board in miner.boards) > before + 50
    assert miner.phase is Phase.MINING
    miner.heal(Ailment.HOT_CHIP, T0 + 900.0)
    miner.advance(T0 + 1800.0)
    assert board.hottest_c < max(b.hottest_c for b in miner.boards if b is not board) + 10.0


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, kind=KINDS, ill=st.sampled_from([None, Ailment.HOT_CHIP]))
def test_the_chips_of_a_board_add_up_to_the_board(
    seed: int, kind: str, ill: Ailment | None
) -> None:
    miner = built(seed, MODELS[kind])
    if ill:
        miner.afflict(ill, T0)
    miner.advance(T0 + 600.0)
    for board in miner.boards:
        chips = chips_of(miner, board)
        assert len(chips) == miner.model.chips
        assert sum(chip.hashrate_hs for chip in chips) == pytest.approx(miner.board_hs(board))
        assert sum(chip.errors for chip in chips) == board.hw_errors
        assert max(chip.temp_c for chip in chips) == pytest.approx(board.hottest_c)


def test_shares_follow_hashrate_and_difficulty() -> None:
    miner = built(uptime_s=3600.0)
    before = miner.counters.accepted
    for minute in range(1, 24 * 60 + 1):
        miner.advance(T0 + 60.0 * minute)
    hashes = miner.average_hs * 86400.0 * (1 - miner.model.devfee_ratio)
    expected = hashes / (miner.model.share_hashes * miner.model.share_difficulty)
    assert miner.counters.accepted - before == pytest.approx(expected, rel=0.03)


def test_a_day_asked_once_counts_like_a_day_asked_each_minute() -> None:
    often, once = built(), built()
    for minute in range(1, 24 * 60 + 1):
        often.advance(T0 + 60.0 * minute)
    once.advance(T0 + 86400.0)
    assert once.counters.accepted == pytest.approx(often.counters.accepted, rel=0.03)
    assert once.hottest_c == pytest.approx(often.hottest_c, abs=1.0)
    assert once.power_w == pytest.approx(often.power_w, rel=0.01)


def test_power_and_hashrate_of_the_models_are_those_on_the_box() -> None:
    l9, s21 = built(model=L9_1_2), built(model=S21_PRO)
    assert l9.hashrate_hs() == pytest.approx(17.2e9, rel=0.03)
    assert l9.power_w == pytest.approx(3425, rel=0.05)
    assert s21.hashrate_hs() == pytest.approx(234e12, rel=0.03)
    assert s21.power_w / (s21.hashrate_hs() / 1e12) == pytest.approx(15.0, rel=0.06)


def test_the_afternoon_is_warmer_than_the_night() -> None:
    air = Climate(seed=5)
    assert air.inlet_c(T0 + 15 * 3600, 1) > air.inlet_c(T0 + 3 * 3600, 1) + 3.0


def test_a_reboot_goes_through_its_phases_and_starts_every_counter_again() -> None:
    miner = built()
    miner.power_off(T0)
    miner.advance(T0 + 30.0)
    assert (miner.phase, miner.hashrate_hs()) == (Phase.OFF, 0.0)
    miner.boot(T0 + 30.0)
    assert counted(miner.counters) == (0,) * 7
    assert not miner.awake
    seen = []
    for second in range(1, 120):
        miner.advance(T0 + 30.0 + second)
        if miner.phase not in seen:
            seen.append(miner.phase)
        if miner.phase is not Phase.MINING:
            assert miner.hashrate_hs() == 0.0
    assert seen == [Phase.INITIALISING, Phase.STARTING, Phase.MINING]
    assert miner.awake
    assert miner.hashrate_hs() > 16e9
    assert NULL_S < STARTING_S < miner.at_s - miner.booted_at_s


def test_above_its_limit_the_miner_stops_cools_and_starts_again() -> None:
    miner = built()
    for board in miner.boards:
        board.chip_temp_c = 140.0
    phases = []
    for second in (1.0, 100.0, 400.0):
        miner.advance(T0 + second)
        phases.append((miner.phase, miner.hottest_c < 60.0))
    assert phases == [(Phase.FAILURE, False), (Phase.FAILURE, True), (Phase.MINING, False)]
    assert miner.counters.restarts == 1


def test_too_much_heat_throttles_before_it_stops() -> None:
    miner = built()
    for board in miner.boards:
        board.chip_temp_c = 110.0
    miner.advance(T0 + 5.0)
    assert miner.throttle < 1.0
    assert miner.phase is Phase.MINING
    miner.advance(T0 + 300.0)
    assert miner.throttle == 1.0


def test_an_instant_that_has_passed_changes_nothing() -> None:
    miner = built()
    miner.advance(T0 + 10.0)
    before = numbers(miner)
    miner.advance(T0 - 86400.0)
    assert (numbers(miner), miner.at_s) == (before, T0 + 10.0)
