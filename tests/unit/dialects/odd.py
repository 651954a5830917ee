"""Odd values, odd places, and what every reading owes whatever came in."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

from minestream_dialects import Normalised, normalise
from minestream_schemas.raw import RawMiner
from minestream_schemas.telemetry import MinerChips, MinerStatus, MinerTelemetry

ODD: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            *(10**30, -(10**400), 10**400, 2**63, 2**53, -1, 0, -0.0, 1e308, -1e308, 5e-324),
            *(float("nan"), float("inf"), float("-inf")),
            *("\0", "\ud800", "17394.8", "N/A", "XH/s", "x" * 5000, "7 days, 14:28"),
            *("150 TH/s", "9" * 300, "-5--3-20", "1e400", "nan", "GH", "1600M", "0:00:04"),
            *([], {}, [[]], [None] * 500, [{}] * 20, {"max": "hot"}, {"id": 1}),
        ]
    ),
)
JSON: Final = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a JSON value, as a path."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from places(inner, (*path, place))


def put(value: Any, path: tuple[str | int, ...], odd: object) -> None:
    """Replace what stands at ``path``; an ellipsis takes it away."""
    for step in path[:-1]:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return  # an earlier change took the place away
    last = path[-1]
    if isinstance(value, dict) and isinstance(last, str):
        value.pop(last, None)
        if odd is not ...:
            value[last] = deepcopy(odd)
    elif isinstance(value, list) and isinstance(last, int) and last < len(value):
        value[last] = None if odd is ... else deepcopy(odd)


def check(raw: RawMiner) -> Normalised:
    """Whatever came in: it is deterministic, valid on the wire, and honest about what it lacks."""
    told = normalise(raw)
    assert normalise(raw) == told
    wire = told.telemetry.to_json()
    assert MinerTelemetry.from_json(wire) == told.telemetry
    assert b"\\u0000" not in wire
    assert len(wire) < 200_000
    if told.chips is not None:
        wire = told.chips.to_json()
        assert MinerChips.from_json(wire) == told.chips
        assert len(wire) < 1_000_000
    assert told.telemetry.ts == raw.polled_at
    if told.telemetry.status in (MinerStatus.GARBAGE, MinerStatus.OFFLINE):
        assert told.telemetry.quality_score == 0.0
    return told
