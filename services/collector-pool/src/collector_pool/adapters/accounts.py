"""All accounts of the file together: one client and one count for each pool, its limits shared."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from collector_pool.adapters.account import STARTED, Follower
from collector_pool.adapters.asking import Asker, Way, manners
from collector_pool.adapters.teller import Teller, Whose
from collector_pool.settings import PoolSettings
from minestream_dialects.pools import POOLS
from minestream_dialects.pools.port import Account
from minestream_runtime.clock import Clock
from minestream_runtime.health import Health
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.polite import PoliteClient
from minestream_runtime.tasks import Tasks

_FRESH_INTERVALS = 2.5


class Accounts:
    """Follows accounts.

    Args:
        settings: when income is asked for, how old is stale.
        accounts: whose.
        outlet: opened by the caller.
        clock: instants and durations.
    """

    def __init__(
        self, settings: PoolSettings, accounts: Sequence[Account], outlet: Outlet, clock: Clock
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._outlet = outlet
        self._clock = clock

    async def run(self, health: Health) -> None:
        """Follow all of them until cancelled.

        Args:
            health: gains a note for each account; a pool that is away leaves us ready.
        """
        settings = self._settings
        tasks = Tasks(
            self._clock,
            whose=settings.collector_id,
            state=settings.state_dir / f"{settings.collector_id}.pools.tasks",
        )
        async with self._ways() as ways, asyncio.TaskGroup() as group:
            for account in self._accounts:
                follower = self._follower(account, ways[_where(account)], group)
                follower.add_tasks(
                    tasks,
                    payouts=settings.pools_payouts_cron,
                    history=settings.pools_history_cron,
                    reconcile=settings.pools_reconcile_cron,
                )
                health.notes[f"pool {account.account_id}"] = follower.note
                group.create_task(follower.run())
            tasks.tell(STARTED)
            group.create_task(tasks.run())

    def _follower(self, account: Account, way: Way, group: asyncio.TaskGroup) -> Follower:
        settings, pool = self._settings, POOLS[account.pool]
        fresh_s = max(settings.pool_fresh_s, _FRESH_INTERVALS * account.interval_s)
        whose = Whose(account.account_id, fresh_s)
        teller = Teller(settings, self._outlet, self._clock, whose=whose)
        group.create_task(teller.watch())
        asker = Asker(
            pool,
            way,
            self._clock,
            interval_s=account.interval_s,
            stale_most_s=settings.pools_stale_s,
            refused_s=settings.pool_refused_s,
        )
        return Follower(
            account,
            pool,
            asker,
            teller,
            collector_id=settings.collector_id,
            clock=self._clock,
        )

    @asynccontextmanager
    async def _ways(self) -> AsyncIterator[dict[tuple[str, str], Way]]:
        """The way to each pool, at each address."""
        ways: dict[tuple[str, str], Way] = {}
        async with AsyncExitStack() as stack:
            for name, url in dict.fromkeys(map(_where, self._accounts)):
                treated = manners(POOLS[name].apart_s)
                client = PoliteClient(name, url, self._clock, manners=treated)
                await stack.enter_async_context(client)
                ways[name, url] = Way(client)
            yield ways


def _where(account: Account) -> tuple[str, str]:
    return account.pool, account.url or POOLS[account.pool].url
