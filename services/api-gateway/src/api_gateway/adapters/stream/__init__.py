"""The websocket: Kafka and the database on one side, clients on the other."""
