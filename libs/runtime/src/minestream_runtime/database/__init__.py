"""PostgreSQL and TimescaleDB: connections with a role, migrations in two dialects."""

from minestream_runtime.database.migrations import Migrations, StorageDialect, migrate
from minestream_runtime.database.pool import Role, open_pool, store_errors

__all__ = ["Migrations", "Role", "StorageDialect", "migrate", "open_pool", "store_errors"]
