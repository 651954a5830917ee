"""States as blobs: those of the version before still say what they said."""

from base64 import b64decode
from collections.abc import Callable
from typing import Final

import msgspec
import pytest

from minestream_runtime.errors import ConfigurationError
from minestream_schemas.gap import GapCause
from processor.adapters.state_codec import decode, decode_pool, encode
from processor.domain.gaps import cause_of
from processor.domain.miner_state import MinerState, Worth, to_us
from processor.domain.step import Kind, Reading, Rules, step

MakeReading = Callable[..., Reading]
RULES: Final = Rules(window_s=10, grace_s=5)

VERSION_1: Final = b64decode(
    """
AZ6uc2l0ZS1hLXIwMS1zMDGmc2l0ZS1hy0AUAAAAAAAAzwAGR0hHvDzAzwAGR0hHUW0AkZ/PAAZHSEdRbQABAQGSy0IL
8I6wIAAAActCC/COsCAAAMtCC/COsCAAAJLLQKnIAAAAAAABy0CpyAAAAAAAkssAAAAAAAAAAADAwMCUCsDAwMCSn88A
BkdIRiBAAAICApLLQhvwjrAMAAACy0IL8I6wCAAAy0IL8I6wEAAAkstAucgAAAAAAALLQKnIAAAAAACSywAAAAAAAAAA
AMDAwJQKwMDAwJ/PAAZHSEa41oABAQGSy0IL8I6wGAAAActCC/COsBgAAMtCC/COsBgAAJLLQKnIAAAAAAABy0CpyAAA
AAAAkssAAAAAAAAAAADAwMCUCsDAwMCUKMDAwJeUy0IL8I6wFAAAyz/0AAAAAAAABACUy0CpyAAAAAAAywAAAAAAAAAA
BACUywAAAAAAAAAAywAAAAAAAAAAAACUywAAAAAAAAAAywAAAAAAAAAAAACUywAAAAAAAAAAywAAAAAAAAAAAACUywAA
AAAAAAAAywAAAAAAAAAAAACUywAAAAAAAAAAywAAAAAAAAAAAACUzwAGR0hHvDzAwADAwJSYxBAAAAAAAAAAAAAAAAAA
AAACzwAGR0hGL4JAwpfAwMDAwMDAkJCQkJjEEAAAAAAAAAAAAAAAAAAAAAPPAAZHSEZ7zYDCl8DAwMDAwMCQkJCQmMQQ
AAAAAAAAAAAAAAAAAAAABM8ABkdIRtdbAMKXwMDAwMDAwJCQkJCYxBAAAAAAAAAAAAAAAAAAAAAFzwAGR0hHvDzAwpfA
wMDAwMDAkJCSzwAGR0hGIEAAzwAGR0hGuNaAkJHEEAAAAAAAAAAAAAAAAAAAAGSQ
"""
)
"""A miner's state as the processor kept it before it knew of money: readings at 1, 6, 12 and 27 s,
numbers 2 to 5 in ``raw_event_id``, and number 100 at 3 s, late."""


def test_a_state_of_the_version_before_still_says_what_it_said(reading: MakeReading) -> None:
    state = decode(VERSION_1)
    assert state.miner_id == "site-a-r01-s01"
    assert state.newest_us == to_us(reading(27).telemetry.ts)
    assert [seen.closed for seen in state.seen][-1] == tuple(sums.start_us for sums in state.closed)
    assert {seen.worth for seen in state.seen} == {Worth()}
    assert (len(state.late_ids), state.late_worths, state.featured_us) == (1, (), -1)
    assert decode(encode(state)) == state


def test_what_the_version_before_had_seen_is_told_as_it_was_told(reading: MakeReading) -> None:
    state = decode(VERSION_1)
    later = Worth(1, 2.0, "Litecoin", 3e-10, price_us=1)
    repeat = reading(27, number=4, hashrate_hs=1.5e10 + 4, power_w=3300.0)._replace(worth=later)
    outcome = step(state, repeat, RULES)
    assert outcome.kind is Kind.REPEAT
    assert outcome.telemetry.revenue_usd_per_day is None
    assert outcome.feature is None
    late = reading(3, number=99, hashrate_hs=1.0)._replace(worth=later)
    assert step(state, late, RULES).kind is Kind.REPEAT
    fresh = step(state, reading(31, hashrate_hs=1e10)._replace(worth=later), RULES)
    assert fresh.telemetry.revenue_usd_per_day == pytest.approx(3.0)
    assert fresh.feature is not None


def test_a_silence_of_before_gaps_had_other_causes_still_says_what_it_said(
    reading: MakeReading,
) -> None:
    state: MinerState | None = None
    for at in range(3):
        state = step(state, reading(at, answered=at == 0), RULES).state
    assert state is not None
    packed = msgspec.msgpack.decode(encode(state)[1:])
    silence = MinerState._fields.index("silence")
    packed[silence] = packed[silence][:4]
    decoded = decode(b"\x02" + msgspec.msgpack.encode(packed))
    assert decoded == state._replace(silence=state.silence._replace(gap_cause=None))
    assert cause_of(decoded.silence) is GapCause.MINER_SILENT


@pytest.mark.parametrize("blob", [b"", b"\x00" + VERSION_1[1:], b"\xc1 no state"])
def test_a_state_of_a_version_that_is_not_known_is_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match="a state of version"):
        decode(blob)
    with pytest.raises(ValueError, match="a state of version"):
        decode_pool(blob)


def test_a_state_that_a_later_processor_has_kept_is_the_fault_of_no_record() -> None:
    later = b"\x09" + VERSION_1[1:]
    with pytest.raises(ConfigurationError, match="run that one again"):
        decode(later)
    with pytest.raises(ConfigurationError, match="run that one again"):
        decode_pool(later)


@pytest.mark.parametrize("blob", [VERSION_1[:-1], b"\x02\xc0"])
def test_a_damaged_state_is_refused(blob: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(blob)
