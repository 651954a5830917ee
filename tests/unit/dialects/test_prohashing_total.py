"""Whatever the pool says: events of the contract, the same twice, or one kind of error."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.dialects.pool_messages import message, recorded

from minestream_dialects.prohashing import normalise_pool
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.pool import PoolMessage

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            *(10**30, -(10**400), 2**63, -1, 0, -0.0, 1e308, 5e-324),
            *("\0", "\ud800", "17.5", "1e999", "-1", "N/A", "x" * 5000, "a.b", "."),
            *([], {}, [[]], {"balance": -1}, {"usd": "high"}),
        ]
    ),
)
JSON = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
SAID = [
    (PoolMessage.WORKER, "prohashing-wamp", "wamp_f_all_miner_updates_assembled.json", [0]),
    (
        PoolMessage.WORKER,
        "prohashing-http",
        "api_v1_walletEx_assembled.json",
        ["data", "miners", 0],
    ),
    (PoolMessage.PROFITABILITY, "prohashing-wamp", "wamp_f_all_profitability_updates.json", []),
    (PoolMessage.BALANCES, "prohashing-wamp", "wamp_f_all_balance_updates_assembled.json", []),
    (PoolMessage.WALLET, "prohashing-http", "api_v1_wallet_assembled.json", []),
    (PoolMessage.STATUS, "prohashing-http", "api_v1_status_assembled.json", []),
    (PoolMessage.FOUND_BLOCK, "prohashing-wamp", "wamp_found_block_event_assembled.json", []),
    (PoolMessage.MINING_FAILURE, "prohashing-wamp", "wamp_found_block_event_assembled.json", []),
]


def _within(content: Any, path: list[Any]) -> Any:
    for step in path:
        content = content[step]
    return content


def _places(content: Any) -> list[list[Any]]:
    if isinstance(content, dict):
        steps = list(content)
    else:
        steps = list(range(len(content))) if isinstance(content, list) else []
    return [[], *([step, *rest] for step in steps for rest in _places(content[step]))]


def _hold(about: PoolMessage, dialect: str, content: Any) -> None:
    raw = message(about, json.dumps(content), dialect=dialect)
    names = {"rack-1-l9-01": ("site-a-r01-s01", "site-a")}
    try:
        first = normalise_pool(raw, miner_of=names.get)
    except UnreadableError:
        return
    assert first == normalise_pool(raw, miner_of=names.get)
    assert len({event.event_id for event in first}) == len(first)
    for event in first:
        assert type(event).from_json(event.to_json()) == event


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SAID), JSON)
def test_any_json_is_events_or_unreadable(said: tuple[Any, ...], content: Any) -> None:
    _hold(said[0], said[1], content)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SAID), st.data())
def test_a_recorded_message_with_anything_odd_in_it_is_events_or_unreadable(
    said: tuple[Any, ...], data: st.DataObject
) -> None:
    about, dialect, file, path = said
    content = deepcopy(_within(recorded(file), path))
    place = data.draw(st.sampled_from(_places(content)))
    odd = data.draw(ODD)
    if not place:
        content = odd
    else:
        _within(content, place[:-1])[place[-1]] = odd
    _hold(about, dialect, content)
