"""Where the alerting schema's migrations stand; ``minestream migrate`` finds them from here."""

from importlib.resources import files
from typing import Final

from minestream_runtime.database import Migrations

MIGRATIONS: Final = Migrations("alerting", files("alerter.adapters") / "sql")
