"""What passes the one check is read as it is field by field; all else is left to that reading."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minestream_dialects.draft import Draft
from minestream_dialects.fields import Flags
from minestream_dialects.vnish import boards, summary
from minestream_dialects.vnish.sound import read_sound
from minestream_dialects.vnish.unit import Measure

MH = Measure(1e6, 1e12)
GONE = object()
BOUNDS = (-40, 150, 1_000, 1_000_000, 10_000, 100_000, 64, 2**53, 1_000_000.0, 1e12)
ODD = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([edge + off for edge in BOUNDS for off in (-1, 0, 1)]),
    st.sampled_from(
        [
            *(GONE, None, True, False, 0, 0.0, -0.0, 5e-324, 1e18, 10**18 - 1, 10**400),
            *("mining", " mining", "failure", "5", "\ud800", [], [1], {}, {"max": 50}),
            *({"max": 50, "min": 0}, {"max": 50, "min": 40.5, "\ud800": 1}, {"state": "mining"}),
        ]
    ),
)


@pytest.fixture(scope="module")
def chains(body_of: Callable[[str], str]) -> Any:
    """The boards of a summary in order."""
    return json.loads(body_of("l9_1.2.7_summary_assembled.json"))["miner"]["chains"]


def field_by_field(given_chains: object, measure: Measure, flags: Flags) -> Any:
    """As ``read_boards`` reads what is not sound."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boards, "read_sound", lambda *_: None)
        return boards.read_boards(given_chains, measure, flags)


def change(item: dict[str, Any], key: str, odd: object) -> None:
    """Put something else there, or nothing."""
    item.pop(key, None)
    if odd is not GONE:
        item[key] = deepcopy(odd)


def test_a_miner_in_order_passes_the_check(chains: Any) -> None:
    assert read_sound(chains, MH) == field_by_field(chains, MH, Flags())


@pytest.mark.parametrize(
    "key", ["frequency", "voltage", "power_consumption", "hashrate_ideal", "hashrate_rt"]
)
def test_a_number_that_is_whole_is_told_as_a_float_either_way(chains: Any, key: str) -> None:
    said = deepcopy(chains)
    said[0][key] = 1_000
    read = read_sound(said, MH)
    assert read is not None
    assert repr(read) == repr(field_by_field(said, MH, Flags()))


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), measure=st.sampled_from([MH, Measure(1e9, 1e16), Measure(None, 1e12)]))
def test_what_passes_the_check_reads_the_same_and_has_no_flag(
    chains: Any, *, data: st.DataObject, measure: Measure
) -> None:
    said = deepcopy(chains)
    for _ in range(data.draw(st.integers(1, 3))):
        item = data.draw(st.sampled_from(said))
        key = data.draw(st.sampled_from([*item, "inlet_water_temp", "outlet_water_temp"]))
        inner = item.get(key)
        if isinstance(inner, dict) and inner and data.draw(st.booleans()):
            item, key = inner, data.draw(st.sampled_from(sorted(inner)))
        change(item, key, data.draw(ODD))
    read = read_sound(said, measure)
    if read is None:
        return
    flags = Flags()
    assert repr(read) == repr(field_by_field(said, measure, flags))
    assert flags.sorted() == ()
    assert boards.water_temperatures(said, flags) == (None, None)


@settings(max_examples=100, deadline=None)
@given(st.recursive(ODD, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_anything_else_is_left_to_the_reading_field_by_field(odd: object) -> None:
    assert read_sound(odd, MH) is None


def refuse(*_: object) -> None:
    """As ``msgspec.convert`` where nothing fits."""
    raise msgspec.ValidationError


def fans_and_pools(miner: dict[str, Any]) -> Draft:
    """What a draft says after both were read."""
    draft = Draft()
    summary.read_cooling(miner, draft)
    summary.read_pools(miner, draft)
    return draft


def facts(draft: Draft) -> list[str]:
    """All that a draft says, floats and whole numbers apart."""
    said = [repr(getattr(draft, name)) for name in Draft.__struct_fields__ if name != "flags"]
    return [*said, *draft.flags.sorted()]


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_fans_and_pools_read_the_same_either_way(
    body_of: Callable[[str], str], *, data: st.DataObject
) -> None:
    miner = json.loads(body_of("l9_1.2.7_summary_assembled.json"))["miner"]
    odd = ODD | st.sampled_from(["lost", "ok", "active", "UserPool", "DevFee", "Refund", 99_999.5])
    for _ in range(data.draw(st.integers(0, 3))):
        listed = data.draw(st.sampled_from([miner["cooling"]["fans"], miner["pools"]]))
        place = data.draw(st.integers(0, len(listed) - 1))
        if data.draw(st.integers(0, 9)) == 0:
            listed[place] = data.draw(odd.filter(lambda one: one is not GONE))
        elif isinstance(listed[place], dict):
            keys = ["rpm", "status", "pool_type", "url", "user", "accepted", "rejected", "stale"]
            change(listed[place], data.draw(st.sampled_from(keys)), data.draw(odd))
    quick = facts(fans_and_pools(miner))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(msgspec, "convert", refuse)
        assert quick == facts(fans_and_pools(miner))
