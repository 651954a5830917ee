"""Whose events wait at a site: another's are neither uploaded with our key nor forgotten."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import msgspec

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.outlet.spool import Spool
from minestream_schemas.upload import reporter_of


class _Told(msgspec.Struct):
    """What of an event says whose it is."""

    site_id: str | None = None


async def refuse_anothers(spool: Spool, site: str) -> None:
    """See that what waits longest is the site's own: the gateway would refuse all of another's.

    Args:
        spool: opened; nothing of it is under way.
        site: whose key we have.

    Raises:
        ConfigurationError: it is another site's; nothing of it was sent.
    """
    waiting = (await spool.peek(most=1)).events
    await spool.release()
    if not waiting:
        return
    try:
        whose = msgspec.json.decode(waiting[0].value, type=_Told).site_id
    except msgspec.MsgspecError:  # the gateway says what is wrong with it
        return
    if whose not in {None, site}:
        raise ConfigurationError(
            f"the spool's events are of the site {whose}, and the gateway would refuse them all "
            f"with the key of {site}: give the file its name back ({reporter_of(str(whose))}.spool)"
            f" and start once with `site: {whose}` and the key of that site"
        )


def left_behind(folder: Path, site: str) -> list[str]:
    """Spools of other sites that no process has open, and what to do with them.

    Args:
        folder: of spools.
        site: whose spool is not meant.
    """
    own = f"{reporter_of(site)}.spool"
    files = sorted(folder.glob(f"{reporter_of('*')}.spool"))
    found = ((file, _waiting(file)) for file in files if file.name != own)
    return [
        f"{file} has {events} events of another site that nobody uploads: start once with that "
        "site's name and key, or remove the file"
        for file, events in found
        if events
    ]


def _waiting(file: Path) -> int:
    """How many events wait in a file; 0 too where a process has it open, or it is damaged."""
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True, timeout=0)
        ) as db:
            found = db.execute("SELECT coalesce(sum(events), 0) FROM block").fetchone()[0]
    except sqlite3.Error:
        return 0
    return found if isinstance(found, int) else 0
