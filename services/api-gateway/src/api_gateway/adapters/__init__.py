"""The outside things the gateway speaks to: HTTP, the database, Kafka, files, the command line."""
