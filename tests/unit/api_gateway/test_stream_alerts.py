"""Which alerts fire: of the table, of the topic, told late, twice or by nobody any more."""

from datetime import UTC, datetime

from api_gateway.domain.stream.alerts import MOST_OVER, Alerts
from api_gateway.domain.stream.entries import NOWHERE, Entry, Kind, Place

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
PLACE: Place = ("minestream.alert.v1", 0)


def told(
    name: str, number: int, offset: int = -1, *, ended: bool = False, place: Place = PLACE
) -> Entry:
    return Entry(
        Kind.ALERT, "m-1", "site-a", NOON, b"{}",
        place=NOWHERE if offset < 0 else place, offset=offset,
        told_of=name, number=number, ended=ended,
    )  # fmt: skip


def firing(alerts: Alerts) -> dict[str, int]:
    return {entry.told_of: entry.number for entry in alerts.firing()}


def test_a_rise_is_the_same_alert_and_what_is_resolved_fires_no_more() -> None:
    alerts = Alerts()
    for entry in (told("a", 1, 0), told("b", 1, 1), told("a", 2, 2)):
        alerts.note(entry)
    assert firing(alerts) == {"a": 2, "b": 1}
    alerts.note(told("a", 3, 3, ended=True))
    assert firing(alerts) == {"b": 1}


def test_what_the_topic_told_before_the_table_was_read_changes_nothing() -> None:
    alerts = Alerts()
    alerts.note(told("a", 2))
    alerts.begin({PLACE: 5})
    alerts.note(told("a", 1, 3))
    alerts.note(told("a", 3, 4, ended=True))  # the table would have it
    alerts.note(told("ghost", 1, 4))  # the table has lost it
    assert firing(alerts) == {"a": 2}
    alerts.note(told("a", 3, 5, ended=True))
    assert firing(alerts) == {}


def test_what_the_table_says_is_over_does_not_fire_again_when_the_outbox_tells_how_it_began() -> (
    None
):
    alerts = Alerts()
    alerts.note(told("a", 2, ended=True))
    alerts.begin({PLACE: 0})
    alerts.note(told("a", 1, 0))
    assert firing(alerts) == {}
    alerts.note(told("a", 2, 1, ended=True))
    assert firing(alerts) == {}


def test_what_an_outbox_publishes_again_after_a_crash_is_passed_over() -> None:
    alerts = Alerts()
    once = [told("a", 1, 0), told("a", 2, 1, ended=True)]
    again = [told("a", 1, 2), told("a", 2, 3, ended=True)]
    for entry in [*once, *again]:
        alerts.note(entry)
        assert firing(alerts) == ({"a": 1} if entry.offset == 0 else {})


def test_without_a_table_the_topic_alone_tells() -> None:
    alerts = Alerts()
    alerts.begin({})
    alerts.note(told("a", 4, 9))
    assert firing(alerts) == {"a": 4}


def test_of_those_that_are_over_only_the_last_are_kept() -> None:
    alerts = Alerts()
    for number in range(MOST_OVER + 1):
        alerts.note(told(f"a-{number}", 1, 2 * number))
        alerts.note(told(f"a-{number}", 2, 2 * number + 1, ended=True))
    alerts.note(told(f"a-{MOST_OVER}", 1, 50_000))
    assert firing(alerts) == {}
    alerts.note(told("a-0", 1, 50_001))  # forgotten: it is as new
    assert firing(alerts) == {"a-0": 1}
