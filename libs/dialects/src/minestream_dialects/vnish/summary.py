"""``/summary`` of Vnish: the miner's own numbers, the same in 1.2 and 1.3.

Source: OpenAPI 1.2.7 and 1.3.4 (schema ``AntmMinerStats``) and the captures in
``tests/fixtures/vnish``.
"""

from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import (
    COUNT,
    RATIO,
    RPM,
    WATTS,
    celsius,
    count,
    entry,
    mean,
    number,
    text,
    uptime_s,
)
from minestream_dialects.totals import HASHING
from minestream_dialects.vnish.unit import DEPRECATED_PER_UNIT, Measure
from minestream_schemas.telemetry import MinerStatus

MAX_FANS: Final = 64
MAX_POOLS: Final = 64

STATES: Final = {
    "mining": MinerStatus.MINING,
    "auto-tuning": MinerStatus.TUNING,
    "initializing": MinerStatus.INITIALIZING,
    "starting": MinerStatus.STARTING,
    "restarting": MinerStatus.RESTARTING,
    "shutting-down": MinerStatus.STOPPING,
    "stopped": MinerStatus.STOPPED,
    "failure": MinerStatus.FAILURE,
}


class _SoundFan(msgspec.Struct, gc=False):
    """A fan that turns, of which there is nothing to say but its speed."""

    rpm: Annotated[float, msgspec.Meta(ge=RPM.low, le=RPM.high)]
    status: Literal["ok"] = "ok"


_SOUND_FANS: Final = list[_SoundFan]
_Count = Annotated[int, msgspec.Meta(ge=int(COUNT.low), le=int(COUNT.high))]


class _SoundPool(msgspec.Struct, gc=False):
    """A pool that says all that is read of one."""

    pool_type: str
    url: str
    user: str
    status: str
    accepted: _Count
    rejected: _Count
    stale: _Count


_SOUND_POOLS: Final = Annotated[list[_SoundPool], msgspec.Meta(max_length=MAX_POOLS)]

_SHARES: Final = (
    ("accepted_total", "accepted"),
    ("rejected_total", "rejected"),
    ("stale_total", "stale"),
)
Miner = dict[str, Any]


class _Source(NamedTuple):
    """Where a hashrate may stand, how many of its unit one of the field's is."""

    key: str
    times: float
    evidence: str


_NOW: Final = (
    _Source("hr_realtime", 1.0, "summary.hr_realtime"),
    _Source("hr_average", 1.0, "summary.hr_average"),
    _Source("instant_hashrate", DEPRECATED_PER_UNIT, "summary.instant_hashrate"),
)
_ON_AVERAGE: Final = (
    _Source("hr_average", 1.0, "summary.hr_average"),
    _Source("average_hashrate", DEPRECATED_PER_UNIT, "summary.average_hashrate"),
)


def read_state(miner: Miner | None, payloads: Payloads, draft: Draft) -> None:
    """Status, failure code and its words: from the summary, else from ``/status``."""
    source = entry(miner, "miner_status")
    if entry(source, "miner_state") is None:
        source = payloads.bodies.get("status")
    said = entry(source, "miner_state")
    if said is None:
        draft.flags.missing("status")
    elif isinstance(said, str) and said in STATES:
        draft.status = STATES[said]
    else:
        draft.flags.invalid("status")
    draft.error = text(entry(source, "description"))
    code = entry(source, "failure_code")
    if isinstance(code, int) and not isinstance(code, bool) and abs(code) < 2**31:
        draft.error_codes += (str(code),)


def read_hashrates(miner: Miner, measure: Measure, draft: Draft) -> None:
    """Now, on average, and as it should be.

    A field that is absent falls back to the next source; one that is there but impossible does
    not, because the fallback would hide the fault.
    """
    draft.hashrate_hs = _hashrate(miner, measure, draft, "hashrate_hs", _NOW)
    draft.hashrate_avg_hs = _hashrate(miner, measure, draft, "hashrate_avg_hs", _ON_AVERAGE)
    nominal = miner.get("hr_nominal")
    if nominal is None:  # in 1.2.0-rc; later it is the sum of the boards
        boards = [board.hashrate_expected_hs for board in draft.boards or ()]
        said = [value for value in boards if value is not None]
        if said and len(said) == len(boards):
            draft.hashrate_expected_hs = sum(said)
            return
    name = "hashrate_expected_hs"
    draft.hashrate_expected_hs = measure.read(nominal, name=name, flags=draft.flags)


def _hashrate(
    miner: Miner, measure: Measure, draft: Draft, name: str, sources: tuple[_Source, ...]
) -> float | None:
    said = None
    for source in sources:
        said = miner.get(source.key)
        if said is not None:
            break
    value = measure.read(said, name=name, flags=draft.flags, times=source.times)
    if value is not None:
        draft.evidence[name.removesuffix("_hs")] = source.evidence
    return value


def read_power_and_heat(miner: Miner, draft: Draft) -> None:
    """Power at the wall, volts and MHz of the boards, the hottest chip and the hottest board."""
    flags, boards = draft.flags, draft.boards or []
    power = miner.get("power_consumption")
    power = miner.get("power_usage") if power is None else power
    draft.power_w = number(power, WATTS, name="power_w", flags=flags)
    draft.voltage_v = mean([each.voltage_v for each in boards if each.voltage_v is not None])
    draft.frequency_mhz = mean(
        [each.frequency_mhz for each in boards if each.frequency_mhz is not None]
    )
    said = entry(miner, "chip_temp", "max")
    draft.chip_temp_max_c = _hottest(said, "chip_temp_max_c", "chip_temp_max_c", draft)
    said = entry(miner, "pcb_temp", "max")
    draft.pcb_temp_max_c = _hottest(said, "pcb_temp_max_c", "pcb_temp_c", draft)


