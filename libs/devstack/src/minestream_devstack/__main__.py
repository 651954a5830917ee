"""``python -m minestream_devstack`` is ``minestream``."""

from minestream_devstack.cli import main

if __name__ == "__main__":
    main()
