"""How long and how often miners at a TCP port are asked where nobody says otherwise."""

from collector_cgminer.settings import CgminerSettings
from minestream_runtime.devices.cgminer import DEADLINE_S, MAX_ANSWER_BYTES


def test_untold_a_port_is_asked_each_minute_and_has_five_seconds_and_a_mebibyte() -> None:
    untold = CgminerSettings()
    assert (untold.interval_of(None), untold.poll_deadline_s) == (60.0, 5.0)
    assert (DEADLINE_S, MAX_ANSWER_BYTES) == (5.0, 1024 * 1024)
