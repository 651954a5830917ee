"""Leads sub-commands of others to the stack that runs in this folder."""

from collections.abc import MutableMapping

from minestream_devstack.home import KEYS, Home, keys_named
from minestream_devstack.supervision import Supervisor


def adopt(command: str, environ: MutableMapping[str, str]) -> None:
    """Lead a sub-command to the stack that runs here, where the environment names no other.

    Args:
        command: where its code is; our own know the stack anyway.
        environ: what the sub-command will see.
    """
    if not command.startswith("minestream_devstack."):
        lead(environ, Home.here())


def lead(environ: MutableMapping[str, str], home: Home) -> None:
    """Name the servers of a home whose stack runs, where nothing else is named."""
    exports = home.exports
    if exports and Supervisor(home).alive:
        keyed = bool(keys_named(environ))
        for name, value in exports.items():
            if not (keyed and name in KEYS):
                environ.setdefault(name, value)
