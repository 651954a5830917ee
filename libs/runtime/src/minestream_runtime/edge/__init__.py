"""A collector at a site without Kafka: an inventory file, uploads to the gateway, one process."""
