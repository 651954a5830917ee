import pytest

from api_gateway.domain.summary import Group, summarise


def test_an_empty_site_is_all_zero() -> None:
    summary = summarise([])
    assert summary.miners_total == 0
    assert summary.chip_temp_mean_c == 0.0
    assert summary.algorithms == {}


def test_every_miner_is_in_exactly_one_of_the_four_states() -> None:
    summary = summarise(
        [
            Group("sha256d", "mining", stale=False, miners=5),
            Group("sha256d", "mining", stale=True, miners=3),
            Group("sha256d", "offline", stale=False, miners=2),
            Group("sha256d", "offline", stale=True, miners=4),
            Group("sha256d", "garbage", stale=False, miners=1),
            Group("sha256d", "unknown", stale=False, miners=6, heard=False),
            Group("sha256d", "unauthorised", stale=False, miners=1),
        ]
    )
    assert (summary.online, summary.offline, summary.stale, summary.unknown) == (6, 7, 3, 6)
    assert summary.miners_total == 22
    assert summary.statuses["offline"] == 6


def test_a_miner_in_a_state_that_we_do_not_know_counts_with_its_numbers() -> None:
    odd = Group("scrypt", "unknown", stale=False, miners=2, hashrate_hs=3.2e10, hashrate_said=2)
    summary = summarise([odd])
    assert (summary.online, summary.unknown) == (2, 0)
    assert summary.algorithms["scrypt"].hashrate_hs == 3.2e10


def test_hashrates_of_two_algorithms_are_never_added() -> None:
    summary = summarise(
        [
            Group("sha256d", "mining", stale=False, miners=1, hashrate_hs=2e14, hashrate_said=1),
            Group("scrypt", "mining", stale=False, miners=1, hashrate_hs=1.6e10, hashrate_said=1),
        ]
    )
    assert summary.algorithms["sha256d"].hashrate_hs == 2e14
    assert summary.algorithms["scrypt"].hashrate_hs == 1.6e10


def test_efficiency_is_of_miners_that_say_both_and_zero_where_none_does() -> None:
    group = Group(
        "sha256d",
        "mining",
        stale=False,
        miners=3,
        hashrate_hs=3e14,
        power_w=6600.0,
        paired_hashrate_hs=2e14,
        paired_power_w=4000.0,
    )
    assert summarise([group]).algorithms["sha256d"].efficiency_j_per_th == pytest.approx(20.0)
    standstill = Group("sha256d", "stopped", stale=False, miners=1, paired_power_w=50.0)
    assert summarise([standstill]).algorithms["sha256d"].efficiency_j_per_th == 0.0


def test_readings_that_are_stale_or_offline_add_nothing() -> None:
    summary = summarise(
        [
            Group("x", "mining", stale=True, miners=1, hashrate_hs=1.0, power_w=5.0, power_said=1),
            Group("x", "offline", stale=False, miners=1, power_w=7.0, power_said=1),
        ]
    )
    assert summary.power_w == 0.0
    assert summary.power_said == 0
    assert summary.algorithms["x"].hashrate_hs == 0.0


def test_the_mean_temperature_is_over_miners_not_over_groups() -> None:
    summary = summarise(
        [
            Group("x", "mining", stale=False, miners=3, chip_temp_sum_c=180.0, chip_temp_said=3),
            Group("x", "tuning", stale=False, miners=1, chip_temp_sum_c=80.0, chip_temp_said=1),
        ]
    )
    assert summary.chip_temp_mean_c == pytest.approx(65.0)


def test_money_is_added_over_algorithms_and_says_of_how_many_miners() -> None:
    paid = Group(
        "scrypt",
        "mining",
        stale=False,
        miners=3,
        revenue_usd_per_day=18.0,
        revenue_said=2,
        power_cost_usd_per_day=12.0,
        power_cost_said=3,
        profit_usd_per_day=10.0,
        profit_said=2,
    )
    dear = Group("sha256d", "mining", stale=False, miners=1, profit_usd_per_day=-1.5, profit_said=1)
    old = Group("scrypt", "mining", stale=True, miners=1, revenue_usd_per_day=9.0, revenue_said=1)
    summary = summarise([paid, dear, old])
    assert (summary.revenue_usd_per_day, summary.revenue_said) == (18.0, 2)
    assert (summary.power_cost_usd_per_day, summary.power_cost_said) == (12.0, 3)
    assert (summary.profit_usd_per_day, summary.profit_said) == (8.5, 3)
