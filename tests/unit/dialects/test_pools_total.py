"""Whatever a pool answers: events of the contract, the same twice, or one kind of error."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.dialects.pool_snapshots import REWARDS, SNAPSHOTS, message, nobody, of_files
from tests.unit.dialects.test_prohashing_total import JSON

from minestream_dialects.pools import POOLS, normalise
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.pool import PoolMessage

_CYCLES = [
    *((pool, PoolMessage.SNAPSHOT, files) for pool, files in SNAPSHOTS.items()),
    *((pool, PoolMessage.REWARDS, files) for pool, files in REWARDS.items()),
]


def _check(pool: str, about: PoolMessage, answers: dict[str, Any]) -> None:
    raw = message(pool, answers, about)
    try:
        told = normalise(raw, miner_of=nobody)
    except UnreadableError:
        return
    assert told == normalise(raw, miner_of=nobody)
    for event in told:
        assert type(event).from_json(event.to_json()) == event


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(place for key, each in inner for place in _places(each, (*path, key)))]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize(("pool", "about", "files"), _CYCLES)
def test_one_odd_value_anywhere_breaks_nothing(
    pool: str, about: PoolMessage, files: dict[str, str], data: st.DataObject
) -> None:
    answers = deepcopy(of_files(files))
    path = data.draw(st.sampled_from([place for place in _places(answers) if place]))
    place: Any = answers
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = data.draw(JSON)
    for answer in answers.values():
        POOLS[pool].refusal(answer)
        POOLS[pool].more(answer)
    _check(pool, about, answers)


@settings(max_examples=60, deadline=None)
@given(content=st.one_of(st.text(max_size=60), JSON), about=st.sampled_from(list(PoolMessage)))
@pytest.mark.parametrize("pool", sorted(POOLS))
def test_any_answer_at_all_is_read_or_refused(pool: str, content: Any, about: PoolMessage) -> None:
    names = (*SNAPSHOTS[pool], *REWARDS.get(pool, {}))
    _check(pool, about, dict.fromkeys(names, content))
