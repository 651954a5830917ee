"""The outside: markets, networks, Kafka."""
