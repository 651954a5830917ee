"""REST over the fleet and its telemetry; the inventory's authority and its way onto Kafka."""
