"""``python -m minestream_devstack`` is ``minestream``."""

from minestream_runtime.command.cli import main

if __name__ == "__main__":
    main()
