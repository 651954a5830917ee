"""Bodies become JSON values, known firmware faults mended; the rest is a problem, no error."""

import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_dialects.bodies import decode, mend
from minestream_schemas.raw import MAX_BODY_BYTES, EndpointBody, PollStatus

AT = datetime(2026, 11, 21, tzinfo=UTC)


def body(text: str | None, **changes: str) -> EndpointBody:
    return EndpointBody(status=PollStatus.OK, fetched_at=AT, body=text).model_copy(update=changes)


@pytest.mark.parametrize(
    ("broken", "meant"),
    [
        ('{"id":1}\0', {"id": 1}),
        ('\0\0{"a":\0 1}\0\0', {"a": 1}),
        ('{"S":[{"Type":"L3+"}{"STATS":0}]}', {"S": [{"Type": "L3+"}, {"STATS": 0}]}),
        ('{"S":[{"a":1} \r\n {"b":2}\t{"c":3}]}', {"S": [{"a": 1}, {"b": 2}, {"c": 3}]}),
        ('{"S":[{"Elapsed":1,}]}', {"S": [{"Elapsed": 1}]}),
        ('{"S":[1, 2 , ]}', {"S": [1, 2]}),
        ('{"POOLS":[,{"POOL":0}]}', {"POOLS": [{"POOL": 0}]}),
        ('\ufeff{"a":1}', {"a": 1}),
        ('{"user":"tab\there"}', {"user": "tab\there"}),
        ('{"acs4":""temp0":0,"a":[1,]}', {"acs4": "", "temp0": 0, "a": [1]}),
        ('{"acs4":" ooo""temp0":0}', {"acs4": " ooo", "temp0": 0}),
        ('{"acs4":" o"temp 0" :0,"b":"}{"}', {"acs4": " o", "temp 0": 0, "b": "}{"}),
    ],
)
def test_a_known_fault_is_mended_and_flagged(broken: str, meant: object) -> None:
    read = decode(body(broken))
    assert (read.value, read.repaired, read.problem) == (meant, True, None)


@pytest.mark.parametrize("word", ["nan", "-nan", "NaN", "inf", "-inf", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_read_as_such(word: str) -> None:
    read = decode(body(f'{{"GHS 5s":{word}}}'))
    assert isinstance(read.value, dict)
    assert abs(read.value["GHS 5s"]) not in range(10**6)
    assert read.repaired


def test_what_stands_inside_a_string_is_never_mended() -> None:
    said = {"user": "a},{b} {nan,}", "pass": '\\",}{"', "note": "inf"}
    assert decode(body(json.dumps(said) + "\0")).value == said


@pytest.mark.parametrize("text", ["", " \0", "<html>", '{"a":1},{"b":', '{"a":', "'a'", "nul"])
def test_what_cannot_be_mended_is_a_problem(text: str) -> None:
    read = decode(body(text))
    assert read.value is None
    assert read.problem in ("empty", "no JSON")


MALFORMED = Path(__file__).parents[2] / "fixtures" / "cgminer" / "malformed_samples.json"
MEANT: dict[str, object] = {
    "trailing_nul": {"STATUS": [{"STATUS": "S"}], "id": 1},
    "objects_without_comma": {
        "STATS": [{"Type": "Antminer L3+"}, {"STATS": 0, "GHS 5s": "504.56"}],
        "id": 1,
    },
    "comma_before_brace": {"SUMMARY": [{"Elapsed": 1}], "id": 1},
    "missing_first_item": {"POOLS": [{"POOL": 0}]},
    "doubled_quote": {"STATS": [{"chain_acs4": "", "temp0": 0}]},
    "newline_inside": {"STATS": [{"a": 1}]},
}
LOST = {"truncated": "no JSON", "refused_text": "no JSON", "empty": "empty"}


@pytest.mark.parametrize(("name", "text"), json.loads(MALFORMED.read_text()).items())
def test_every_quirk_that_miners_are_known_for_is_mended_or_told(name: str, text: str) -> None:
    read = decode(body(text))
    if name in LOST:
        assert (read.value, read.problem) == (None, LOST[name])
    elif name == "nan_and_inf":
        assert repr(read.value) == "{'STATS': [{'GHS 5s': nan, 'Min': inf}]}"
    else:
        assert read.problem is None
        assert read.value == (MEANT[name] if name in MEANT else json.loads(text))


def test_nesting_without_end_is_a_problem() -> None:
    assert decode(body("[" * 200_000)).problem is not None
    assert decode(body('{"a":' * 100_000)).problem is not None


def test_the_last_of_two_equal_keys_counts() -> None:
    assert decode(body('{"a":1,"a":2}')).value == {"a": 2}


def test_a_body_larger_than_allowed_is_not_looked_at() -> None:
    assert decode(body("1" * (MAX_BODY_BYTES + 1))).problem == f"over {MAX_BODY_BYTES} bytes"


@pytest.mark.parametrize(
    "unit",
    [
        *('\\"', '"', "{", "},", "\\", '"\\', "nan", ",", "}{", " }", "-"),
        *('""a', '"a"b" ', '""a":'),
    ],
)
def test_mending_the_largest_body_takes_no_more_than_a_moment(unit: str) -> None:
    hostile = unit * (MAX_BODY_BYTES // len(unit))
    began = time.perf_counter()
    mend(hostile)
    assert time.perf_counter() - began < 10


def test_bytes_that_are_no_text_arrive_as_base64() -> None:
    box = b64encode(b'{"user":"\xff"}').decode()
    assert decode(body(box, encoding="base64")).value == {"user": "\ufffd"}
    assert decode(body("!", encoding="base64")).problem is not None


def test_an_endpoint_that_failed_says_why() -> None:
    failed = body(None, status=PollStatus.TIMEOUT, error="10 s are over")
    assert decode(failed).problem == "10 s are over"
    assert decode(body(None)).problem == "no body"


@given(st.text() | st.text(alphabet='{}[],:"\\\0 nainf-0.e'))
def test_any_text_is_a_value_or_a_problem(text: str) -> None:
    read = decode(body(text))
    assert read.problem is None or read.value is None


JSON_TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(json.dumps)


@pytest.mark.parametrize(
    "text",
    [
        *("1e400", "-1e400", "1e-400", "-0", "-0.0", "5e-324", "1.7976931348623157e308"),
        *("18446744073709551616", "-9223372036854775809", "9" * 400, "9007199254740993.0"),
        *('"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\x7f"', '"\\/"', '{"a":1,"a":2}'),
        "[" * 500 + "]" * 500,
    ],
)
def test_what_is_json_is_read_as_the_standard_library_reads_it(text: str) -> None:
    read = decode(body(text))
    assert repr(read.value) == repr(json.loads(text))  # 1, 1.0 and True are equal
    assert not read.repaired


@given(JSON_TEXTS)
def test_so_is_any_json(text: str) -> None:
    assert repr(decode(body(text)).value) == repr(json.loads(text))
