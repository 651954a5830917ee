"""Tumbling windows: how readings fill them and when they close (see ``TelemetryWindow``)."""

from operator import attrgetter
from typing import Final

from minestream_schemas.ids import derived_id
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry
from minestream_schemas.window import TelemetryWindow
from processor.domain.miner_state import COUNTERS, SECOND_US, Counts, Mean, Sums, from_us

MINING: Final = (MinerStatus.MINING, MinerStatus.TUNING)
_counts: Final = attrgetter(*COUNTERS)


def start_of(ts_us: int, window_s: int) -> int:
    """The start of the window in which an instant lies, µs."""
    return ts_us - ts_us % (window_s * SECOND_US)


def counts_of(reading: MinerTelemetry) -> Counts:
    """What a reading's counters say."""
    a, b, c, d = _counts(reading)
    return a, b, c, d


def _increase(old: int | None, new: int | None) -> int | None:
    if old is None or new is None:
        return None
    return new - old if new >= old else new


def increases(before: Counts, now: Counts) -> Counts:
    """By how much each counter grew; None where there is no pair of values.

    A counter that fell was reset (the miner restarted): its later value is all that is known
    to have been added since.
    """
    a, b, c, d = map(_increase, before, now)
    return a, b, c, d


def latest(before: Counts, now: Counts) -> Counts:
    """The last value that each counter has said."""
    if None not in now:
        return now
    a, b, c, d = (old if new is None else new for old, new in zip(before, now, strict=True))
    return a, b, c, d


def _plus(old: int | None, more: int | None) -> int | None:
    return old if more is None else more + (old or 0)


def _mean(mean: Mean, value: float | None) -> Mean:
    return mean if value is None else Mean(mean.total + value, mean.said + 1)


def _least(old: float | None, new: float | None) -> float | None:
    return old if new is None or (old is not None and old <= new) else new


def _most(old: float | None, new: float | None) -> float | None:
    return old if new is None or (old is not None and old >= new) else new


def add(sums: Sums, reading: MinerTelemetry, increase: Counts, score: int | None) -> Sums:
    """A window with one reading more.

    Args:
        sums: the window so far.
        reading: a reading whose ``ts`` lies in it.
        increase: of its counters, over the last reading that said each (see ``increases``).
        score: its anomaly score in thousandths.
    """
    rpm = min(reading.fan_rpm, default=None)
    a, b, c, d = map(_plus, sums.deltas, increase)
    return Sums(
        sums.start_us,
        sums.readings + 1,
        sums.answered + (reading.hashrate_hs is not None),
        sums.mining + (reading.status in MINING),
        _mean(sums.hashrate, reading.hashrate_hs),
        _least(sums.hashrate_min_hs, reading.hashrate_hs),
        _most(sums.hashrate_max_hs, reading.hashrate_hs),
        _mean(sums.power, reading.power_w),
        _most(sums.power_max_w, reading.power_w),
        _mean(sums.chip_temp, reading.chip_temp_max_c),
        _most(sums.chip_temp_max_c, reading.chip_temp_max_c),
        _most(sums.pcb_temp_max_c, reading.pcb_temp_max_c),
        rpm
        if sums.fan_rpm_min is None or (rpm is not None and rpm < sums.fan_rpm_min)
        else sums.fan_rpm_min,
        (a, b, c, d),
        score
        if sums.score_max is None or (score is not None and score > sums.score_max)
        else sums.score_max,
    )


def add_to(
    windows: tuple[Sums, ...],
    reading: MinerTelemetry,
    *,
    start_us: int,
    increase: Counts,
    score: int | None,
) -> tuple[Sums, ...]:
    """The open windows, oldest first, after a reading that is not older than any in them.

    Args:
        windows: the open windows.
        reading: the miner's newest reading.
        start_us: the start of its window.
        increase: of its counters.
        score: its anomaly score in thousandths.
    """
    if windows and windows[-1].start_us == start_us:
        return (*windows[:-1], add(windows[-1], reading, increase, score))
    return (*windows, add(Sums(start_us), reading, increase, score))


def split(
    windows: tuple[Sums, ...], *, until_us: int, window_s: int, grace_s: int
) -> tuple[tuple[Sums, ...], tuple[Sums, ...]]:
    """Part windows into those to close and those to keep open.

    Args:
        windows: the open windows, oldest first.
        until_us: event time has come so far.
        window_s: how long each is.
        grace_s: how long after its end each stays open.
    """
    due = until_us - (window_s + grace_s) * SECOND_US
    count = sum(window.start_us <= due for window in windows)
    return windows[:count], windows[count:]


def _average(mean: Mean) -> float | None:
    return mean.total / mean.said if mean.said else None


def to_event(sums: Sums, *, miner_id: str, site_id: str, window_s: int) -> TelemetryWindow:
    """The event of a closed window, revision 0: the same at each telling."""
    began = from_us(sums.start_us)
    accepted, rejected, stale, errors = sums.deltas
    return TelemetryWindow(
        event_id=derived_id("window", miner_id, began.isoformat(), window_s, 0),
        miner_id=miner_id,
        site_id=site_id,
        window_start_at=began,
        window_s=window_s,
        readings=sums.readings,
        answered=sums.answered,
        mining=sums.mining,
        hashrate_mean_hs=_average(sums.hashrate),
        hashrate_min_hs=sums.hashrate_min_hs,
        hashrate_max_hs=sums.hashrate_max_hs,
        power_mean_w=_average(sums.power),
        power_max_w=sums.power_max_w,
        chip_temp_mean_c=_average(sums.chip_temp),
        chip_temp_max_c=sums.chip_temp_max_c,
        pcb_temp_max_c=sums.pcb_temp_max_c,
        fan_rpm_min=sums.fan_rpm_min,
        accepted_delta=accepted,
        rejected_delta=rejected,
        stale_delta=stale,
        hw_errors_delta=errors,
        anomaly_score_max=None if sums.score_max is None else sums.score_max / 1000,
    )
