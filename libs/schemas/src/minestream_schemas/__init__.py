"""The contract between the services: events, topics, units, ids and metric names."""
