"""Runs an emulated world: ``python -m minestream_emulators --help``."""

import typer

from minestream_emulators.serve import serve

if __name__ == "__main__":
    typer.run(serve)
