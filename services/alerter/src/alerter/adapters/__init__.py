"""The outside: Kafka, the database, web hooks, mail."""
