"""Real Kafka and PostgreSQL from wheels, supervised, behind the ``minestream`` command."""
