"""Turns itself into a program of the stack: reads what to run from a private file, and runs it.

The supervisor's own configuration cannot quote every path and secret; a file of ours can.
"""

import json
import os
import pwd
import sys
from pathlib import Path


def main() -> None:
    """Become the program that the file named by the first argument describes."""
    program = json.loads(Path(sys.argv[1]).read_text())
    if program["user"] is not None:
        account = pwd.getpwnam(program["user"])
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    os.chdir("/")
    command = program["command"]
    os.execve(command[0], command, {**os.environ, **program["environment"]})  # noqa: S606 - becomes it


if __name__ == "__main__":
    main()
