"""The outside: Kafka, the database, and the upkeep of its tables."""
