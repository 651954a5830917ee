"""Scores: what they mean, when they are given, and what is learnt."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_schemas.telemetry import MinerStatus
from processor.domain import anomaly
from processor.domain.anomaly import ALARM_Z, METRICS, RELEARN_AFTER, WARM_UP, WEIGHT
from processor.domain.miner_state import NO_COUNTS, Ewma, MinerState
from processor.domain.step import Outcome, Reading, Rules, step

MakeReading = Callable[..., Reading]
HASHRATE = METRICS[0]


def test_a_score_is_eight_tenths_at_the_documented_z_and_a_half_where_it_is_published() -> None:
    assert anomaly.score_of(ALARM_Z) == 800
    assert anomaly.score_of(-ALARM_Z) == 800
    assert anomaly.score_of(4.2426) == 500
    assert anomaly.score_of(0.0) == 0
    assert anomaly.score_of(math.inf) == 1000


@given(st.floats(0, 100), st.floats(0, 100))
def test_farther_off_never_scores_less(one: float, other: float) -> None:
    near, far = sorted((one, other))
    assert anomaly.score_of(near) <= anomaly.score_of(far)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80))
def test_the_history_is_the_exponentially_weighted_mean_and_variance(values: list[float]) -> None:
    ewma = Ewma()
    weights: list[float] = []
    for number, value in enumerate(values):
        ewma = anomaly.learn(ewma, value)
        newest = max(WEIGHT, 1 / (number + 1))
        weights = [weight * (1 - newest) for weight in weights] + [newest]
    mean = sum(weight * value for weight, value in zip(weights, values, strict=True))
    variance = sum(w * (value - mean) ** 2 for w, value in zip(weights, values, strict=True))
    assert sum(weights) == pytest.approx(1)
    assert ewma.mean == pytest.approx(mean, rel=1e-6, abs=1e-6)
    assert ewma.variance == pytest.approx(variance, rel=1e-6, abs=1e-3)


def settled(reading: MakeReading, seed: int = 7) -> tuple[MinerState, list[Outcome]]:
    noise = random.Random(seed)
    state, outcomes = None, []
    for number in range(200):
        one = reading(60 * number, hashrate_hs=noise.gauss(1e14, 3e12), power_w=3300.0)
        outcomes.append(step(state, one, Rules()))
        state = outcomes[-1].state
    assert state is not None
    return state, outcomes


def test_nothing_is_scored_while_a_history_is_young(reading: MakeReading) -> None:
    _, outcomes = settled(reading)
    scored = [outcome.telemetry.anomaly_score is not None for outcome in outcomes]
    assert scored == [number >= WARM_UP for number in range(200)]


def test_noise_is_no_anomaly_and_a_lost_board_is(reading: MakeReading) -> None:
    state, outcomes = settled(reading)
    assert sum(outcome.anomaly is not None for outcome in outcomes) <= 1
    lost = step(state, reading(60 * 200, hashrate_hs=0.66e14, power_w=3300.0), Rules())
    assert lost.anomaly is not None
    assert lost.anomaly.score >= 0.8
    assert lost.anomaly.values["hashrate_hs"] == 0.66e14
    assert lost.anomaly.expected["hashrate_hs"] == pytest.approx(1e14, rel=0.03)
    assert lost.telemetry.anomaly_scores["power_w"] == 0


def test_a_metric_that_never_moved_does_not_alarm_at_a_small_step(reading: MakeReading) -> None:
    state, _ = settled(reading)
    outcome = step(state, reading(60 * 200, power_w=3340.0), Rules())
    assert outcome.telemetry.anomaly_scores["power_w"] < 0.5


def test_what_is_far_off_is_not_learnt_until_it_has_become_the_normal() -> None:
    ewma = Ewma(1e14, (2e12) ** 2, 100)
    histories = (ewma, *(Ewma() for _ in METRICS[1:]))
    values = (5e13, *(None for _ in METRICS[1:]))
    for _ in range(RELEARN_AFTER - 1):
        judged = anomaly.judge(histories, values)
        assert judged.scores[0] is not None
        assert judged.scores[0] > 800
        assert judged.ewmas[0].mean == 1e14
        histories = judged.ewmas
    assert anomaly.judge(histories, values).ewmas[0].mean == 5e13


def test_a_reading_in_between_ends_the_count_of_those_far_off() -> None:
    frozen = Ewma(1e14, (2e12) ** 2, 100, frozen=40)
    histories = (frozen, *(Ewma() for _ in METRICS[1:]))
    assert anomaly.judge(histories, (1e14, *(None for _ in METRICS[1:]))).ewmas[0].frozen == 0


@pytest.mark.parametrize("status", [MinerStatus.STOPPED, MinerStatus.STARTING, MinerStatus.OFFLINE])
def test_a_miner_that_does_not_run_is_not_scored(reading: MakeReading, status: MinerStatus) -> None:
    telemetry = reading(0, status=status, hashrate_hs=0.0).telemetry
    assert set(anomaly.values_of(telemetry, NO_COUNTS)) == {None}


def test_the_reject_ratio_is_that_of_the_work_since_the_last_reading() -> None:
    assert anomaly.reject_ratio((95, 5, None, None)) == 0.05
    assert anomaly.reject_ratio((0, 0, None, None)) is None
    assert anomaly.reject_ratio(NO_COUNTS) is None
