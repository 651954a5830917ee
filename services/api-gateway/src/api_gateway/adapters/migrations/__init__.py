"""The SQL files of the fleet schema, and their registration with ``minestream migrate``."""

from importlib.resources import files
from typing import Final

from minestream_runtime.database import Migrations

MIGRATIONS: Final = Migrations(owner="fleet", folder=files("api_gateway.adapters.migrations"))
