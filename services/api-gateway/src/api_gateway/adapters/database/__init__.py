"""The database, by what may be done there: a reader cannot be passed where a writer is wanted."""

from api_gateway.adapters.database.access import Reader, Writer, open_reader, open_writer

__all__ = ["Reader", "Writer", "open_reader", "open_writer"]
