import pytest

from minestream_emulators.faults import (
    MEANING,
    REBOOT_S,
    Change,
    Fault,
    FaultRefusedError,
    Script,
    choose,
    fault_named,
)

FLEET = [f"demo-r01-s{n:02d}" for n in range(1, 21)]


def test_every_fault_has_a_meaning() -> None:
    assert set(MEANING) == set(Fault)


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    with pytest.raises(FaultRefusedError, match=r"'nope'; there are hot-chip, .*, reboot"):
        fault_named("nope")


def test_a_share_is_rounded_up_and_drawn_by_the_seed() -> None:
    struck = choose(FLEET, share=0.11, seed=1)
    assert len(struck) == 3
    assert struck == choose(FLEET, share=0.11, seed=1) != choose(FLEET, share=0.11, seed=2)
    assert len(choose(FLEET, share=0.1, seed=1)) == 2
    assert len(choose(FLEET, seed=1)) == 1
    assert choose(FLEET, share=1.0, seed=1) == tuple(FLEET)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"miners": ["x"]}, "unknown miner 'x'; there are 20, demo-r01-s01 to demo-r01-s20"),
        ({"share": 0.0}, "not above 0"),
        ({"share": 1.5}, "at most 1"),
        ({"share": float("nan")}, "not above 0"),
        ({"number": 21}, "between 1 and 20"),
        ({"number": 0}, "between 1 and 20"),
        ({"number": 1, "share": 0.1}, "one of them"),
    ],
)
def test_whom_it_cannot_strike_it_refuses_to_strike(how: dict[str, object], reason: str) -> None:
    with pytest.raises(FaultRefusedError, match=reason):
        choose(FLEET, seed=1, **how)  # type: ignore[arg-type]


def test_a_fault_begins_and_ends_in_its_time() -> None:
    script = Script()
    script.add(Fault.SILENT, ("a",), begins_s=10.0, for_s=5.0)
    assert script.next_s() == 10.0
    assert script.due(9.9) == []
    assert script.due(10.0) == [Change(Fault.SILENT, "a", begins=True)]
    assert script.next_s() == 15.0
    assert script.due(20.0) == [Change(Fault.SILENT, "a", begins=False)]
    assert (script.next_s(), script.orders) == (None, {})


def test_overlapping_orders_of_one_fault_are_one_fault() -> None:
    script = Script()
    script.add(Fault.SILENT, ("a", "b"), begins_s=0.0, for_s=10.0)
    script.add(Fault.SILENT, ("a",), begins_s=5.0, for_s=10.0)
    assert len(script.due(6.0)) == 2
    assert script.due(11.0) == [Change(Fault.SILENT, "b", begins=False)]
    assert script.due(16.0) == [Change(Fault.SILENT, "a", begins=False)]


def test_a_fault_that_ends_when_the_same_begins_again_ends_first() -> None:
    script = Script()
    script.add(Fault.SILENT, ("a",), begins_s=0.0, for_s=5.0)
    script.add(Fault.SILENT, ("a",), begins_s=5.0, for_s=5.0)
    assert [change.begins for change in script.due(100.0)] == [True, False, True, False]


def test_healing_ends_what_runs_and_forgets_what_waits() -> None:
    script = Script()
    script.add(Fault.SILENT, ("a",), begins_s=0.0, for_s=None)
    script.add(Fault.HOT_CHIP, ("b",), begins_s=50.0, for_s=None)
    script.due(1.0)
    assert script.clear() == [Change(Fault.SILENT, "a", begins=False)]
    assert script.due(1000.0) == []


def test_a_reboot_ends_by_itself() -> None:
    order = Script().add(Fault.REBOOT, ("a",), begins_s=0.0, for_s=None)
    assert order.ends_s == REBOOT_S


def test_a_duration_must_be_above_zero() -> None:
    with pytest.raises(FaultRefusedError, match="not above zero"):
        Script().add(Fault.SILENT, ("a",), begins_s=0.0, for_s=float("nan"))
