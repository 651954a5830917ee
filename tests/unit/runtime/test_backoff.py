from random import Random

from minestream_runtime.backoff import Backoff


def test_delays_double_up_to_the_cap_and_are_never_in_step() -> None:
    backoff = Backoff(first_s=1, most_s=10, source=Random(7))
    delays = [backoff.next_s() for _ in range(60)]
    for nominal, delay in zip((1, 2, 4, 8, *[10] * 56), delays, strict=True):
        assert nominal / 2 <= delay <= nominal
    assert len(set(delays)) == len(delays)


def test_after_success_it_begins_again() -> None:
    backoff = Backoff(first_s=1, most_s=10, source=Random(7))
    for _ in range(5):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 1
