"""How far a reading lies from its miner's own history: one z-score for each metric.

The history is an exponentially weighted mean and variance (West 1979; Welford's form), so a
miner needs three numbers per metric. While a reading is far off it is not learnt from, or a
fault would soon look normal; after ``RELEARN_AFTER`` such readings in a row it *is* the miner's
new normal (an operator changed its preset), and learning begins anew.
"""

import math
from typing import Final, NamedTuple

from minestream_schemas.telemetry import MinerStatus, MinerTelemetry
from processor.domain.miner_state import Counts, Ewma

DETECTOR: Final = "ewma-z"
WEIGHT: Final = 0.05
"""Of the newest reading: about twenty readings are remembered."""
WARM_UP: Final = 12
"""Readings before a metric is scored at all."""
FREEZE_AT: Final = 5.0
"""From this |z| on a reading is not learnt from."""
RELEARN_AFTER: Final = 60
ALARM_Z: Final = 6.0
"""The |z| whose score is 0.8, where an operator is told; 0.5 is at 4.24."""


class Metric(NamedTuple):
    """What is watched, and the spread below which a deviation is measuring noise.

    Without a floor a metric that never moves would find any change infinitely strange.
    """

    name: str
    relative_floor: float
    absolute_floor: float


METRICS: Final = (
    Metric("hashrate_hs", 0.02, 1.0),
    Metric("power_w", 0.02, 5.0),
    Metric("efficiency_j_per_th", 0.02, 0.05),
    Metric("chip_temp_max_c", 0.0, 1.0),
    Metric("pcb_temp_max_c", 0.0, 1.0),
    Metric("fan_rpm", 0.03, 30.0),
    Metric("reject_ratio", 0.0, 0.01),
)
NAMES: Final = tuple(metric.name for metric in METRICS)

_SCORED: Final = (
    MinerStatus.MINING,
    MinerStatus.TUNING,
    MinerStatus.FAILURE,
    MinerStatus.UNKNOWN,
)
_SCALE: Final = ALARM_Z**4 / 4
_FARTHEST: Final = 1e6
"""The |z| beyond which nothing is stranger."""
_UNKNOWN: Final = (Ewma(),) * len(METRICS)

Values = tuple[float | None, ...]


class Judgement(NamedTuple):
    """The histories after a reading, its scores in thousandths, and the means it was held to."""

    ewmas: tuple[Ewma, ...]
    scores: tuple[int | None, ...]
    expected: Values


def reject_ratio(increase: Counts) -> float | None:
    """The share of rejected work since the last reading; None where no work was handed in."""
    accepted, rejected, _, _ = increase
    if accepted is None or rejected is None or accepted + rejected == 0:
        return None
    return rejected / (accepted + rejected)


def values_of(reading: MinerTelemetry, increase: Counts) -> Values:
    """What a reading says of each metric, in the order of ``METRICS``.

    Nothing while the miner is starting, stopped or away: that is no reading of how it runs.

    Args:
        reading: normalised.
        increase: of its counters, over the last reading that said each.
    """
    if reading.status not in _SCORED:
        return (None,) * len(METRICS)
    return (
        reading.hashrate_hs,
        reading.power_w,
        reading.efficiency_j_per_th,
        reading.chip_temp_max_c,
        reading.pcb_temp_max_c,
        min(reading.fan_rpm, default=None),
        reject_ratio(increase),
    )


def z_score(ewma: Ewma, value: float, metric: Metric) -> float:
    """The distance of a value from its history, in standard deviations."""
    mean, variance, _, _ = ewma
    _, relative, absolute = metric
    return (value - mean) / max(math.sqrt(variance), relative * abs(mean), absolute)


def score_of(z: float) -> int:
    """Map a z-score onto 0…1000 thousandths.

    ``z⁴ / (z⁴ + ALARM_Z⁴/4)``: flat for the noise below |z| = 3, 0.5 at 4.24, 0.8 at 6.
    """
    fourth = (z if -_FARTHEST < z < _FARTHEST else _FARTHEST) ** 4
    return round(1000 * fourth / (fourth + _SCALE))


def learn(ewma: Ewma, value: float) -> Ewma:
    """A history with one value more; the first values weigh alike."""
    mean, variance, learnt, _ = ewma
    learnt += 1
    weight = 1 / learnt if learnt * WEIGHT < 1 else WEIGHT
    off = value - mean
    step = weight * off
    return Ewma(mean + step, (1 - weight) * (variance + off * step), learnt)


def _judge_one(
    ewma: Ewma, value: float | None, metric: Metric
) -> tuple[Ewma, int | None, float | None]:
    if value is None:
        return ewma, None, None
    if ewma.learnt < WARM_UP:
        return learn(ewma, value), None, None
    z = z_score(ewma, value, metric)
    if -FREEZE_AT <= z <= FREEZE_AT:
        return learn(ewma, value), score_of(z), ewma.mean
    frozen = ewma._replace(frozen=ewma.frozen + 1)
    if frozen.frozen >= RELEARN_AFTER:
        frozen = learn(Ewma(), value)
    return frozen, score_of(z), ewma.mean


def judge(ewmas: tuple[Ewma, ...], values: Values) -> Judgement:
    """Score one reading and learn from it.

    Args:
        ewmas: the histories, in the order of ``METRICS``; empty at a miner's first reading.
        values: what the reading says, in the same order.
    """
    judged = map(_judge_one, ewmas or _UNKNOWN, values, METRICS)
    return Judgement(*zip(*judged, strict=True))


def worst(scores: tuple[int | None, ...]) -> int | None:
    """The overall score: the worst metric's; None where none was scored."""
    return max([score for score in scores if score is not None], default=None)
