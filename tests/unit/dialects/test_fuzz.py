"""No bytes make any dialect raise: recorded payloads of each, mangled as firmware and lines do."""

import json
from copy import deepcopy
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.dialects.odd import JSON, ODD, check, places, put
from tests.unit.dialects.table import Case, cases, poll_of

from minestream_dialects import normalise
from minestream_dialects.normalise import payloads_of
from minestream_dialects.registry import DIALECTS, names

FEW: Final = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONG: Final = settings(FEW, max_examples=6000)
CASES: Final = [case for case in cases() if case.folder != "vnish"]  # see test_total.py
ENDPOINTS: Final = {each.name: sorted(each.needed | each.optional) for each in DIALECTS}
MANGLED: Final = st.binary(max_size=6) | st.sampled_from(
    [
        *(b"\0", b"}{", b",}", b"[,", b"nan", b"-inf", b'"', b'""', b"\xff\xfe", b"\xed\xa0\x80"),
        *(b"[" * 3000, b'{"a":' * 3000, b"9" * 500, b"1e999", b"\\u0000", b"\r\n", b"0x1F"),
    ]
)


def decoded(case: Case) -> dict[str, Any]:
    """A case's payloads as JSON values; their known faults are mended."""
    return dict(payloads_of(case.poll())[0].bodies)


DECODED: Final = {str(case): decoded(case) for case in CASES}


def encoded(bodies: dict[str, Any]) -> dict[str, bytes]:
    return {name: json.dumps(body).encode() for name, body in bodies.items()}


@st.composite
def mangled(draw: st.DrawFn) -> dict[str, bytes]:
    """A recorded poll with bytes cut, changed and put in."""
    bodies = draw(st.sampled_from(CASES)).bodies()
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(bodies)))
        body = bodies[name]
        at, gone = draw(st.integers(0, len(body))), draw(st.integers(0, 40))
        bodies[name] = body[:at] + draw(MANGLED) + body[at + gone :]
        if draw(st.booleans()):
            bodies[name] = bodies[name][: draw(st.integers(0, len(bodies[name])))]
    return bodies


@st.composite
def poisoned(draw: st.DrawFn) -> dict[str, bytes]:
    """A recorded poll with values dropped, swapped for other types, or absurd."""
    bodies = deepcopy(DECODED[str(draw(st.sampled_from(CASES)))])
    anywhere = st.sampled_from([path for path in places(bodies) if path])
    for path, odd in draw(st.lists(st.tuples(anywhere, ODD | st.just(...)), min_size=1)):
        put(bodies, path, odd)
    return encoded(bodies)


NAMES: Final = st.sampled_from(("auto", *names()))


@FEW
@given(dialect=st.sampled_from(DIALECTS), body=st.binary(max_size=200))
def test_any_bytes_from_every_endpoint(dialect: Any, body: bytes) -> None:
    for name in ("auto", dialect.name):
        check(poll_of(dict.fromkeys(ENDPOINTS[dialect.name], body), dialect=name))


@FEW
@given(dialect=st.sampled_from(DIALECTS), body=JSON)
def test_any_json_from_every_endpoint(dialect: Any, body: object) -> None:
    bodies = dict.fromkeys(ENDPOINTS[dialect.name], body)
    check(poll_of(encoded(bodies), dialect=dialect.name))


@FEW
@given(bodies=mangled(), dialect=NAMES)
def test_a_recorded_poll_with_its_bytes_mangled(bodies: dict[str, bytes], dialect: str) -> None:
    check(poll_of(bodies))
    check(poll_of(bodies, dialect=dialect))


@FEW
@given(bodies=poisoned(), dialect=NAMES)
def test_a_recorded_poll_with_its_values_poisoned(bodies: dict[str, bytes], dialect: str) -> None:
    check(poll_of(bodies))
    check(poll_of(bodies, dialect=dialect))


@pytest.mark.soak
@LONG
@given(bodies=mangled() | poisoned(), dialect=NAMES)
def test_very_many_recorded_polls_mangled_and_poisoned(
    bodies: dict[str, bytes], dialect: str
) -> None:
    check(poll_of(bodies))
    check(poll_of(bodies, dialect=dialect))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_word_in_the_place_of_any_value_leaves_no_number_of_another_magnitude(
    case: Case,
) -> None:
    right = normalise(case.poll()).telemetry
    whole = DECODED[str(case)]
    for path in places(whole):
        bodies = deepcopy(whole)
        if not path:
            continue
        put(bodies, path, "hot")
        told = normalise(poll_of(encoded(bodies))).telemetry
        for name in ("hashrate_hs", "hashrate_expected_hs", "power_w", "chip_temp_max_c"):
            value, expected = getattr(told, name), getattr(right, name)
            near = value is None or expected is None or expected / 3 <= value <= expected * 3
            assert near, (path, name, value, expected)


@pytest.mark.parametrize("letter", ["{}", "[]", "[[]]", '{"STATUS": {}}', '[{"STATUS": []}]'])
def test_a_status_that_is_no_letter_is_no_refusal(letter: str) -> None:
    body = f'{{"STATUS": {letter}, "SUMMARY": [{{"MHS av": 110520000.0}}]}}'.encode()
    told = check(poll_of({"summary": body}, dialect="whatsminer-v2")).telemetry
    assert told.hashrate_hs == 110.52e12
