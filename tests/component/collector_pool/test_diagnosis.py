"""S1-6.1-diag-prohash: each step of the way to the pool is told, with what to do where it fails."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.component.collector_pool.pool_world import Pool

from collector_pool.adapters.diagnosis import diagnosed
from collector_pool.settings import PoolSettings
from minestream_emulators.prohashing.site import POOL_KEY
from minestream_emulators.troubles import Trouble
from minestream_runtime.clock import Clock, SystemClock
from minestream_runtime.command.diagnosis import Step


@dataclass
class Later(SystemClock):
    """This machine's clock, so many seconds ahead of the pool's."""

    by_s: float

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.by_s)


async def steps(
    pool: Pool,
    folder: Path,
    key: str | None = POOL_KEY,
    profile: str = "live",
    clock: Clock | None = None,
) -> dict[str, Step]:
    settings = PoolSettings(
        pool_profile=profile,
        pool_api_key=SecretStr(key) if key else None,
        pool_wamp_url=pool.wamp_url if profile != "proxy" else None,
        pool_http_url=f"{pool.web}/api/v1" if profile != "proxy" else None,
        pool_proxy_url=f"{pool.web}/proxy" if profile == "proxy" else None,
        state_dir=folder,
    )
    return {step.name: step for step in await diagnosed(settings, clock or SystemClock())}


async def test_a_way_that_works_is_told_step_by_step(pool: Pool, tmp_path: Path) -> None:
    found = await steps(pool, tmp_path)
    assert list(found) == [
        "key",
        "health (HTTP)",
        "authentication (HTTP)",
        "feed (WAMP)",
        "authentication (WAMP)",
        "freshness",
        "rates",
    ]
    assert {step.ok for step in found.values()} == {True}
    assert "algorithms: scrypt" in found["rates"].found
    assert not any(POOL_KEY in step.found for step in found.values())


async def test_a_wrong_key_fails_where_it_is_asked_for_alone(pool: Pool, tmp_path: Path) -> None:
    found = await steps(pool, tmp_path, key="not-this-one")
    failed = {name for name, step in found.items() if step.ok is False}
    assert failed == {"authentication (HTTP)", "authentication (WAMP)"}
    assert all(found[name].advice for name in failed)


async def test_without_a_key_what_needs_none_is_tried(pool: Pool, tmp_path: Path) -> None:
    found = await steps(pool, tmp_path, key=None)
    assert (found["key"].ok, found["health (HTTP)"].ok, found["rates"].ok) == (False, True, True)
    assert "authentication (HTTP)" not in found


async def test_before_a_profile_is_chosen_the_addresses_that_are_set_are_tried(
    pool: Pool, tmp_path: Path
) -> None:
    found = await steps(pool, tmp_path, profile="none")
    assert {step.ok for step in found.values()} == {True}
    assert "authentication (WAMP)" in found
    assert "authentication (WAMP)" not in await steps(pool, tmp_path, key=None, profile="none")


async def test_the_proxy_alone_tells_health_freshness_and_rates(pool: Pool, tmp_path: Path) -> None:
    found = await steps(pool, tmp_path, profile="proxy")
    assert {name: step.ok for name, step in found.items()} == {
        "key": True,
        "health (proxy)": True,
        "freshness": True,
        "rates": True,
    }


@pytest.mark.parametrize("profile", ["live", "proxy"])
async def test_a_pool_that_is_away_is_said_to_be(pool: Pool, tmp_path: Path, profile: str) -> None:
    pool.troubles.begin(Trouble.POOL_DOWN, for_s=None)
    found = await steps(pool, tmp_path, profile=profile)
    assert not any(step.ok for name, step in found.items() if name != "key")


@pytest.mark.parametrize("profile", ["live", "proxy"])
async def test_rates_are_stale_once_the_newest_is_more_than_ten_minutes_old(
    pool: Pool, tmp_path: Path, profile: str
) -> None:
    pool.troubles.begin(Trouble.POOL_STALE, for_s=None)
    found = await steps(pool, tmp_path, profile=profile, clock=Later(570.0))
    assert found["freshness"].ok, found["freshness"].found
    found = await steps(pool, tmp_path, profile=profile, clock=Later(600.0))
    assert [name for name, step in found.items() if not step.ok] == ["freshness"]
    assert found["freshness"].found.startswith("the newest rate is 6")
    assert "older than 600 s" in found["freshness"].advice


async def test_a_proxy_whose_feed_stands_still_is_said_to_be_not_updating(
    pool: Pool, tmp_path: Path
) -> None:
    pool.troubles.begin(Trouble.POOL_STALE, for_s=None)
    pool.site.book.at_s -= 660.0
    found = await steps(pool, tmp_path, profile="proxy")
    assert [name for name, step in found.items() if not step.ok] == ["health (proxy)", "freshness"]
    assert "not updating" in found["health (proxy)"].found
    assert "restart the proxy" in found["health (proxy)"].advice
