"""Gaps that are open, on disk: who begins anew, or follows other accounts now, tells their end."""

import glob
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from collector_pool.settings import PoolSettings
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.state_file import StateFile
from minestream_schemas.gap import GapCause, gap_of

OpenGaps = dict[str, datetime]
"""Since when, by account."""
_SUFFIX: Final = ".gaps"


def gaps_file(settings: PoolSettings, account_id: str | None = None) -> StateFile[OpenGaps]:
    """Keeps since when an account says nothing fresh.

    Args:
        settings: which folder, and who we are.
        account_id: one of the file of accounts; None: the one of the settings.
    """
    return StateFile(_path(settings, account_id), OpenGaps)


def left_open(settings: PoolSettings, accounts: Iterable[str]) -> dict[Path, OpenGaps]:
    """Gaps that nobody would ever end: of accounts that are followed no more, by file.

    Args:
        settings: an account of their own is followed where they have a profile.
        accounts: those of the file that are followed.
    """
    followed = {(_path(settings, each), each) for each in accounts}
    if settings.profile() is not None:
        followed.add((_path(settings), settings.pool_account))
    ours = glob.escape(settings.collector_id)
    found = {}
    for pattern in (f"{ours}{_SUFFIX}", f"{ours}.*{_SUFFIX}"):
        for path in sorted(settings.state_dir.glob(pattern)):
            known = StateFile(path, OpenGaps).load() or {}
            left = {name: at for name, at in known.items() if (path, name) not in followed}
            if left:
                found[path] = left
    return found


async def end_left(
    left: dict[Path, OpenGaps], outlet: Outlet, *, at: datetime, collector_id: str
) -> None:
    """Tell that they are over, and forget them; who is killed in between tells it again.

    Args:
        left: see ``left_open``.
        outlet: the way out.
        at: now.
        collector_id: who tells.
    """
    for path, gaps in left.items():
        for account_id, began_at in gaps.items():
            ended_at = max(at, began_at)
            structlog.get_logger().info("source_left", account_id=account_id)
            await outlet.tell(
                gap_of(
                    account_id,
                    GapCause.SOURCE_SILENT,
                    began_at,
                    ended_at,
                    reported_by=collector_id,
                )
            )
        file = StateFile(path, OpenGaps)
        known = file.load() or {}
        file.save({name: since for name, since in known.items() if name not in gaps})


def _path(settings: PoolSettings, account_id: str | None = None) -> Path:
    named = settings.collector_id if account_id is None else f"{settings.collector_id}.{account_id}"
    return settings.state_dir / f"{named}{_SUFFIX}"
