"""The outside: the pool's WAMP and HTTP interfaces, Kafka."""
