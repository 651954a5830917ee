"""The outside: Kafka, Abacus.AI through its own SDK, the disk."""
