"""PostgreSQL and TimescaleDB: connections with a role, migrations in two dialects."""

from minestream_runtime.database.migrations import (
    Migrations,
    StorageDialect,
    migrate,
    storage_dialect,
)
from minestream_runtime.database.pool import Connection, Pool, Role, open_pool, store_errors

__all__ = [
    "Connection",
    "Migrations",
    "Pool",
    "Role",
    "StorageDialect",
    "migrate",
    "open_pool",
    "storage_dialect",
    "store_errors",
]