def _hottest(said: object, name: str, of_board: str, draft: Draft) -> float | None:
    if (said is None or said == 0) and said is not False:
        boards = [getattr(board, of_board) for board in draft.boards or ()]
        known: list[float] = [value for value in boards if value is not None]
        if known:
            return max(known)
    return celsius(said, name=name, flags=draft.flags, required=draft.status in HASHING)


def read_cooling(miner: Miner, draft: Draft) -> None:
    """Fans in their order, and their duty. A lost fan is an error code and keeps its place."""
    cooling = miner.get("cooling")
    duty = entry(cooling, "fan_duty")
    name = "fan_duty_ratio"
    draft.fan_duty_ratio = number(duty, RATIO, name=name, flags=draft.flags, per=100)
    fans = entry(cooling, "fans")
    if fans is None:
        draft.flags.missing("fan_rpm")
        return
    if not isinstance(fans, list) or len(fans) > MAX_FANS:
        draft.flags.invalid("fan_rpm")
        return
    try:
        draft.fan_rpm = tuple([round(fan.rpm) for fan in msgspec.convert(fans, _SOUND_FANS)])
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: a lone surrogate
        _read_fans(fans, draft)


def _read_fans(fans: list[object], draft: Draft) -> None:
    lost = (place for place, fan in enumerate(fans) if entry(fan, "status") == "lost")
    draft.error_codes += tuple(f"fan_lost:{place}" for place in lost)
    speeds = [number(entry(fan, "rpm"), RPM, name="fan_rpm", flags=draft.flags) for fan in fans]
    known = [round(speed) for speed in speeds if speed is not None]
    # one unreadable fan costs all: the tuple has no place for "not said"
    draft.fan_rpm = tuple(known) if len(known) == len(speeds) else None


def read_pools(miner: Miner, draft: Draft) -> None:
    """The pool in use, and shares summed over the user's pools.

    DevFee and Refund pools are the firmware's own business and never counted.
    """
    listed = miner.get("pools")
    try:
        pools = msgspec.convert(listed, _SOUND_POOLS)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: a lone surrogate
        _read_pools(listed, draft)
        return
    own = [pool for pool in pools if pool.pool_type == "UserPool"]
    if not own:
        _read_pools(listed, draft)
        return
    chosen = next((pool for pool in own if pool.status == "active"), own[0])
    draft.pool_url = text(chosen.url)
    draft.worker = draft.worker or text(chosen.user)
    draft.accepted_total = sum([pool.accepted for pool in own])
    draft.rejected_total = sum([pool.rejected for pool in own])
    draft.stale_total = sum([pool.stale for pool in own])


def _read_pools(listed: object, draft: Draft) -> None:
    pools = listed[:MAX_POOLS] if isinstance(listed, list) else []
    if listed is not None and not isinstance(listed, list):
        draft.flags.invalid("pools")
    own = [pool for pool in pools if _is_users(pool)]
    active = next((pool for pool in own if pool.get("status") == "active"), None)
    chosen = active or (own[0] if own else {})
    draft.pool_url = text(chosen.get("url"))
    draft.worker = draft.worker or text(chosen.get("user"))
    for name, key in _SHARES:
        counts = [count(pool.get(key), name=name, flags=draft.flags) for pool in own]
        known = [value for value in counts if value is not None]
        if not own:
            draft.flags.missing(name)
        elif len(known) == len(own):
            setattr(draft, name, sum(known))


def _is_users(pool: object) -> bool:
    if not isinstance(pool, dict):
        return False
    kind = pool.get("pool_type")
    return bool(pool.get("url") != "DevFee" if kind is None else kind == "UserPool")


def read_system_uptime(payloads: Payloads, draft: Draft) -> bool:
    """Seconds since the operating system's start, carried on to the moment of the poll.

    ``/info`` is fetched hourly, so its age is added; 1.2.0-rc says it in the summary.

    Returns:
        did the payload speak of it? Then it is read, or flagged.
    """
    age_s = max(payloads.ages_s.get("info", 0.0), 0.0)
    for endpoint, age in (("summary", 0.0), ("info", age_s)):
        said = entry(payloads.bodies.get(endpoint), "system", "uptime")
        if said is None:
            continue
        read = uptime_s(said)
        if read is None:
            draft.flags.invalid("uptime_s")
        else:
            draft.uptime_s = read + age
            draft.evidence["uptime"] = f"{endpoint}.system.uptime"
        return True
    return False


def read_uptime(miner: Miner, payloads: Payloads, draft: Draft) -> None:
    """The system's uptime; where nothing says it, the time that the miner has been mining.

    ``evidence["uptime"]`` tells which of the two it is. The firmware keeps the second in the
    state ``mining`` only.
    """
    if read_system_uptime(payloads, draft):
        return
    said = entry(miner, "miner_status", "miner_state_time")
    if draft.status is MinerStatus.MINING:
        seconds = count(said, name="uptime_s", flags=draft.flags)
        if seconds is not None:
            draft.uptime_s = float(seconds)
            draft.evidence["uptime"] = "summary.miner_state_time"
    elif draft.status in HASHING:
        draft.flags.missing("uptime_s")


def read_preset(payloads: Payloads, draft: Draft) -> None:
    """The overclock profile by name; ``disabled`` means set by hand. None: none is chosen."""
    draft.preset = text(entry(payloads.bodies.get("perf-summary"), "current_preset", "name"))
