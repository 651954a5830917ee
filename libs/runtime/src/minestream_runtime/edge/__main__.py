"""Starts a site's collectors: ``python -m minestream_runtime.edge --config FILE``."""

from minestream_runtime.edge.command import main

if __name__ == "__main__":
    main()
