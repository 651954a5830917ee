"""What the processor touches: Faust, Kafka, RocksDB, the disk, the clock."""
