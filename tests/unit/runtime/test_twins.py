"""When is a change of our place in the group the work of another process of our name?"""

from collections.abc import Iterable

import pytest

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.kafka.twins import Membership, Twins


def seen(memberships: Iterable[Membership | None], *, every_s: float = 2.0) -> Twins:
    twins = Twins("farm.processor", "7")
    for turn, place in enumerate(memberships):
        twins.look(place, turn * every_s)
    return twins


OUSTED = [Membership(4, member) for member in "abcd"]


def test_a_place_taken_three_times_in_a_minute_has_a_twin_behind_it() -> None:
    seen(OUSTED[:3]).require_none()
    with pytest.raises(ConfigurationError, match="MINESTREAM_INSTANCE=7"):
        seen(OUSTED).require_none()


def test_looks_without_a_place_do_not_hide_it() -> None:
    gone = (None, Membership(-1, ""), Membership(-1, "b"))
    amid = [place for ousted in OUSTED for place in (ousted, *gone)]
    with pytest.raises(ConfigurationError):
        seen(amid).require_none()


def test_rebalances_restarts_and_rare_losses_are_no_twins() -> None:
    seen([Membership(number, "a") for number in range(1, 9)]).require_none()
    seen([Membership(number, str(number)) for number in range(1, 9)]).require_none()
    seen([Membership(4, "a")] * 9).require_none()
    seen(OUSTED, every_s=31).require_none()
