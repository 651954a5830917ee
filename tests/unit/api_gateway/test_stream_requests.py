import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api_gateway.domain.stream import cursors, origins
from api_gateway.domain.stream.cursors import CursorRefusedError
from api_gateway.domain.stream.entries import Kind, Place, Scope
from api_gateway.domain.stream.requests import (
    NotUnderstoodError,
    Ping,
    Subscribe,
    Unsubscribe,
    understand,
)
from minestream_schemas.gap import GAP
from minestream_schemas.telemetry import TELEMETRY

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.isprintable)
scopes = st.builds(
    Scope,
    st.frozensets(st.sampled_from(Kind), min_size=1),
    st.frozensets(names, max_size=3),
    st.frozensets(names, max_size=3),
)
places = st.tuples(st.sampled_from([TELEMETRY.name, GAP.name]), st.integers(0, 300))
offsets = st.dictionaries(places, st.integers(0, 2**62), max_size=60)
STATUS = Scope(frozenset({Kind.STATUS}))


def test_each_message_is_understood() -> None:
    said = {"type": "subscribe", "id": "a", "kinds": ["gap", "gap"], "miners": ["m"], "cursor": "c"}
    scope = Scope(frozenset({Kind.GAP}), miners=frozenset({"m"}))
    assert understand(said) == Subscribe("a", scope, "c")
    assert understand({"type": "unsubscribe", "id": "a"}) == Unsubscribe("a")
    assert understand({"type": "ping", "more": 1}) == Ping()


@pytest.mark.parametrize(
    ("change", "kind", "named"),
    [
        ({"type": "shout"}, "unknown_type", "type is one of"),
        ({"type": ["subscribe"]}, "unknown_type", "type is one of"),
        ({"id": ""}, "no_id", "1 to 64"),
        ({"id": "x" * 65}, "no_id", "1 to 64"),
        ({"id": 7}, "no_id", "1 to 64"),
        ({"id": "a\nb"}, "no_id", "1 to 64"),
        ({"kinds": "status"}, "not_a_subscription", "list of any of"),
        ({"kinds": []}, "not_a_subscription", "list of any of"),
        ({"kinds": ["weather"]}, "not_a_subscription", "'weather' is no kind"),
        ({"kinds": [["status"]]}, "not_a_subscription", "is no kind"),
        ({"kinds": ["status"] * 13}, "not_a_subscription", "list of any of"),
        ({"sites": []}, "not_a_subscription", "leave it out for all"),
        ({"sites": ["s"] * 1001}, "not_a_subscription", "1 to 1000 ids"),
        ({"miners": ["m" * 65]}, "not_a_subscription", "no id"),
        ({"miners": [None]}, "not_a_subscription", "no id"),
        ({"cursor": 5}, "not_a_subscription", "cursor is a text"),
        ({"cursor": "c" * 5000}, "not_a_subscription", "cursor is a text"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], kind: str, named: str) -> None:
    said = {"type": "subscribe", "id": "a", "kinds": ["status"]} | change
    with pytest.raises(NotUnderstoodError, match=named) as refused:
        understand(said)
    assert refused.value.kind == kind
    assert refused.value.name == (None if kind == "no_id" else "a")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["subscribe", "unsubscribe", "ping", 1]) | json_values},
        optional=dict.fromkeys(("id", "kinds", "sites", "miners", "cursor"), json_values),
    )
    | json_values
)
def test_whatever_is_said_is_understood_or_refused(said: object) -> None:
    detail = "understood"
    try:
        understand(said)
    except NotUnderstoodError as exc:
        detail = str(exc)
    assert json.dumps(detail)


@given(offsets, scopes)
def test_a_cursor_has_the_offsets_of_its_kinds(given: dict[Place, int], scope: Scope) -> None:
    text = cursors.encode(given, cluster="c", scope=scope)
    topics = cursors.topics_of(scope)
    wanted = {place: offset for place, offset in given.items() if place[0] in topics}
    assert cursors.decode(text, cluster="c", scope=scope) == wanted


@given(st.integers(0), st.characters())
def test_a_damaged_cursor_is_refused(at: int, character: str) -> None:
    text = cursors.encode({(TELEMETRY.name, 3): 70_000}, cluster="c", scope=STATUS)
    at %= len(text) - 1  # some bits of the last character mean nothing
    damaged = text[:at] + character + text[at + 1 :]
    if damaged != text:
        with pytest.raises(CursorRefusedError, match="no cursor of ours"):
            cursors.decode(damaged, cluster="c", scope=STATUS)


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(CursorRefusedError):
        cursors.decode(text, cluster="c", scope=STATUS)


def _forged(places: bytes) -> str:
    """A cursor that somebody made who knows how: its check is right."""
    genuine = cursors.encode({}, cluster="c", scope=STATUS)
    body = base64.urlsafe_b64decode(genuine + "=" * (-len(genuine) % 4))[:-4] + places
    check = hashlib.blake2s(body, digest_size=4).digest()
    return base64.urlsafe_b64encode(body + check).decode().rstrip("=")


@given(st.binary(max_size=100))
@example(b"\x00" + b"\xff" * 8 + b"\x01")  # 2^63 partitions, and not one of them
@example(b"\x09\x01\x01\x01")  # a topic that there is not
@example(b"\x00\x01\x01")
def test_a_forged_cursor_is_read_or_refused_and_costs_no_more_than_its_length(
    places: bytes,
) -> None:
    try:
        found = cursors.decode(_forged(places), cluster="c", scope=STATUS)
    except CursorRefusedError as exc:
        assert "no cursor of ours" in str(exc)  # noqa: PT017 - it may be read as well
    else:
        assert 3 * len(found) <= len(places)


def test_a_cursor_fits_its_cluster_and_its_subscription_only() -> None:
    text = cursors.encode({}, cluster="c", scope=STATUS)
    with pytest.raises(CursorRefusedError, match="another stream"):
        cursors.decode(text, cluster="d", scope=STATUS)
    with pytest.raises(CursorRefusedError, match="something else"):
        cursors.decode(text, cluster="c", scope=Scope(STATUS.kinds, frozenset({"site-a"})))


def test_a_cursor_of_all_partitions_is_no_longer_than_the_message_allows() -> None:
    given = {(topic, n): 2**62 for topic in (TELEMETRY.name, GAP.name) for n in range(100)}
    scope = Scope(frozenset({Kind.STATUS, Kind.GAP}))
    assert len(cursors.encode(given, cluster="c", scope=scope)) <= cursors.MAX_CURSOR


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "farm:8480", True),
        ("http://farm:8480", "farm:8480", True),
        ("https://farm", "farm:443", True),
        ("https://farm", "farm", True),
        ("http://FARM:8480", "farm:8480", True),
        ("https://good.example", "farm:8480", True),
        ("http://farm:8481", "farm:8480", False),
        ("http://farm.evil", "farm:8480", False),
        ("https://good.example.evil", "farm:8480", False),
        ("null", "farm:8480", False),
        ("", "farm:8480", False),
        ("http://farm:x", "farm:x", False),
        ("file://", "", False),
    ],
)
def test_pages_from_elsewhere_are_told_by_their_origin(
    origin: str | None, host: str, *, allowed: bool
) -> None:
    assert origins.allowed(origin, host, ["https://good.example"]) is allowed
