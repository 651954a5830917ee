"""What the stream owes each of its clients; knows neither sockets nor Kafka."""
