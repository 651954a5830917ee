"""The processor: normalises, windows and scores what miners said; Kafka to Kafka, on Faust."""
