"""What becomes of a record: rows, a dead letter, nothing. Pure."""
