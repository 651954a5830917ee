"""The outside: Kafka, Parquet files, the database, the command line."""
