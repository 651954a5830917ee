"""One reading and its way."""
